"""What prices are made of, as rows: several transactions at a time, in as many statements as one takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from csms.core.ports import ReadTx, Row

MOST_READ = 2_000
"""Readings of a transaction that are looked at; of more some are taken, evenly spread over time."""
_SIZES = (1, 4, 16, 64, 256)
MOST_AT_ONCE = _SIZES[-1]

_FACTS = """
SELECT t.id, t.charger_id, t.evse, t.connector, t.reference, t.state, t.token, t.driver_id, t.started_at, t.stopped_at,
    t.meter_start_wh, t.energy_wh, t.energy_basis, t.stop_source, t.last_meter_at, t.last_event_at, t.station_id, n.currency,
    n.time_zone AS tenant_time_zone, n.country AS tenant_country, s.time_zone, s.state AS station_state, s.country AS station_country,
    d.membership, d.preferences, k.type AS connector_type, k.current_type, k.max_power_w, m.max_power_w AS model_power_w,
    COALESCE(r.made_at, r.created_at) AS reserved_at, COALESCE(w.promo_code, a.promo_code, '') AS promo_code,
    (SELECT count(*) FROM (
        SELECT 1 AS one FROM meter_readings q WHERE q.tenant = :tenant AND q.transaction_id = t.id LIMIT :most
    ) AS few) AS readings
FROM transactions t
JOIN tenants n ON n.id = t.tenant
LEFT JOIN stations s ON s.id = t.station_id
LEFT JOIN drivers d ON d.id = t.driver_id
LEFT JOIN connector_details k ON k.charger_id = t.charger_id AND k.evse = t.evse
    AND k.connector = CASE WHEN t.connector > 0 THEN t.connector ELSE 1 END
LEFT JOIN chargers c ON c.id = t.charger_id
LEFT JOIN charger_models m ON m.id = c.model_id
LEFT JOIN reservations r ON r.transaction_id = t.id
LEFT JOIN charge_wishes w ON w.transaction_id = t.id
LEFT JOIN charge_wishes a ON a.transaction_id = t.remote_start_id AND a.tenant = t.tenant
WHERE t.tenant = :tenant AND t.id IN ({ids})"""

_GROUPS = "SELECT driver_id, name FROM driver_groups WHERE tenant = :tenant AND driver_id IN ({ids}) ORDER BY driver_id, name"

_READINGS = """
SELECT transaction_id, sampled_at, energy_wh, power_w FROM meter_readings
WHERE tenant = :tenant AND transaction_id IN ({ids}) AND energy_wh IS NOT NULL ORDER BY transaction_id, sampled_at, energy_wh"""

_SPREAD = """
WITH RECURSIVE chosen (at) AS (
    SELECT CAST(:first_at AS BIGINT)
    UNION ALL
    SELECT (
        SELECT min(q.sampled_at) FROM meter_readings q
        WHERE q.tenant = :tenant AND q.transaction_id = :id AND q.sampled_at >= chosen.at + :step_ms
    ) FROM chosen WHERE chosen.at IS NOT NULL
)
SELECT r.transaction_id, r.sampled_at, r.energy_wh, r.power_w
FROM chosen JOIN meter_readings r ON r.transaction_id = :id AND r.sampled_at = chosen.at
WHERE r.tenant = :tenant AND r.energy_wh IS NOT NULL ORDER BY r.sampled_at, r.energy_wh LIMIT :most"""

# What a charger of 2.x said with its TransactionEvents, where it changed; and of one of 1.6 the statuses of its connector meanwhile.
_STATES = """
SELECT transaction_id, at, word FROM (
    SELECT transaction_id, occurred_at AS at, charging_state AS word,
        LAG(charging_state) OVER (PARTITION BY transaction_id ORDER BY seq_no, occurred_at) AS before
    FROM transaction_events WHERE tenant = :tenant AND transaction_id IN ({ids}) AND charging_state <> ''
) AS told
WHERE before IS NULL OR before <> word ORDER BY transaction_id, at"""

_STATUSES = """
SELECT t.id AS transaction_id, h.reported_at AS at, h.status AS word
FROM transactions t JOIN connector_status_history h ON h.charger_id = t.charger_id AND h.tenant = t.tenant AND h.evse = t.evse
    AND h.reported_at >= t.started_at AND h.reported_at < COALESCE(t.stopped_at, :now)
WHERE t.tenant = :tenant AND t.reference = '' AND t.evse > 0 AND t.id IN ({ids}) ORDER BY t.id, h.reported_at, h.id"""


def _all(tx: ReadTx, sql: str, ids: Sequence[int], **more: Any) -> Sequence[Row]:
    """Rows of a list of ids, which is padded so that there are few different texts. Nothing is asked about nobody."""
    if not ids:
        return ()
    size = next(each for each in _SIZES if each >= len(ids))
    named = {f"id_{number}": ids[min(number, len(ids) - 1)] for number in range(size)}
    return tx.all(sql.replace("{ids}", ", ".join(f":{name}" for name in named)), **named, **more)


def facts(tx: ReadTx, ids: Sequence[int]) -> Sequence[Row]:
    """What is known of transactions beside their readings; ``readings`` is how many there are, up to one more than are looked at."""
    return _all(tx, _FACTS, ids, most=MOST_READ + 1)


def groups(tx: ReadTx, driver_ids: Sequence[int]) -> Mapping[int, tuple[str, ...]]:
    """The groups of drivers."""
    found: dict[int, tuple[str, ...]] = {}
    for row in _all(tx, _GROUPS, driver_ids):
        found[row["driver_id"]] = (*found.get(row["driver_id"], ()), row["name"])
    return found


def readings(tx: ReadTx, few: Sequence[int], many: Sequence[int]) -> Mapping[int, list[Row]]:
    """The register of transactions in order of time: all of those that have ``few``, and of those with ``many`` as many as are looked at."""
    found: dict[int, list[Row]] = {}
    for row in _all(tx, _READINGS, few):
        found.setdefault(row["transaction_id"], []).append(row)
    for each in many:
        ends = tx.one(
            "SELECT min(sampled_at) AS first_at, max(sampled_at) AS last_at FROM meter_readings"
            " WHERE tenant = :tenant AND transaction_id = :id",
            id=each,
        )
        assert ends is not None
        step_ms = max(1, (ends["last_at"] - ends["first_at"]) // (MOST_READ - 2))
        found[each] = list(tx.all(_SPREAD, id=each, first_at=ends["first_at"], step_ms=step_ms, most=MOST_READ))
        found[each] += tx.all(
            "SELECT transaction_id, sampled_at, energy_wh, power_w FROM meter_readings WHERE tenant = :tenant AND transaction_id = :id"
            " AND energy_wh IS NOT NULL ORDER BY sampled_at DESC, energy_wh DESC LIMIT 1",
            id=each,
        )
    return found


def states(tx: ReadTx, numbered: Sequence[int], plain: Sequence[int]) -> Mapping[int, list[tuple[int, str]]]:
    """When transactions came into which charging state, in order of time: of those that chargers number (2.x), and of the others."""
    found: dict[int, list[tuple[int, str]]] = {}
    for row in (*_all(tx, _STATES, numbered), *_all(tx, _STATUSES, plain, now=tx.now)):
        found.setdefault(row["transaction_id"], []).append((row["at"], row["word"]))
    return found
