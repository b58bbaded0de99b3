"""One message on its way: put into words, handed to its channel, and what became of it kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec
import structlog
import trio

from csms.core.errors import StoreUnavailable
from csms.core.ids import TenantId
from csms.core.messages import Attachment, NeverSent, NotSent, Outgoing
from csms.core.ports import Ports
from csms.core.vault import NoKey
from csms.domain.documents.model import Content

from .catalogue import KINDS
from .composing import Composed, compose, outgoing
from .model import DRIVER, USER, Came, Rules, message_key
from .service import sending
from .service.sending import Parcel
from .shipped import forms_of
from .unsubscribing import Unsubscribing, token_of
from .wording import BadTemplate

MOST_ATTACHED = 15 * 1024 * 1024
"""Bytes of all documents that go with one message."""
PIECE_BYTES = 1024 * 1024
WORDING_LIMIT_S = 5.0
KIND = "words"
"""The threads in which templates are rendered."""
RETRY_S = 1.0
SETTLE_S = 5.0
ATTACHING_LIMIT_S = 20.0
SPREAD = (0.8, 1.2)

log = structlog.get_logger("csms.messages")


async def carry(ports: Ports, rules: Rules, tenant: TenantId, message_id: int) -> None:
    """One attempt, written before and after. Raises ``StoreUnavailable`` where it could not begin."""
    key = message_key(message_id)
    parcel = await ports.database.write(sending.begin, message_id, tuple(ports.channels), rules, tenant=tenant, keys=(key,))
    if parcel is None:
        return
    came = await attempt(ports, rules, parcel)
    spread = ports.random.uniform(*SPREAD)
    verb = partial(sending.settle, parcel=parcel, came=came, available=tuple(ports.channels), rules=rules, spread=spread)
    until = trio.current_time() + sending.LEASE_MORE_MS / 2000
    while trio.current_time() < until:
        try:
            with trio.move_on_after(SETTLE_S, shield=True):  # also while the server stops: it was sent
                await ports.database.write(verb, tenant=tenant, keys=(key,))
                return
        except StoreUnavailable as error:
            log.warning("messages.not_kept", message=message_id, reason=str(error))
        await trio.sleep(RETRY_S)
    log.error("messages.not_kept", message=message_id, reason="it is sent again, under the same reference, once its time is over")


async def attempt(ports: Ports, rules: Rules, parcel: Parcel) -> Came:
    """Put a message into words and hand it to its channel. Never raises for what a channel or a template does."""
    started = trio.current_time()
    secrets: Mapping[str, str] = {}
    came: Came
    try:
        secrets = _opened(ports, parcel)
        composed, message = await _worded(ports, rules, parcel, secrets)
        channel = ports.channels.get(parcel.channel)
        if channel is None:
            raise NotSent(f"there is no channel {parcel.channel}")
        with trio.fail_after(rules.timeout_s):
            receipt = await channel.send(message)
        came = Came(sent=True, channel_id=receipt.channel_id, subject=composed.subject, text=_kept(composed, message))
    except NotSent as error:
        came = Came(sent=False, error=str(error) or "not sent", after_s=error.after_s)
    except NeverSent as error:
        came = Came(sent=False, error=str(error) or "never sent", for_good=True)
    except trio.TooSlowError:
        came = Came(sent=False, error=f"the channel took longer than {rules.timeout_s:g} s")
    except (NoKey, BadTemplate) as error:
        came = Came(sent=False, error=str(error), for_good=True)
    except Exception as error:  # a mistake of a channel's must not end the others
        log.error("messages.channel_failed", channel=parcel.channel, message=parcel.message.id, error=type(error).__name__)
        came = Came(sent=False, error=f"{type(error).__name__}: {error}")
    took_ms = round((trio.current_time() - started) * 1000)
    return Came(
        sent=came.sent,
        error=_without(came.error, secrets),
        channel_id=came.channel_id,
        after_s=came.after_s,
        for_good=came.for_good,
        took_ms=took_ms,
        subject=came.subject,
        text=came.text,
    )


def _without(text: str, secrets: Mapping[str, str]) -> str:
    """A channel's words without what is secret, should it have repeated that."""
    for each in secrets.values():
        if each:
            text = text.replace(each, "***")
    return text


