"""What the server kept, indexed as the checks ask for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import attrs

from .source import Source, number, whole


@attrs.frozen(slots=True)
class KeptStatus:
    """A row of a connector's history."""

    reported_at: int
    received_at: int
    status: str


@attrs.frozen(slots=True)
class KeptTransaction:
    """A transaction; instants in milliseconds, energies in Wh."""

    id: int
    charger_id: str
    evse: int
    reference: str
    token: str
    started_at: int | None
    meter_start_wh: int | None
    stopped_at: int | None
    stopped_at_raw: str
    """What the charger said, where the server did not take it for the time of the stop."""
    meter_stop_wh: int | None
    stop_source: str


@attrs.frozen(slots=True)
class KeptReading:
    """A meter reading."""

    connector: int
    received_at: int
    energy_wh: int | None


@attrs.define(slots=True)
class Kept:
    """All of it. Keys begin with the charger's id."""

    frames: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    chargers: dict[str, tuple[str, str, int]] = attrs.field(factory=dict)
    """Vendor, model and the instant of the last boot."""
    statuses: defaultdict[tuple[str, int, int], list[KeptStatus]] = attrs.field(factory=lambda: defaultdict(list))
    transactions: dict[int, KeptTransaction] = attrs.field(factory=dict)
    of_charger: defaultdict[str, list[KeptTransaction]] = attrs.field(factory=lambda: defaultdict(list))
    starts: Counter[tuple[str, int, str, int | None, int | None]] = attrs.field(factory=Counter)
    references: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    events: Counter[tuple[str, str, int, str]] = attrs.field(factory=Counter)
    readings: defaultdict[tuple[str, int, int], list[KeptReading]] = attrs.field(factory=lambda: defaultdict(list))
    """By charger, EVSE and instant of sampling."""
    reading_times: defaultdict[tuple[str, int], list[KeptReading]] = attrs.field(factory=lambda: defaultdict(list))
    late_stops: set[tuple[str, int, int | None]] = attrs.field(factory=set)
    """Charger, instant, meter."""
    quarantined: defaultdict[str, list[tuple[int, int]]] = attrs.field(factory=lambda: defaultdict(list))
    """The first and the last instant at which each message came."""


def load(source: Source, chargers: set[str], since: int) -> Kept:
    """Read what concerns these chargers; frames only from an instant on. Raises ``SourceError``."""
    kept = Kept()
    for charger_id, message_id, direction, kind, at in source.rows(
        "frames", ("charger_id", "message_id", "direction", "kind", "at")
    ):
        if charger_id in chargers and direction == "in" and kind == "call" and number(at) >= since:
            kept.frames[charger_id, message_id] += 1
    for charger_id, vendor, model, booted_at in source.rows("chargers", ("id", "vendor", "model", "booted_at")):
        if charger_id in chargers:
            kept.chargers[charger_id] = (vendor, model, whole(booted_at) or 0)
    for charger_id, evse, connector, status, reported_at, received_at in source.rows(
        "connector_status_history", ("charger_id", "evse", "connector", "status", "reported_at", "received_at")
    ):
        if charger_id in chargers:
            row = KeptStatus(number(reported_at), number(received_at), status.casefold())
            kept.statuses[charger_id, number(evse), number(connector)].append(row)
    for rows in kept.statuses.values():
        rows.sort(key=lambda row: row.received_at)
    _load_transactions(kept, source, chargers)
    _load_readings(kept, source, chargers)
    for charger_id, received_at, last_received_at in source.rows("quarantine", ("charger_id", "received_at", "last_received_at")):
        if charger_id in chargers:
            kept.quarantined[charger_id].append((number(received_at), number(last_received_at)))
    return kept


def _load_transactions(kept: Kept, source: Source, chargers: set[str]) -> None:
    columns = [field.name for field in attrs.fields(KeptTransaction)]
    numbers = {"started_at", "meter_start_wh", "stopped_at", "meter_stop_wh"}
    for values in source.rows("transactions", columns):
        row: dict[str, Any] = dict(zip(columns, values, strict=True))
        if row["charger_id"] not in chargers:
            continue
        row |= {name: whole(row[name]) for name in numbers} | {"id": number(row["id"]), "evse": number(row["evse"])}
        one = KeptTransaction(**row)
        kept.transactions[one.id] = one
        kept.of_charger[one.charger_id].append(one)
        if one.reference:
            kept.references[one.charger_id, one.reference] += 1
        else:
            kept.starts[one.charger_id, one.evse, one.token.casefold(), one.started_at, one.meter_start_wh] += 1
    for transaction_id, seq_no, kind in source.rows("transaction_events", ("transaction_id", "seq_no", "kind")):
        owner = kept.transactions.get(number(transaction_id))
        if owner is not None:
            kept.events[owner.charger_id, owner.reference, number(seq_no), kind] += 1
    for transaction_id, stopped_at, meter_stop_wh in source.rows("late_stops", ("transaction_id", "stopped_at", "meter_stop_wh")):
        owner = kept.transactions.get(number(transaction_id))
        if owner is not None:
            kept.late_stops.add((owner.charger_id, number(stopped_at), whole(meter_stop_wh)))


def _load_readings(kept: Kept, source: Source, chargers: set[str]) -> None:
    for charger_id, evse, connector, sampled_at, received_at, energy_wh in source.rows(
        "meter_readings", ("charger_id", "evse", "connector", "sampled_at", "received_at", "energy_wh")
    ):
        if charger_id in chargers:
            row = KeptReading(number(connector), number(received_at), whole(energy_wh))
            kept.readings[charger_id, number(evse), number(sampled_at)].append(row)
            kept.reading_times[charger_id, number(evse)].append(row)
