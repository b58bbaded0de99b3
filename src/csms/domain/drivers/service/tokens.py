"""What operators do with tokens and their groups."""

from __future__ import annotations

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import token_key
from csms.core.ports import ReadTx, Tx
from csms.domain.drivers import store
from csms.domain.drivers.model import ACTIVE, BLOCKED, IssuedToken, TokenGroup, TokensChanged, driver_key, group_key

from .people import need_driver

LONGEST_PARENT = 20
"""Characters of a group's parent: 1.6 chargers are told it as an IdToken (CiString20)."""


def need_token(tx: ReadTx, value: str) -> IssuedToken:
    """A token of the tenant by its value, in any case. Raises ``NotFound``."""
    found = store.token(tx, value.casefold())
    if found is None:
        raise NotFound(f"there is no token {value!r}")
    return found


def add_token(
    tx: Tx,
    value: str,
    *,
    kind: str = "",
    label: str = "",
    token_group_id: int | None = None,
    driver_id: int | None = None,
    valid_from: int | None = None,
    expires_at: int | None = None,
    max_transactions: int | None = None,
    note: str = "",
) -> IssuedToken:
    """Issue a token. ``max_transactions`` None is the installation's rule, 0 no limit.

    Raises ``Invalid``, ``NotFound`` for the group or driver, ``Conflict`` when the value is in use (in any case).
    """
    tx.claim(token_key(tx.tenant, value))
    if not (1 <= len(value) <= 255 and value.isprintable() and value == value.strip()):
        raise Invalid(f"token {value!r}: use 1 to 255 printable characters, no space at either end", field="value")
    _check(tx, token_group_id, driver_id, valid_from, expires_at, max_transactions)
    added = store.insert_token(
        tx,
        value=value,
        folded=value.casefold(),
        kind=kind,
        label=label.strip(),
        token_group_id=token_group_id,
        driver_id=driver_id,
        valid_from=valid_from,
        expires_at=expires_at,
        max_transactions=max_transactions,
        note=note.strip(),
    )
    if added is None:
        raise Conflict(f"there is a token {value!r} already (tokens compare case-insensitively)")
    tx.emit(TokensChanged(what="token", name=value))
    return need_token(tx, value)


def change_token(tx: Tx, token: IssuedToken) -> IssuedToken:
    """Store a changed token (not its value or kind). Raises ``Invalid`` or ``NotFound``."""
    tx.claim(token_key(tx.tenant, token.value))
    stored = need_token(tx, token.value)
    if token.status not in (ACTIVE, BLOCKED):
        raise Invalid(f"status {token.status!r}: use {ACTIVE} or {BLOCKED}", field="status")
    _check(tx, token.token_group_id, token.driver_id, token.valid_from, token.expires_at, token.max_transactions)
    store.update_token(tx, attrs.evolve(token, id=stored.id))
    tx.emit(TokensChanged(what="token", name=stored.value))
    return need_token(tx, token.value)


def block_token(tx: Tx, value: str, note: str | None = None) -> IssuedToken:
    """Block a token until it is unblocked; ``note`` says why. Raises ``NotFound``."""
    known = need_token(tx, value)
    return change_token(tx, attrs.evolve(known, status=BLOCKED, note=known.note if note is None else note))


def unblock_token(tx: Tx, value: str) -> IssuedToken:
    """Undo ``block_token``. Raises ``NotFound``."""
    return change_token(tx, attrs.evolve(need_token(tx, value), status=ACTIVE))


def remove_token(tx: Tx, value: str) -> None:
    """Take a token away with its grants; what it charged stays. Its value may be issued again. Raises ``NotFound``."""
    tx.claim(token_key(tx.tenant, value))
    stored = need_token(tx, value)
    store.remove_token(tx, stored.id)
    tx.emit(TokensChanged(what="token", name=stored.value))


# --- groups ---------------------------------------------------------------------------------------------------------------------


