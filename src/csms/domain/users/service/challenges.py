"""Verbs on challenges: opened with a code that was sent, met once, after a few tries at the most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csms.core.ports import Tx
from csms.domain.users.keys import same, sha256
from csms.domain.users.model import Challenge
from csms.domain.users.store import challenges as store

REGISTER, RESET, LOGIN, ADDRESS = "register", "reset", "login", "address"
TRIES = 5
MINUTE_MS = 60_000


def challenge_key(handle: str) -> str:
    """The write key of a challenge."""
    return f"challenge:{sha256(handle)}"


def begin(
    tx: Tx, handle: str, purpose: str, *, minutes: int, user_id: int | None, detail: Mapping[str, Any], code_hash: str
) -> int:
    """A challenge; the instant at which it ends. ``code_hash`` ``""``: it is met by something else than a code that was sent."""
    tx.claim(challenge_key(handle))
    expires_at = tx.now + minutes * MINUTE_MS
    store.insert(
        tx,
        handle_hash=sha256(handle),
        purpose=purpose,
        user_id=user_id,
        detail=detail,
        code_hash=code_hash,
        tries=TRIES,
        expires_at=expires_at,
    )
    return expires_at


def attempt(tx: Tx, handle: str, purpose: str) -> Challenge | None:
    """Spend a try, whatever becomes of it; None where there is nothing (any more) to try. The transaction must not be undone."""
    tx.claim(challenge_key(handle))
    found = store.open_challenge(tx, sha256(handle), purpose)
    if found is not None:
        store.spend_try(tx, found.id)
    return found


def meet(tx: Tx, handle: str, purpose: str, code_hash: str, *, use: bool = True) -> Challenge | None:
    """Try a code: the challenge that it meets, which is used up with it unless ``use`` is off; None for a wrong one."""
    found = attempt(tx, handle, purpose)
    if found is None or not found.code_hash or not same(found.code_hash, code_hash):
        return None
    if use:
        store.use(tx, found.id)
    return found


def use(tx: Tx, handle: str, challenge_id: int) -> bool:
    """It is used up; False when it was before."""
    tx.claim(challenge_key(handle))
    return store.use(tx, challenge_id)
