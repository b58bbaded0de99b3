"""SQL of what chargers do wrong, counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.ports import Admission, ReadTx, Tx
from csms.core.reports import Oddity
from csms.domain.stations.model import MOST_ODDITIES, ChargerOddity, clean

_COUNT_AGAIN = """
UPDATE oddities SET count = count + :times, last_seen_at = :seen_at
WHERE charger_id = :charger_id AND rule = :rule AND field = :field AND tenant = :tenant"""


def count_again(tx: Tx, charger_id: str, rule: str, field: str, *, times: int, seen_at: int) -> bool:
    """Count a known oddity; False when it is new."""
    return tx.run(_COUNT_AGAIN, charger_id=charger_id, rule=rule, field=field, times=times, seen_at=seen_at) > 0


_COUNT_FIRST = """
INSERT INTO oddities (charger_id, rule, field, tenant, count, example, first_seen_at, last_seen_at)
SELECT c.id, :rule, :field, c.tenant, :times, :example, :seen_at, :seen_at
FROM chargers c
WHERE c.id = :charger_id AND c.tenant = :tenant AND c.removed_at IS NULL
    AND (SELECT count(*) FROM oddities o WHERE o.charger_id = c.id) < :most"""


def count_first(tx: Tx, charger_id: str, rule: str, field: str, *, times: int, example: str, seen_at: int, most: int) -> None:
    """Store a new oddity, unless the charger is gone or has ``most`` already."""
    tx.run(_COUNT_FIRST, charger_id=charger_id, rule=rule, field=field, times=times, example=example, seen_at=seen_at, most=most)


def list_oddities(tx: ReadTx, charger_id: str | None = None, *, limit: int = 1000) -> list[ChargerOddity]:
    """What one charger does wrong, or all chargers of the tenant, the most frequent first per charger."""
    where = "" if charger_id is None else " AND charger_id = :charger_id"
    parameters = {} if charger_id is None else {"charger_id": charger_id}
    rows = tx.all(_SELECT + where + " ORDER BY charger_id, count DESC, rule, field LIMIT :limit", limit=limit, **parameters)
    return [
        ChargerOddity(
            charger_id=row["charger_id"],
            rule=row["rule"],
            field=row["field"],
            count=row["count"],
            example=row["example"],
            first_seen_at=row["first_seen_at"],
            last_seen_at=row["last_seen_at"],
        )
        for row in rows
    ]


_SELECT = """
SELECT charger_id, rule, field, count, example, first_seen_at, last_seen_at FROM oddities WHERE tenant = :tenant"""

NOTICE_INSERT = """
INSERT INTO oddities (charger_id, rule, field, tenant, count, example, first_seen_at, last_seen_at)
SELECT c.id, :rule, :field, c.tenant, :times, :example, :seen_at, :seen_at
FROM chargers c
WHERE c.id = :charger_id AND c.tenant = :tenant AND c.removed_at IS NULL
    AND ((SELECT count(*) FROM oddities o WHERE o.charger_id = c.id) < :most
        OR EXISTS (SELECT 1 FROM oddities o WHERE o.charger_id = c.id AND o.rule = :rule AND o.field = :field))
ON CONFLICT (charger_id, rule, field) DO UPDATE SET
    count = oddities.count + excluded.count, last_seen_at = excluded.last_seen_at"""
"""For ``Database.append``: counts one kind, known or new."""


def notice_rows(admission: Admission, noticed: Sequence[tuple[Oddity, int]], now: int) -> list[dict[str, Any]]:
    """Parameters of ``NOTICE_INSERT``."""
    return [
        {
            "charger_id": admission.charger_id,
            "rule": clean(oddity.rule, 50),
            "field": clean(oddity.field, 200),
            "times": times,
            "example": clean(oddity.heard, 200),
            "seen_at": now,
            "most": MOST_ODDITIES,
        }
        for oddity, times in noticed
    ]