def need_token_group(tx: ReadTx, token_group_id: int) -> TokenGroup:
    """A token group of the tenant. Raises ``NotFound``."""
    found = store.token_group(tx, token_group_id)
    if found is None:
        raise NotFound(f"there is no token group {token_group_id}")
    return found


def add_token_group(tx: Tx, name: str, *, parent: str = "") -> TokenGroup:
    """Add a token group; chargers are told ``parent``, or the name. Raises ``Invalid`` or ``Conflict``."""
    name = name.strip()
    parent = parent.strip() or name
    if not 1 <= len(name) <= 200 or not name.isprintable():
        raise Invalid("a group's name has 1 to 200 printable characters", field="name")
    if len(parent) > LONGEST_PARENT or not parent.isprintable():
        raise Invalid(f"a group's parent, which chargers are told, has at most {LONGEST_PARENT} characters", field="parent")
    added = store.insert_token_group(tx, name, parent)
    if added is None:
        raise Conflict(f"there is a token group with the name {name!r} or the parent {parent!r} already")
    return need_token_group(tx, added)


def change_token_group(tx: Tx, token_group_id: int, *, name: str | None = None, status: str | None = None) -> TokenGroup:
    """Rename, block or unblock a group. Raises ``NotFound``, ``Invalid``, or ``Conflict`` when another group has the name."""
    tx.claim(group_key(tx.tenant, token_group_id))
    group = need_token_group(tx, token_group_id)
    if name is not None and name.strip() != group.name:
        name = name.strip()
        if not 1 <= len(name) <= 200 or not name.isprintable():
            raise Invalid("a group's name has 1 to 200 printable characters", field="name")
        if store.group_named(tx, name) is not None:
            raise Conflict(f"there is a token group {name!r} already")
        store.rename_group(tx, token_group_id, name)
    if status is not None and status != group.status:
        _set_status(tx, token_group_id, status)
    return need_token_group(tx, token_group_id)


def block_token_group(tx: Tx, token_group_id: int) -> None:
    """Block every token of a group. Raises ``NotFound``."""
    _set_status(tx, token_group_id, BLOCKED)


def unblock_token_group(tx: Tx, token_group_id: int) -> None:
    """Undo ``block_token_group``. Raises ``NotFound``."""
    _set_status(tx, token_group_id, ACTIVE)


def remove_token_group(tx: Tx, token_group_id: int) -> None:
    """Remove a group with its grants. Raises ``NotFound``, or ``Refused`` while it has tokens."""
    tx.claim(group_key(tx.tenant, token_group_id))
    group = need_token_group(tx, token_group_id)
    if store.list_tokens(tx, token_group_id=token_group_id, limit=1):
        raise Refused(f"token group {group.name!r} has tokens; move or remove them first")
    store.delete_token_group(tx, token_group_id)


def _set_status(tx: Tx, token_group_id: int, status: str) -> None:
    tx.claim(group_key(tx.tenant, token_group_id))
    if not store.set_group_status(tx, token_group_id, status):
        raise NotFound(f"there is no token group {token_group_id}")
    tx.emit(TokensChanged(what="token_group", name=str(token_group_id)))


def _check(
    tx: Tx,
    token_group_id: int | None,
    driver_id: int | None,
    valid_from: int | None,
    expires_at: int | None,
    max_transactions: int | None,
) -> None:
    if token_group_id is not None:
        tx.claim(group_key(tx.tenant, token_group_id))
        need_token_group(tx, token_group_id)
    if driver_id is not None:
        tx.claim(driver_key(tx.tenant, driver_id))
        need_driver(tx, driver_id)
    if valid_from is not None and expires_at is not None and valid_from >= expires_at:
        raise Invalid("a token must become valid before it expires", field="valid_from")
    if max_transactions is not None and not 0 <= max_transactions <= 1000:
        raise Invalid(f"a token runs 0 (no limit) to 1000 transactions at a time, not {max_transactions}", field="max_transactions")
