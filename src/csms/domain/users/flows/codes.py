"""One-time codes: made, sent, and counted, so that nobody can have many sent or try many."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs
import structlog

from csms.core.ids import DEFAULT_TENANT
from csms.core.messages import EMAIL, SMS, CannotNotify, Message
from csms.core.ports import Tx
from csms.domain.users.gate import Gate
from csms.domain.users.keys import sha256
from csms.domain.users.model import User
from csms.domain.users.service import challenges, throttling
from csms.domain.users.service.throttling import Bucket
from csms.domain.users.store import challenges as store
from csms.domain.users.store.people import folded

HANDLE_BYTES = 24

log = structlog.get_logger("csms.users")


@attrs.frozen(slots=True, kw_only=True)
class Sent:
    """A challenge that is open: it is named by ``challenge`` and met with the code that was sent, before ``expires_at``."""

    challenge: str = attrs.field(repr=False)
    expires_at: int


@attrs.frozen(slots=True, kw_only=True)
class Recipient:
    """Where a code goes: to an e-mail address, or else to a telephone. ``user`` says in which language, if it is anybody's."""

    email: str = ""
    phone: str = ""
    locale: str = "en"

    @property
    def name(self) -> str:
        """The address in the form in which it is compared."""
        return folded(self.email) or self.phone


def recipient_of(user: User, *, by_phone: bool = False) -> Recipient:
    """A user's verified address: e-mail, unless they have none or the telephone is asked for."""
    phone = user.phone if user.phone_verified_at is not None else ""
    email = user.email if user.email_verified_at is not None else ""
    if (by_phone and phone) or not email:
        return Recipient(phone=phone, locale=user.locale)
    return Recipient(email=email, locale=user.locale)


def code_of(gate: Gate) -> str:
    """A fresh code: as many digits as configured, each as likely as any other."""
    number = int.from_bytes(hashlib.sha256(gate.ports.random.token(32).encode()).digest(), "big")
    return str(number % 10**gate.rules.code_digits).zfill(gate.rules.code_digits)


def buckets(gate: Gate, recipient: Recipient, remote_address: str) -> tuple[Bucket, ...]:
    """Where codes that are sent are counted."""
    return (
        throttling.codes(gate.keys.bucket("codes", recipient.name)),
        throttling.address(gate.keys.bucket("address", remote_address)),
    )


async def begin(gate: Gate, counted: tuple[Bucket, ...]) -> None:
    """Count. Raises ``TooSoon``."""
    throttling.checked(await gate.ports.database.write(throttling.begin, counted, tenant=DEFAULT_TENANT))


async def send(
    gate: Gate,
    purpose: str,
    template: str,
    recipient: Recipient,
    *,
    user_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
    instead: str = "",
    silent: bool = False,
) -> Sent:
    """Open a challenge and send its code. Raises ``CannotNotify``.

    ``instead``: send another message without a code, and no code meets the challenge. ``silent``: send nothing at all. Both for when
    the answer must not tell whether there is such an account.
    """
    handle, code = gate.ports.random.token(HANDLE_BYTES), code_of(gate)
    unmet = bool(instead) or silent
    verb = partial(
        challenges.begin,
        handle=handle,
        purpose=purpose,
        minutes=gate.rules.code_minutes,
        user_id=user_id,
        detail=detail or {},
        code_hash=gate.keys.code_hash(handle, gate.ports.random.token(HANDLE_BYTES) if unmet else code),
    )
    expires_at = await gate.ports.database.write(verb, tenant=DEFAULT_TENANT, keys=(challenges.challenge_key(handle),))
    if not silent:
        await tell(gate, recipient, instead or template, code="" if unmet else code)
    return Sent(challenge=handle, expires_at=expires_at)


async def send_again(gate: Gate, handle: str, purpose: str, template: str, recipient: Recipient) -> None:
    """Another code for an open challenge; the one before is void, the tries stay spent. Raises ``CannotNotify``."""
    code = code_of(gate)

    def verb(tx: Tx) -> bool:
        tx.claim(challenges.challenge_key(handle))
        found = store.open_challenge(tx, sha256(handle), purpose)
        if found is not None:
            store.set_code(tx, found.id, gate.keys.code_hash(handle, code))
        return found is not None

    if await gate.ports.database.write(verb, tenant=DEFAULT_TENANT, keys=(challenges.challenge_key(handle),)):
        await tell(gate, recipient, template, code=code)


async def tell(gate: Gate, recipient: Recipient, template: str, *, code: str = "", **fields: str) -> None:
    """Send a message to an address. Raises ``CannotNotify``."""
    minutes = {"minutes": str(gate.rules.code_minutes)} if code else {}
    message = Message(
        kind="code" if code else "notice",
        channel=EMAIL if recipient.email else SMS,
        recipient=recipient.email or recipient.phone,
        template=template,
        language=recipient.locale,
        fields={**minutes, **fields},
        secrets={"code": code} if code else {},
    )
    await gate.ports.notifier.notify(message)


async def notice(gate: Gate, recipient: Recipient, template: str) -> None:
    """Tell somebody what was done to their account. It is done, so that a message that cannot be sent is only logged."""
    try:
        await tell(gate, recipient, template)
    except CannotNotify as error:
        log.warning("users.notice_not_sent", template=template, reason=str(error))
