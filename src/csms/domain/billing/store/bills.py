"""Bills as rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import attrs
import msgspec

from csms.core.ports import ReadTx, Row, Tx
from csms.core.pricing import Covered, Price, Share, TaxLine
from csms.domain.billing.model import Bill, Used

COLUMNS = tuple(field.name for field in attrs.fields(Bill))
NAMES = ", ".join(COLUMNS)
_SELECT = f"SELECT {NAMES} FROM bills WHERE tenant = :tenant"  # noqa: S608 - Bill's own fields
_WRITTEN = COLUMNS[1:]
_INSERT = (
    f"INSERT INTO bills (tenant, {', '.join(_WRITTEN)}) VALUES (:tenant, {', '.join(':' + name for name in _WRITTEN)})"  # noqa: S608
    " ON CONFLICT DO NOTHING RETURNING id"
)
_READ: Mapping[str, Callable[[str], Any]] = {
    "price": msgspec.json.Decoder(Price).decode,
    "covered": msgspec.json.Decoder(Covered).decode,
    "taxes": msgspec.json.Decoder(tuple[TaxLine, ...]).decode,
    "shares": msgspec.json.Decoder(tuple[Share, ...]).decode,
    "credited_taxes": msgspec.json.Decoder(tuple[TaxLine, ...]).decode,
    "uses": msgspec.json.Decoder(tuple[Used, ...]).decode,
}
_write = msgspec.json.Encoder().encode


def check_readable(price: Price | None, covered: Covered | None) -> None:
    """Raise ``ValueError`` for what a plugin answered that could be stored and never be read again, such as a text that is none."""
    for name, said in (("price", price), ("covered", covered)):
        if said is not None:
            try:
                _READ[name](_write(said).decode())
            except TypeError as error:
                raise ValueError(f"a plugin's {name} cannot be kept: {error}") from error


def bill(row: Row) -> Bill:
    """The noun of a row."""
    facts = dict(row)
    for name, read in _READ.items():
        facts[name] = read(facts[name]) if facts[name] else None
    facts["unpriced"] = bool(facts["unpriced"])
    return Bill(**facts)


def _stored(name: str, value: Any) -> Any:
    if name in _READ:
        return "" if value is None else _write(value).decode()
    return int(value) if name == "unpriced" else value


def insert(tx: Tx, new: Bill) -> int | None:
    """The id of a new bill; None where the transaction has one of that number."""
    found: int | None = tx.value(_INSERT, **{name: _stored(name, getattr(new, name)) for name in _WRITTEN})
    return found


def save(tx: Tx, before: Bill, after: Bill) -> None:
    """Store what changed of a bill."""
    changes = {name: _stored(name, value) for name in COLUMNS if (value := getattr(after, name)) != getattr(before, name)}
    if changes:
        tx.run(_update(tuple(changes)), id=after.id, **changes)


@lru_cache(maxsize=256)
def _update(names: tuple[str, ...]) -> str:
    return f"UPDATE bills SET {', '.join(f'{name} = :{name}' for name in names)} WHERE tenant = :tenant AND id = :id"  # noqa: S608


def by_id(tx: ReadTx, bill_id: int) -> Bill | None:
    """The bill of that id; None also for a number that can be no id."""
    row = tx.one(f"{_SELECT} AND id = :id", id=bill_id) if 0 < bill_id < 2**63 else None
    return None if row is None else bill(row)


def some(tx: ReadTx, bill_ids: Sequence[int]) -> list[Bill]:
    """Several bills. One statement."""
    names = {f"id_{number}": each for number, each in enumerate(bill_ids)}
    listed = ", ".join(f":{name}" for name in names) or "NULL"
    return [bill(row) for row in tx.all(f"{_SELECT} AND id IN ({listed})", **names)]


def of_transaction(tx: ReadTx, transaction_id: int) -> list[Bill]:
    """All bills of a transaction, its own first."""
    return [
        bill(row)
        for row in tx.all(f"{_SELECT} AND transaction_id = :transaction_id ORDER BY number", transaction_id=transaction_id)
    ]


def of_transactions(tx: ReadTx, transaction_ids: Sequence[int]) -> list[Bill]:
    """All bills of several transactions, of each its own first. One statement."""
    names = {f"id_{number}": each for number, each in enumerate(transaction_ids)}
    listed = ", ".join(f":{name}" for name in names) or "NULL"
    return [bill(row) for row in tx.all(f"{_SELECT} AND transaction_id IN ({listed}) ORDER BY transaction_id, number", **names)]


def open_of(tx: ReadTx, driver_id: int, limit: int, *, currency: str = "", after: int = 0) -> list[Bill]:
    """Bills of which a driver owes something, the oldest first, a page after one; ``currency`` ``""`` is any."""
    alike = " AND currency = :currency" if currency else ""
    rows = tx.all(
        f"{_SELECT} AND driver_id = :driver_id AND open_minor > 0{alike} AND id > :after ORDER BY id LIMIT :limit",
        driver_id=driver_id,
        limit=limit,
        after=after,
        **({"currency": currency} if currency else {}),
    )
    return [bill(row) for row in rows]


def open_minor(tx: ReadTx, driver_id: int, currency: str) -> int:
    """What is open of a driver's bills in a currency, all together."""
    return int(
        tx.value(
            "SELECT COALESCE(sum(open_minor), 0) FROM bills"
            " WHERE tenant = :tenant AND driver_id = :driver_id AND open_minor > 0 AND currency = :currency",
            driver_id=driver_id,
            currency=currency,
        )
    )


def of_driver(tx: ReadTx, driver_id: int, after: int, limit: int) -> Sequence[Row]:
    """A driver's bills by id, a page after one, as rows."""
    return tx.all(
        f"{_SELECT} AND driver_id = :driver_id AND id > :after ORDER BY id LIMIT :limit",
        driver_id=driver_id,
        after=after,
        limit=limit,
    )


def settled(tx: ReadTx, *, driver_id: int | None, from_at: int, to_at: int, after: int, limit: int) -> list[Bill]:
    """Settled bills of charges that ended in a stretch of time, by id, a page after one."""
    mine = "" if driver_id is None else " AND driver_id = :driver_id"
    rows = tx.all(
        f"{_SELECT}{mine} AND state = 'SETTLED' AND ended_at >= :from_at AND ended_at < :to_at AND id > :after ORDER BY id LIMIT :limit",
        from_at=from_at,
        to_at=to_at,
        after=after,
        limit=limit,
        **({} if driver_id is None else {"driver_id": driver_id}),
    )
    return [bill(row) for row in rows]
