"""SQL of movements and their entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from csms.core.ledger import NewMovement
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.wallets.model import Entry, Movement

COLUMNS = "m.id, m.key, m.kind, m.at, m.description, m.reference_kind, m.reference_id, m.made_by, m.tax_code"
_SELECT = f"SELECT {COLUMNS} FROM ledger_movements m WHERE m.tenant = :tenant"  # noqa: S608 - our own words
_ENTRIES = """
SELECT e.movement_id, e.account_id, a.kind, a.unit, a.name, a.driver_id, e.amount, e.balance_after
FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
WHERE e.tenant = :tenant AND e.movement_id IN ({listed}) ORDER BY e.movement_id, e.line"""


def _movements(tx: ReadTx, rows: Sequence[Row], *, again: bool = False) -> list[Movement]:
    """Movements with their entries. One statement for however many there are."""
    if not rows:
        return []
    names = {f"movement_{number}": row["id"] for number, row in enumerate(rows)}
    sides: dict[int, list[Entry]] = defaultdict(list)
    for row in tx.all(_ENTRIES.format(listed=", ".join(f":{name}" for name in names)), **names):
        side = dict(row)
        sides[side.pop("movement_id")].append(Entry(**side))
    return [_movement(row, sides[row["id"]], again=again) for row in rows]


def _movement(row: Row, entries: Sequence[Entry], *, again: bool) -> Movement:
    said: dict[str, Any] = dict(row)
    return Movement(by=said.pop("made_by"), entries=entries, again=again, **said)


def with_entries(tx: ReadTx, rows: Sequence[Row]) -> list[Movement]:
    """Movements of a list, each with its entries."""
    return _movements(tx, rows)


def by_key(tx: ReadTx, key: str) -> Movement | None:
    """The movement that was made under a key."""
    row = tx.one(_SELECT + " AND m.key = :key", key=key)
    return None if row is None else _movements(tx, [row], again=True)[0]


def by_id(tx: ReadTx, movement_id: int) -> Movement | None:
    """One movement."""
    row = tx.one(_SELECT + " AND m.id = :movement_id", movement_id=movement_id)
    return None if row is None else _movements(tx, [row])[0]


def insert(tx: Tx, new: NewMovement, legs: int) -> int | None:
    """The id of a new movement, None when there is one of its key."""
    found: int | None = tx.value(
        "INSERT INTO ledger_movements (tenant, key, kind, at, description, reference_kind, reference_id, made_by, legs, tax_code)"
        " VALUES (:tenant, :key, :kind, :now, :description, :reference_kind, :reference_id, :made_by, :legs, :tax_code)"
        " ON CONFLICT DO NOTHING RETURNING id",
        key=new.key,
        kind=new.kind,
        description=new.description,
        reference_kind=new.reference_kind,
        reference_id=new.reference_id,
        made_by=new.by,
        legs=legs,
        tax_code=new.tax_code,
    )
    return found


def insert_entries(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """A movement's entries."""
    tx.many(
        "INSERT INTO ledger_entries (movement_id, line, tenant, account_id, amount, number, balance_after)"
        " VALUES (:movement_id, :line, :tenant, :account_id, :amount, :number, :balance_after)",
        rows,
    )
