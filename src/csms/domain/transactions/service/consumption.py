"""What a charge was, as who prices it is shown it: made from the stored transaction and its readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from csms.core.errors import NotFound
from csms.core.ports import ReadTx, Row
from csms.core.pricing import FINAL, Charge, MeterPoint
from csms.domain.transactions.charting import thinned
from csms.domain.transactions.idling import idle_spans
from csms.domain.transactions.measuring import MOST_WH, ROUNDING_WH
from csms.domain.transactions.model import COMPLETED, PENDING_RECONCILIATION, REPORTED, STEPS
from csms.domain.transactions.store import consumption as store

MOST_POINTS = 600
"""Points of a charge; of one that was read more often those that make its shape."""
MOST_AT_ONCE = store.MOST_AT_ONCE


def charge_of(tx: ReadTx, transaction_id: int, *, purpose: str = FINAL, now: int | None = None) -> Charge:
    """One transaction as a charge. ``now`` is up to when a running one is looked at. Raises ``NotFound`` where there is none, or it has
    not started."""
    found = charges_of(tx, (transaction_id,), purpose=purpose, now=now).get(transaction_id)
    if found is None:
        raise NotFound(f"there is no transaction {transaction_id} that has started")
    return found


def charges_of(tx: ReadTx, transaction_ids: Sequence[int], *, purpose: str = FINAL, now: int | None = None) -> Mapping[int, Charge]:
    """Up to ``MOST_AT_ONCE`` transactions as charges, by their ids; those that have not started are missing.

    Five statements, however many there are, and three more for one that was read thousands of times.
    """
    rows = [row for row in store.facts(tx, transaction_ids) if row["started_at"] is not None]
    drivers = sorted({row["driver_id"] for row in rows if row["driver_id"] is not None})
    groups = store.groups(tx, drivers)
    readings = store.readings(
        tx,
        [row["id"] for row in rows if 0 < row["readings"] <= store.MOST_READ],
        [row["id"] for row in rows if row["readings"] > store.MOST_READ],
    )
    states = store.states(
        tx, [row["id"] for row in rows if row["reference"]], [row["id"] for row in rows if not row["reference"] and row["evse"]]
    )
    return {
        row["id"]: _charge(
            row,
            readings.get(row["id"], ()),
            states.get(row["id"], ()),
            groups.get(row["driver_id"], ()),
            purpose,
            tx.now if now is None else now,
        )
        for row in rows
    }


def _charge(
    row: Row, readings: Sequence[Row], states: Sequence[tuple[int, str]], groups: tuple[str, ...], purpose: str, now: int
) -> Charge:
    begin: int = row["started_at"]
    over = row["state"] == COMPLETED
    end = _end(row, now)
    points = _points(row, readings, begin, end, over)
    if not over:
        end = max(end, points[-1].at)
    preferences = msgspec.json.decode(row["preferences"]) if row["preferences"] else {}
    reserved_at = row["reserved_at"]
    return Charge(
        purpose=purpose,
        currency=row["currency"],
        time_zone=row["time_zone"] or row["tenant_time_zone"],
        started_at=begin,
        ended_at=end,
        energy_wh=points[-1].energy_wh,
        points=points,
        idle=idle_spans(states, points, begin, end),
        transaction_id=row["id"],
        charger_id=row["charger_id"],
        evse=row["evse"],
        connector=row["connector"],
        connector_type=row["connector_type"] or "",
        current_type=row["current_type"] or "",
        max_power_w=row["max_power_w"] or row["model_power_w"],
        station_id=row["station_id"],
        station_state=row["station_state"] or "",
        station_country=row["station_country"] or row["tenant_country"],
        driver_id=row["driver_id"],
        driver_groups=groups,
        membership=row["membership"] or "",
        customer_state=str(preferences.get("state", "")),
        promo_code=row["promo_code"],
        token=row["token"],
        reserved_s=0 if reserved_at is None else max(0, begin - reserved_at) // 1000,
        estimated=row["state"] == PENDING_RECONCILIATION or (over and row["stop_source"] != REPORTED),
    )


def _end(row: Row, now: int) -> int:
    """When it ended, or up to when it is known to go on: now, unless that is in doubt."""
    begin: int = row["started_at"]
    if row["state"] == COMPLETED:
        return max(begin, row["stopped_at"] or begin)
    known = max(begin, row["last_meter_at"] or begin, row["last_event_at"] or begin)
    return known if row["state"] == PENDING_RECONCILIATION else max(known, now)


def _points(row: Row, readings: Sequence[Row], begin: int, end: int, over: bool) -> tuple[MeterPoint, ...]:
    """The meter along the charge, in order of time and never falling; of an ended one it ends with its energy."""
    total: int | None = (row["energy_wh"] or 0) if over else None
    points = [MeterPoint(begin, 0)]
    if row["meter_start_wh"] is not None:
        inside = [each for each in readings if begin < each["sampled_at"] and (not over or each["sampled_at"] <= end)]
        points += _climb(inside, row["meter_start_wh"], _goes_back(row, inside), total)
    if total is not None:
        points = [each for each in points if each.at < end or each.at == begin]
        power_w = _power(readings[-1]) if readings and readings[-1]["sampled_at"] == end else None
        points.append(MeterPoint(end, total, power_w))
    return _shape(points)


def _goes_back(row: Row, readings: Sequence[Row]) -> bool:
    """Whether the register went back, so that it is followed step by step: for an ended charge that has been decided."""
    if row["energy_basis"]:
        return bool(row["energy_basis"] == STEPS)
    highest = row["meter_start_wh"]
    for each in readings:
        if each["energy_wh"] < highest - ROUNDING_WH:
            return True
        highest = max(highest, each["energy_wh"])
    return False


def _climb(readings: Sequence[Row], start_wh: int, stepwise: bool, most: int | None) -> list[MeterPoint]:
    """Readings as energy since the start. A reading that lies back is left out, or counts nothing where the register is followed
    ``stepwise``; so does one that no meter can have shown."""
    points: list[MeterPoint] = []
    register, total = start_wh, 0
    for each in readings:
        step = each["energy_wh"] - register
        if stepwise:
            register = each["energy_wh"]
            total += step if 0 < step <= MOST_WH else 0
        elif step < 0 or step > MOST_WH or (most is not None and each["energy_wh"] - start_wh > most + ROUNDING_WH):
            continue
        else:
            register, total = each["energy_wh"], each["energy_wh"] - start_wh
        energy_wh = total if most is None else min(total, most)
        if points and points[-1].at == each["sampled_at"]:
            points.pop()
        points.append(MeterPoint(each["sampled_at"], energy_wh, _power(each)))
    return points


def _power(reading: Row) -> int | None:
    power_w = reading["power_w"]
    return None if power_w is None else max(0, round(power_w))


def _shape(points: Sequence[MeterPoint]) -> tuple[MeterPoint, ...]:
    """The points without those in the midst of a stretch where nothing was drawn, and no more than ``MOST_POINTS``."""
    last = len(points) - 1
    kept = [
        each
        for number, each in enumerate(points)
        if number in (0, last) or not (points[number - 1].energy_wh == each.energy_wh == points[number + 1].energy_wh)
    ]
    if len(kept) <= MOST_POINTS:
        return tuple(kept)
    chosen = {at for at, _ in thinned([(each.at, float(each.energy_wh)) for each in kept], MOST_POINTS)}
    return tuple(each for each in kept if each.at in chosen)
