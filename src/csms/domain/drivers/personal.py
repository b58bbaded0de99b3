"""What this slice holds of a driver as a person: to be handed out, and to be forgotten."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.errors import NotFound
from csms.core.ids import token_key
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.privacy.model import FORGOTTEN

from .model import TokensChanged, driver_key

_PARTS = {
    "vehicles": "SELECT * FROM vehicles WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id",
    "tokens": "SELECT * FROM tokens WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id",
    "grants": "SELECT * FROM grants WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id",
    "groups": "SELECT name FROM driver_groups WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY name",
    "favourites": "SELECT station_id, added_at FROM driver_favourites WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY added_at",
}


@attrs.frozen(slots=True, kw_only=True)
class Identity:
    """By what a driver can be known: ``words``, by what stands in their place once they are forgotten; and the tokens' ids and pseudonyms."""

    words: dict[str, str] = attrs.field(repr=False)
    tokens: dict[int, str]


def pseudonym(driver_id: int) -> str:
    """What a forgotten driver is called."""
    return f"erased-driver-{driver_id}"


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """Everything, by name. Raises ``NotFound``."""
    row = tx.one("SELECT * FROM drivers WHERE tenant = :tenant AND id = :driver_id", driver_id=driver_id)
    if row is None:
        raise NotFound(f"there is no driver {driver_id}")
    held = {name: [_told(each) for each in tx.all(sql, driver_id=driver_id)] for name, sql in _PARTS.items()}
    return {"driver": _told(row), **held}


def _told(row: Row) -> Row:
    """A row without what only repeats its other columns, for searching."""
    return {name: value for name, value in row.items() if name != "searched"}


def identity(tx: ReadTx, driver_id: int) -> Identity:
    """By what a driver can be known. Raises ``NotFound``."""
    held = holdings(tx, driver_id)
    name = pseudonym(driver_id)
    words = {
        str(held["driver"][column]): name for column in ("name", "email", "phone", "reference", "address") if held["driver"][column]
    }
    for vehicle in held["vehicles"]:
        words |= {str(vehicle[column]): f"erased-vehicle-{vehicle['id']}" for column in ("plate", "vin") if vehicle[column]}
    tokens = {row["id"]: f"{FORGOTTEN}{row['id']}" for row in held["tokens"]}
    words |= {row["value"]: tokens[row["id"]] for row in held["tokens"]}
    return Identity(words=words, tokens=tokens)


def erase(tx: Tx, driver_id: int, known: Identity) -> None:
    """Put pseudonyms in the place of names. The driver and their tokens are removed; vehicles keep their make and model alone."""
    tx.claim(driver_key(tx.tenant, driver_id))
    tx.run(
        "UPDATE drivers SET name = :name, email = '', email_folded = '', phone = '', reference = '', address = '', language = '',"
        " preferences = '{}', note = '', user_id = NULL, removed_at = COALESCE(removed_at, :at)"
        " WHERE tenant = :tenant AND id = :driver_id",
        driver_id=driver_id,
        name=pseudonym(driver_id),
        at=tx.now,
    )
    tx.run(
        "UPDATE vehicles SET name = 'erased-vehicle-' || CAST(id AS TEXT), plate = '', vin = '' WHERE tenant = :tenant AND driver_id = :driver_id",
        driver_id=driver_id,
    )
    rows = tx.all("SELECT id, value FROM tokens WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id", driver_id=driver_id)
    tx.claim(*sorted(token_key(tx.tenant, row["value"]) for row in rows))
    for token_id, name in known.tokens.items():
        tx.run(
            "UPDATE tokens SET value = :name, folded = :name, label = '', note = '', token_group_id = NULL, status = 'blocked',"
            " removed_at = COALESCE(removed_at, :at) WHERE tenant = :tenant AND id = :token_id",
            token_id=token_id,
            name=name,
            at=tx.now,
        )
        tx.run("DELETE FROM grants WHERE tenant = :tenant AND token_id = :token_id", token_id=token_id)
    for table in ("grants", "driver_groups", "driver_favourites"):
        tx.run(f"DELETE FROM {table} WHERE tenant = :tenant AND driver_id = :driver_id", driver_id=driver_id)  # noqa: S608 (our names)
    tx.emit(TokensChanged(what="driver", name=str(driver_id)))
