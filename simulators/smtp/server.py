"""The stub as two servers: SMTP, by aiosmtpd on a loop of its own in a thread; and HTTP, for whoever wants to look."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import trio
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from simulators.clock import Clock
from simulators.faults import Faults
from simulators.outbox import Outbox
from simulators.web import Answer, Failed, Request, Web

from . import mail
from .certificate import context

KINDS: Mapping[str, str] = {
    "refuse": "550: there is no such mailbox",
    "later": "451: try again later",
    "busy": "421: the server goes away",
    "timeout": "the server is silent for delay_s, and the mail is not kept",
    "lost": "the mail is kept, and the connection ends before the server says so",
}
"""Faults; ``match`` is of the recipient's address."""

LARGEST = 30 * 1024 * 1024


class SmtpStub:
    """See the package. Without a ``user`` nobody has to log in; ``tls`` is a folder for key and certificate, where STARTTLS is offered."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        folder: Path | None = None,
        user: str = "",
        password: str = "",
        tls: Path | None = None,
        require_tls: bool = False,
    ) -> None:
        self.clock = clock or Clock.start()
        self.folder = folder
        self.user, self.password = user, password
        self.tls: ssl.SSLContext | None = context(tls) if tls is not None else None
        self.require_tls = require_tls
        self.smtp_port = 0
        self.faults = Faults(KINDS)
        self.outbox = Outbox("SMTP stub", self.clock.now_iso)
        self.mails: dict[str, tuple[bytes, mail.Mail]] = {}
        self._count = 0
        self.web = Web()
        for method, path, handler in (
            ("GET", "/stub/outbox/<message_id>.eml", self._raw),
            ("GET", "/stub/outbox/<message_id>/html", self._html),
            ("GET", "/stub/outbox/<message_id>/attachments/<number>", self._attachment),
            ("GET", "/stub/faults", self.faults.show),
            ("POST", "/stub/faults", self.faults.ask),
            ("DELETE", "/stub/faults", self.faults.clear),
        ):
            self.web.add(method, path, handler)
        self.outbox.routes(self.web)

    @property
    def url(self) -> str:
        """Where one can look."""
        return f"http://127.0.0.1:{self.web.port}"

    async def serve_tcp(
        self,
        port: int = 0,
        *,
        smtp_port: int = 0,
        host: str = "127.0.0.1",
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until cancelled; the start value is the port of HTTP, ``smtp_port`` holds the other."""
        async with trio.open_nursery() as nursery:
            self.smtp_port = await nursery.start(partial(self._serve_smtp, host, smtp_port))
            task_status.started(await nursery.start(partial(self.web.serve_tcp, port, host=host)))

    async def _serve_smtp(self, host: str, port: int, *, task_status: trio.TaskStatus[int]) -> None:
        loop, stop = asyncio.new_event_loop(), asyncio.Event()

        async def listen() -> None:
            server = await loop.create_server(self._protocol, host, port)
            trio.from_thread.run_sync(task_status.started, server.sockets[0].getsockname()[1])
            await stop.wait()
            server.close()
            for task in asyncio.all_tasks(loop) - {asyncio.current_task(loop)}:
                task.cancel()
            await asyncio.sleep(0)

        def work() -> None:
            try:
                loop.run_until_complete(listen())
            finally:
                loop.close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, work)
            try:
                await trio.sleep_forever()
            finally:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(stop.set)

    def _protocol(self) -> Any:
        return SMTP(
            _Post(self),
            hostname="localhost",
            ident="stub",
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            tls_context=self.tls,
            require_starttls=self.require_tls and self.tls is not None,
            auth_required=bool(self.user),
            auth_require_tls=self.require_tls and self.tls is not None,
            authenticator=self._log_in,
        )

    def _log_in(self, server: Any, peer: Any, envelope: Any, mechanism: str, shown: Any) -> AuthResult:
        right = isinstance(shown, LoginPassword) and (shown.login, shown.password) == (self.user.encode(), self.password.encode())
        return AuthResult(success=right, handled=False)

    def keep(self, sender: str, recipients: list[str], raw: bytes) -> None:
        """Take a mail."""
        self._count += 1
        read = mail.read(raw)
        message_id = f"{self._count:06d}"
        if self.folder is not None:
            (self.folder / f"{message_id}.eml").write_bytes(raw)
        self.mails[message_id] = (raw, read)
        links = {"html": f"/stub/outbox/{message_id}/html"} if read.html else {}
        links["source"] = f"/stub/outbox/{message_id}.eml"
        for number, file in enumerate(read.attachments):
            links[file.filename or file.content_type] = f"/stub/outbox/{message_id}/attachments/{number}"
        shown = {"envelope": {"from": sender, "to": recipients}, **read.shown()}
        words = (read.text or read.html)[:2000]
        self.outbox.add(message_id, ", ".join(recipients), "mail", words, shown, subject=read.subject, links=links)

    # --- to be looked at --------------------------------------------------------------------------------------------------------

    def _mail(self, message_id: str) -> tuple[bytes, mail.Mail]:
        if message_id not in self.mails:
            raise Failed(Answer.json({"error": f"there is no mail {message_id}"}, 404))
        return self.mails[message_id]

    def _raw(self, request: Request, message_id: str) -> Answer:
        return Answer(200, self._mail(message_id)[0], "message/rfc822")

    def _html(self, request: Request, message_id: str) -> Answer:
        return Answer.html(self._mail(message_id)[1].html)

    def _attachment(self, request: Request, message_id: str, number: str) -> Answer:
        files = self._mail(message_id)[1].attachments
        if not number.isdigit() or int(number) >= len(files):
            raise Failed(Answer.json({"error": f"there is no attachment {number}"}, 404))
        return Answer(200, files[int(number)].data, files[int(number)].content_type)


class _Post:
    """What aiosmtpd asks about each mail. Its names are aiosmtpd's."""

    def __init__(self, stub: SmtpStub) -> None:
        self.stub = stub

    async def handle_RCPT(self, server: Any, peer: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        """May this one be written to?"""
        answers: dict[str, str] = {
            "refuse": "550 5.1.1 no such mailbox",
            "later": "451 4.3.0 try again later",
            "busy": "421 4.3.2 busy",
        }
        fault = self.stub.faults.take(address, *answers)
        if fault is not None:
            return answers[fault.kind]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, peer: Any, envelope: Any) -> str:  # noqa: N802
        """A whole mail."""
        fault = next((found for address in envelope.rcpt_tos if (found := self.stub.faults.take(address, "timeout", "lost"))), None)
        if fault is not None and fault.kind == "timeout":
            await asyncio.sleep(fault.delay_s)
            server.transport.abort()
            return "451 4.3.0 too late"
        trio_side: Callable[..., None] = self.stub.keep
        trio.from_thread.run_sync(trio_side, envelope.mail_from or "", list(envelope.rcpt_tos), bytes(envelope.content or b""))
        if fault is not None:
            server.transport.abort()
        return "250 2.0.0 kept"
