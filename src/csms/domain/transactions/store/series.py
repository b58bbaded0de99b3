"""What charts and lists of readings are made of: a transaction's readings, in bounded work however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from csms.core.paging import Stretch, direction
from csms.core.ports import ReadTx, Row
from csms.domain.listing import moment, within
from csms.domain.transactions.model import ReadingItem, ReadingsQuery, SampleItem

MOST_READ = 2_000
"""Readings that a chart looks at; of more it takes some, evenly spread over the time between the first and the last."""

_ATTRIBUTED = ("named", "by_stop", "by_place")
_COLUMNS = "id, evse, connector, sampled_at, sampled_at_raw, received_at, guessed, energy_wh, power_w, soc_percent, samples"
_OF = "FROM meter_readings WHERE tenant = :tenant AND transaction_id = :id"

_SPREAD = """
WITH RECURSIVE chosen (at) AS (
    SELECT CAST(:first_at AS BIGINT)
    UNION ALL
    SELECT (
        SELECT min(m.sampled_at) FROM meter_readings m
        WHERE m.tenant = :tenant AND m.transaction_id = :id AND m.sampled_at >= chosen.at + :step_ms
    ) FROM chosen WHERE chosen.at IS NOT NULL
)
SELECT r.sampled_at, r.{column} AS value FROM chosen JOIN meter_readings r ON r.transaction_id = :id AND r.sampled_at = chosen.at
WHERE r.tenant = :tenant AND r.{column} IS NOT NULL ORDER BY r.sampled_at, r.id LIMIT :most"""
_ALL = "SELECT sampled_at, {column} AS value " + _OF + " AND {column} IS NOT NULL ORDER BY sampled_at, id LIMIT :most"

VALUES = {"energy": "energy_wh", "power": "power_w", "soc": "soc_percent"}
"""Measurands with a column of their own; the others are in the samples."""


def values(tx: ReadTx, transaction_id: int, measurand: str) -> tuple[Sequence[tuple[int, Any]], bool]:
    """(instant, value) of at most ``MOST_READ`` readings in order of time, and whether there are more than that.

    Of a measurand without a column the value is the samples as stored.
    """
    column = VALUES.get(measurand, "samples")
    many = tx.value(f"SELECT count(*) FROM (SELECT 1 AS one {_OF} LIMIT :most) AS few", id=transaction_id, most=MOST_READ + 1)  # noqa: S608
    if many <= MOST_READ:
        rows = tx.all(_ALL.format(column=column), id=transaction_id, most=MOST_READ)
        return [(row["sampled_at"], row["value"]) for row in rows], False
    first_at = tx.value(f"SELECT min(sampled_at) {_OF}", id=transaction_id)
    last_at = tx.value(f"SELECT max(sampled_at) {_OF}", id=transaction_id)
    step_ms = max(1, (last_at - first_at) // (MOST_READ - 2))
    rows = tx.all(_SPREAD.format(column=column), id=transaction_id, first_at=first_at, step_ms=step_ms, most=MOST_READ)
    return [(row["sampled_at"], row["value"]) for row in rows], True


def latest(tx: ReadTx, transaction_id: int) -> Row | None:
    """A transaction's last reading."""
    return tx.one(f"SELECT {_COLUMNS} {_OF} ORDER BY sampled_at DESC, id DESC LIMIT 1", id=transaction_id)


def stretch(tx: ReadTx, transaction_id: int, query: ReadingsQuery) -> Stretch[ReadingItem]:
    """Readings in the query's direction. Raises ``Invalid`` for the cursor."""
    way = direction(query)
    bounds, values = within("sampled_at", "id", way, from_at=query.from_at, to_at=query.to_at, seen=moment(query.after))
    where = "".join(f" AND {each}" for each in bounds)
    sql = f"SELECT {_COLUMNS} {_OF}{where} ORDER BY sampled_at {way.order}, id {way.order} LIMIT :limit"
    rows = tx.all(sql, id=transaction_id, limit=query.limit + 1, **values)
    items = [_item(row) for row in rows[: query.limit]]
    following = f"{items[-1].sampled_at}.{items[-1].id}" if len(rows) > query.limit else None
    return Stretch(items=items, limit=query.limit, next=following)


def _item(row: Row) -> ReadingItem:
    facts = dict(row)
    samples = [SampleItem(**each) for each in msgspec.json.decode(facts.pop("samples"))]
    return ReadingItem(attributed=_ATTRIBUTED[facts.pop("guessed")], samples=samples, **facts)
