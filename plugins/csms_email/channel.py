"""Speaks SMTP, in a thread."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import closing, suppress
from email.message import EmailMessage

import attrs
import trio

from csms.hooks import NeverSent, NotSent, Outgoing, PluginContext, Receipt

from .model import PLAIN, STARTTLS, TLS, Settings
from .service import email_of


@attrs.define(slots=True, eq=False)
class EmailChannel:
    """The channel ``email``. A conversation with the server per message: what was taken is taken, whatever comes after."""

    context: PluginContext
    name: str = "email"
    _places: trio.CapacityLimiter = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._places = trio.CapacityLimiter(self.settings.parallel)

    @property
    def settings(self) -> Settings:
        """What we are told."""
        found: Settings = self.context.settings
        return found

    async def send(self, message: Outgoing, /) -> Receipt:
        """Hand a message to the server. Raises ``NotSent`` where it may be tried again, ``NeverSent`` where not (RFC 5321 §4.2.1)."""
        made = email_of(message, self.settings, now=self.context.clock.now())
        async with self._places:
            await self.context.blocking.run("smtp", self._deliver, made)
        return Receipt(channel_id=str(made["Message-ID"]))

    async def check(self) -> str:
        """Log in and leave. Raises ``NotSent``."""
        async with self._places:
            return await self.context.blocking.run("smtp", self._look)

    def _look(self) -> str:
        try:
            with closing(self._connected()) as server:
                code, _ = server.noop()
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(_words(error)) from None
        how = "" if self.settings.security == PLAIN else f" over {'STARTTLS' if self.settings.security == STARTTLS else 'TLS'}"
        who = f", logged in as {self.settings.username}" if self.settings.username else ""
        return f"{self.settings.host}:{self.settings.port} answers ({code}){how}{who}"

    def _deliver(self, made: EmailMessage) -> None:
        try:
            with closing(self._connected()) as server:
                server.send_message(made)
                with suppress(OSError, smtplib.SMTPException):  # it was taken
                    server.quit()
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            raise (NeverSent if 500 <= code < 600 else NotSent)(
                f"the server refused the recipient: {code} {_text(words)}"
            ) from None
        except smtplib.SMTPAuthenticationError as error:  # the settings are wrong, not the message
            raise NotSent(f"the server refused our login: {error.smtp_code}") from None
        except smtplib.SMTPResponseException as error:
            said = f"the server answered {error.smtp_code} {_text(error.smtp_error)}"
            raise (NeverSent if 550 <= error.smtp_code < 560 else NotSent)(said) from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(_words(error)) from None

    def _connected(self) -> smtplib.SMTP:
        told = self.settings
        tls = None if told.security == PLAIN else ssl.create_default_context()
        if tls is not None and told.ca_file:
            tls.load_verify_locations(told.ca_file)
        server: smtplib.SMTP
        if told.security == TLS:
            server = smtplib.SMTP_SSL(told.host, told.port, local_hostname=told.hello, timeout=told.timeout_s, context=tls)
        else:
            server = smtplib.SMTP(told.host, told.port, local_hostname=told.hello, timeout=told.timeout_s)
        try:
            if told.security == STARTTLS:
                server.starttls(context=tls)
            if told.username:
                server.login(told.username, told.password)
        except BaseException:
            server.close()
            raise
        return server


def _text(words: bytes | str) -> str:
    return (words.decode("utf-8", "replace") if isinstance(words, bytes) else words)[:200]


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the server refused our login: {error.smtp_code}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the server answered {error.smtp_code} {_text(error.smtp_error)}"
    return f"the server cannot be reached: {error or type(error).__name__}"
