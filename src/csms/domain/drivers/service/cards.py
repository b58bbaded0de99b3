"""Tokens as the management API handles them: by id, many at once, and those that csms makes for an app itself."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import token_key
from csms.core.ports import ReadTx, Tx
from csms.domain.drivers import store
from csms.domain.drivers.model import (
    TOKENS_KEY,
    BatchResult,
    Grant,
    IssuedToken,
    NewGrant,
    NewToken,
    RowResult,
    TokenCard,
    TokenChanges,
    driver_key,
    group_key,
)

from . import grants
from .people import need_driver
from .tokens import add_token, block_token, change_token, remove_token, unblock_token

APP_KIND = "Central"
"""The type of a token that a CSMS made (2.0.1 IdTokenEnumType Central): what a driver's app charges with."""


def need_card(tx: ReadTx, token_id: int) -> TokenCard:
    """A token as people see it. Raises ``NotFound``."""
    found = store.card(tx, token_id)
    if found is None:
        raise NotFound(f"there is no token {token_id}")
    return found


def own_card(tx: ReadTx, driver_id: int, token_id: int) -> TokenCard:
    """A driver's own token. Raises ``NotFound``, also for another's."""
    found = need_card(tx, token_id)
    if found.driver_id != driver_id:
        raise NotFound(f"there is no token {token_id}")
    return found


def _need(tx: ReadTx, token_id: int) -> IssuedToken:
    found = store.token_by_id(tx, token_id)
    if found is None:
        raise NotFound(f"there is no token {token_id}")
    return found


def issue(tx: Tx, new: NewToken) -> TokenCard:
    """Issue a token. Raises like ``add_token``."""
    return need_card(tx, _issue(tx, new))


def _issue(tx: Tx, new: NewToken) -> int:
    values = attrs.asdict(new)
    return add_token(tx, values.pop("value"), valid_from=values.pop("valid_from_at"), **values).id


def issue_many(tx: Tx, rows: Sequence[NewToken]) -> BatchResult:
    """Issue many tokens, each for itself: what is wrong with one keeps no other from being issued."""
    return issue_rows(tx, list(rows))


def issue_rows(tx: Tx, rows: Sequence[NewToken | RowResult]) -> BatchResult:
    """As ``issue_many``; a row that could not even be read comes as what was wrong with it."""
    new = [each for each in rows if isinstance(each, NewToken)]
    keys = {token_key(tx.tenant, each.value) for each in new}
    keys |= {driver_key(tx.tenant, each.driver_id) for each in new if each.driver_id is not None}
    keys |= {group_key(tx.tenant, each.token_group_id) for each in new if each.token_group_id is not None}
    tx.claim(TOKENS_KEY, *sorted(keys))
    results = [each if isinstance(each, RowResult) else _row(tx, number, each) for number, each in enumerate(rows, start=1)]
    issued = sum(each.token_id is not None for each in results)
    return BatchResult(issued=issued, refused=len(results) - issued, rows=results)


def _row(tx: Tx, number: int, new: NewToken) -> RowResult:
    # These are raised before anything is written for the row.
    try:
        return RowResult(row=number, value=new.value, token_id=_issue(tx, new))
    except (Invalid, Conflict, NotFound) as error:
        return RowResult(row=number, value=new.value, error=str(error), field=getattr(error, "field", ""))


def change(tx: Tx, token_id: int, changes: TokenChanges) -> TokenCard:
    """Change a token; what is None stays, what ``clear`` names is emptied. Raises ``NotFound`` or ``Invalid``."""
    given = {
        name: value for name, value in attrs.asdict(changes).items() if value is not None and name not in ("clear", *changes.clear)
    }
    given |= dict.fromkeys(changes.clear)
    if "valid_from_at" in given:
        given["valid_from"] = given.pop("valid_from_at")
    change_token(tx, attrs.evolve(_need(tx, token_id), **given))
    return need_card(tx, token_id)


def expire(tx: Tx, token_id: int) -> TokenCard:
    """Let a token expire now. Raises ``NotFound``, or ``Refused`` when it is not valid yet."""
    known = _need(tx, token_id)
    if known.valid_from is not None and known.valid_from >= tx.now:
        raise Refused(f"token {token_id} is not valid yet, so it cannot expire; block or remove it")
    if known.expires_at is None or known.expires_at > tx.now:
        change_token(tx, attrs.evolve(known, expires_at=tx.now))
    return need_card(tx, token_id)


def block(tx: Tx, token_id: int, note: str | None = None) -> TokenCard:
    """Block a token; ``note`` says why. Raises ``NotFound``."""
    block_token(tx, _need(tx, token_id).value, note)
    return need_card(tx, token_id)


def unblock(tx: Tx, token_id: int) -> TokenCard:
    """Undo ``block``. Raises ``NotFound``."""
    unblock_token(tx, _need(tx, token_id).value)
    return need_card(tx, token_id)


def remove(tx: Tx, token_id: int) -> None:
    """Take a token away; what it charged stays and its value may be issued again. Raises ``NotFound``."""
    remove_token(tx, _need(tx, token_id).value)


def block_own(tx: Tx, driver_id: int, token_id: int, note: str) -> TokenCard:
    """Block a token because its driver says that it is lost. Raises ``NotFound`` for another's."""
    own_card(tx, driver_id, token_id)
    return block(tx, token_id, note)


def app_token(tx: Tx, driver_id: int, fresh: str) -> IssuedToken:
    """The token that a driver's app charges with: the one there is, blocked or not, else a new one of the value ``fresh``.

    Raises ``NotFound`` for the driver.
    """
    tx.claim(driver_key(tx.tenant, driver_id))
    need_driver(tx, driver_id)
    return store.app_token(tx, driver_id, APP_KIND) or add_token(tx, fresh, kind=APP_KIND, label="app", driver_id=driver_id)


def charging_token(tx: Tx, driver_id: int, token_id: int | None, fresh: str) -> IssuedToken:
    """What a driver charges with from the app: the own token that was named, else the app's. Raises ``NotFound`` for another's."""
    if token_id is None:
        return app_token(tx, driver_id, fresh)
    own_card(tx, driver_id, token_id)
    return _need(tx, token_id)


def need_grant(tx: ReadTx, grant_id: int) -> Grant:
    """One grant. Raises ``NotFound``."""
    found = store.grant(tx, grant_id)
    if found is None:
        raise NotFound(f"there is no grant {grant_id}")
    return found


def give(tx: Tx, new: NewGrant) -> Grant:
    """Grant. Raises ``Invalid``, ``NotFound``, or ``Conflict`` when it was granted already."""
    token = None if new.token_id is None else _need(tx, new.token_id).value
    given = grants.grant(
        tx,
        token=token,
        token_group_id=new.token_group_id,
        driver_id=new.driver_id,
        station_id=new.station_id,
        station_group_id=new.station_group_id,
    )
    if given is None:
        raise Conflict("that is granted already")
    return given