def _kept(composed: Composed, message: Outgoing) -> str:
    """What is remembered of the words: an e-mail without what stands around them."""
    return composed.text if message.html else message.text


def _opened(ports: Ports, parcel: Parcel) -> Mapping[str, str]:
    """What is secret in a message. Raises ``NoKey``."""
    if not parcel.message.secrets:
        return {}
    return msgspec.json.decode(ports.vault.open(parcel.message.secrets), type=dict[str, str])


async def _worded(ports: Ports, rules: Rules, parcel: Parcel, secrets: Mapping[str, str]) -> tuple[Composed, Outgoing]:
    unsubscribe_url = _unsubscribe_url(ports, rules, parcel)
    make = partial(
        compose,
        parcel.template,
        language=parcel.language,
        fields={**parcel.message.fields, **secrets},
        common=parcel.common,
        currency=parcel.currency,
        time_zone=parcel.time_zone,
        actions=parcel.message.actions,
        signature=parcel.signature,
        unsubscribe_url=unsubscribe_url,
        sms_most_parts=parcel.sms_most_parts,
    )
    shipped = forms_of(parcel.template.name, parcel.language)
    try:
        composed = await _in_time(ports, partial(make, forms=parcel.own_forms or shipped))
    except BadTemplate as error:
        if parcel.own_forms is None:
            raise
        log.warning(
            "messages.own_words_failed", template=parcel.template.name, tenant=parcel.tenant, reason=_without(str(error), secrets)
        )
        composed = await _in_time(ports, partial(make, forms=shipped))
    try:
        with trio.fail_after(ATTACHING_LIMIT_S):
            attachments = await _attachments(ports, parcel)
    except trio.TooSlowError:
        raise NotSent(f"its documents cannot be read within {ATTACHING_LIMIT_S:g} s") from None
    message = outgoing(
        composed,
        template=parcel.template,
        reference=parcel.message.reference,
        channel=parcel.channel,
        recipient=parcel.recipient,
        language=parcel.language,
        actions=parcel.message.actions,
        approval=parcel.approval,
        attachments=attachments,
        unsubscribe_url=unsubscribe_url,
    )
    return composed, message


async def _in_time(ports: Ports, make: partial[Composed]) -> Composed:
    """Render in a thread, for so long. Raises ``BadTemplate``."""
    try:
        with trio.fail_after(WORDING_LIMIT_S):
            return await ports.blocking.run(KIND, make)
    except trio.TooSlowError:
        raise BadTemplate("text", f"it took longer than {WORDING_LIMIT_S:g} s") from None


def _unsubscribe_url(ports: Ports, rules: Rules, parcel: Parcel) -> str:
    """Where the recipient does without such messages, ``""`` where they cannot."""
    held = parcel.message
    kind, who = (DRIVER, held.driver_id) if held.driver_id is not None else (USER, held.user_id)
    if not rules.public_url or who is None or not KINDS[held.kind].optional:
        return ""
    token = token_of(ports.vault, Unsubscribing(tenant=parcel.tenant, person_kind=kind, person_id=who, kind=held.kind))
    return f"{rules.public_url}/api/v1/unsubscribe/{token}"


async def _attachments(ports: Ports, parcel: Parcel) -> tuple[Attachment, ...]:
    """The documents that go with a message, as many as fit. One that cannot be read for the moment has it tried again (``NotSent``)."""
    found: list[Attachment] = []
    room = MOST_ATTACHED
    for each in parcel.documents:
        if each.size_bytes > room:
            log.warning("messages.document_too_large", message=parcel.message.id, document=each.name, size_bytes=each.size_bytes)
            continue
        room -= each.size_bytes
        found.append(Attachment(name=each.name, content_type=each.content_type, content=await _read(ports, each)))
    return tuple(found)


async def _read(ports: Ports, document: Content) -> bytes:
    """A document's content. Raises ``NotSent`` where it cannot be read at the moment."""
    pieces = bytearray()
    try:
        while len(pieces) < document.size_bytes:
            piece = await ports.documents.read(document.file, len(pieces), min(PIECE_BYTES, document.size_bytes - len(pieces)))
            if not piece:
                raise OSError("it ends too soon")
            pieces += piece
    except OSError as error:
        raise NotSent(f"the document {document.name} cannot be read at the moment: {error}") from None
    return bytes(pieces)
