"""Verbs on logins: begun, refreshed with another token each time, ended."""

from __future__ import annotations

import attrs

from csms.core.errors import NotFound
from csms.core.ports import Tx
from csms.domain.users.keys import same
from csms.domain.users.model import LoginEnded, Rules, user_key
from csms.domain.users.store import logins as store

DAY_MS = 86_400_000
GRACE_MS = 30_000
"""How long the refresh token before the good one still answers, with the same one again: the answer may have been lost. A thief who
comes later than this, or makes the owner come later, ends the login."""
MOST_LOGINS = 50
"""Per user; the one used longest ago makes room."""


@attrs.frozen(slots=True, kw_only=True)
class Refreshed:
    """A login whose refresh token was good. ``reused``: it was not, and the login has ended for it."""

    user_id: int
    at_tenant: int
    reused: bool = False


def begin(tx: Tx, user_id: int, rules: Rules, *, refresh_hash: str, device: str, remote_address: str, at_tenant: int) -> int:
    """A new login; its id."""
    tx.claim(user_key(user_id))
    for login_id in store.oldest_beyond(tx, user_id, MOST_LOGINS - 1):
        end(tx, user_id, login_id, "ended")
    return store.insert(
        tx,
        user_id=user_id,
        at_tenant=at_tenant,
        refresh_hash=refresh_hash,
        device=device,
        remote_address=remote_address,
        expires_at=tx.now + min(rules.refresh_days, rules.login_days) * DAY_MS,
    )


def refresh(
    tx: Tx, login_id: int, rules: Rules, *, shown_hash: str, next_hash: str, at_tenant: int | None = None
) -> Refreshed | None:
    """Take a refresh token, and make the one that follows it the good one; None for what is no token of an open login.

    A token that was used before ends the login: two have it, and which of them is the thief nobody can tell. Within ``GRACE_MS`` of
    its use it is taken for a repeat by someone whose answer was lost.
    """
    login = store.open_login(tx, login_id)
    if login is None:
        return None
    tx.claim(user_key(login["user_id"]))
    chosen = login["at_tenant"] if at_tenant is None else at_tenant
    found = Refreshed(user_id=login["user_id"], at_tenant=chosen)
    if same(login["refresh_hash"], shown_hash):
        latest = login["created_at"] + rules.login_days * DAY_MS
        expires_at = min(tx.now + rules.refresh_days * DAY_MS, latest)
        store.rotate(tx, login_id, refresh_hash=next_hash, expires_at=expires_at, at_tenant=chosen)
        return found
    if same(login["former_hash"], shown_hash) and tx.now - login["refreshed_at"] <= GRACE_MS:
        return found
    end(tx, login["user_id"], login_id, "reused")
    return attrs.evolve(found, reused=True)


def end(tx: Tx, user_id: int, login_id: int, why: str) -> None:
    """End a login of a user; one that ended stays so."""
    tx.claim(user_key(user_id))
    if store.end(tx, login_id, why):
        tx.emit(LoginEnded(user_id=user_id, login_id=login_id, why=why))


def end_own(tx: Tx, user_id: int, login_id: int, why: str) -> None:
    """End one of a user's own logins. Raises ``NotFound``."""
    tx.claim(user_key(user_id))
    if login_id not in {each.id for each in store.of_user(tx, user_id)}:
        raise NotFound(f"there is no login {login_id}")
    end(tx, user_id, login_id, why)


def end_all(tx: Tx, user_id: int, why: str, *, but: int | None = None) -> int:
    """End every login of a user, except one; how many."""
    tx.claim(user_key(user_id))
    ended = [each.id for each in store.of_user(tx, user_id) if each.id != but]
    for login_id in ended:
        end(tx, user_id, login_id, why)
    return len(ended)
