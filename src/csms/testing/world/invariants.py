"""What must hold after every run, whatever went wrong in it."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from csms.core.units import iso

from .history import BOOT, METER, START, STATUS, STOP, Charge, Message
from .world import World

ANSWER_LIMIT_S = 20.0
"""Longest wait for an answer once nothing goes wrong any more. A slow commit that began before may still be in the way."""

BEGUN = "NOT (started_at IS NULL AND state IN ('failed', 'expired'))"
"""All but starts from afar that came to nothing."""

Check = Callable[[World, sqlite3.Connection], Iterator[str]]


def nothing_lost(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """Every fact that was acknowledged is in the store, exactly once."""
    finds = {START: _starts, STOP: _stops, METER: _readings, STATUS: _statuses, BOOT: _boots}
    for kind, find in finds.items():
        yield from find(world.history.acknowledged(kind), store)
    logged = Counter(row[0] for row in store.execute("SELECT message_id FROM frames WHERE direction = 'in' AND kind = 'call'"))
    for kind in finds:
        for message in world.history.acknowledged(kind):
            if not logged[message.message_id]:
                yield f"{_about(message)}: acknowledged, and not in the frame log"


def _about(message: Message) -> str:
    return f"{message.action} {message.message_id} of {message.charger_id}/{message.evse}"


def _transaction(charge: Charge, store: sqlite3.Connection) -> list[sqlite3.Row]:
    """The rows that may be this charge: by the id that the charger was told, by its own, or by what it said at the start."""
    if charge.transaction_id is not None:
        return store.execute("SELECT * FROM transactions WHERE id = ?", (charge.transaction_id,)).fetchall()
    return store.execute(
        "SELECT * FROM transactions WHERE charger_id = ? AND evse = ?"
        " AND (reference = ? OR (meter_start_wh = ? AND token = ? AND (started_at = ? OR started_at_raw = ?)))",
        (
            charge.charger_id,
            charge.evse,
            charge.reference,
            charge.start_wh,
            charge.token,
            charge.started_said,
            iso(charge.started_said),
        ),
    ).fetchall()


def _starts(messages: list[Message], store: sqlite3.Connection) -> Iterator[str]:
    for message in messages:
        charge = message.charge
        assert charge is not None
        rows = _transaction(charge, store)
        if len(rows) != 1:
            yield f"{_about(message)}: acknowledged, and {len(rows)} times there"
        elif (said := (charge.charger_id, charge.evse, charge.token, charge.start_wh)) != (
            stored := tuple(rows[0][name] for name in ("charger_id", "evse", "token", "meter_start_wh"))
        ):
            yield f"{_about(message)}: stored as {stored}, said as {said}"


def _stops(messages: list[Message], store: sqlite3.Connection) -> Iterator[str]:
    for message in messages:
        charge = message.charge
        assert charge is not None
        rows = _transaction(charge, store)
        stored = [(row["state"], row["stop_source"], row["meter_stop_wh"]) for row in rows]
        if stored != [("completed", "reported", charge.stop_wh)] and not (charge.forgotten and len(rows) != 1):
            yield f"{_about(message)} of {charge.name}: acknowledged with {charge.stop_wh} Wh, stored as {stored}"


def _readings(messages: list[Message], store: sqlite3.Connection) -> Iterator[str]:
    """A reading is known by its time; where the charger's clock was not believed it may have become several, but not none."""
    sql = "SELECT energy_wh, sampled_at_raw, samples FROM meter_readings WHERE charger_id = ? AND evse = ? AND "
    for message in messages:
        place = (message.charger_id, message.evse)
        exact = store.execute(f"{sql} sampled_at = ?", (*place, message.said)).fetchall()
        found = exact or store.execute(f"{sql} sampled_at_raw <> '' AND samples LIKE ?", (*place, f'%"{message.wh}"%')).fetchall()
        if not found or (exact and (len(exact) != 1 or exact[0]["energy_wh"] != message.wh)):
            yield f"{_about(message)}: acknowledged with {message.wh} Wh, stored as {[row['energy_wh'] for row in found]}"


def _statuses(messages: list[Message], store: sqlite3.Connection) -> Iterator[str]:
    latest: dict[tuple[str, int], Message] = {}
    for message in messages:
        latest[message.charger_id, message.evse] = message
        if message.action == "StatusNotification" and "vendorErrorCode" in message.payload(None):
            sql = "SELECT count(*) FROM connector_status_history WHERE charger_id = ? AND evse = ? AND vendor_error_code = ?"
            (times,) = store.execute(sql, (message.charger_id, message.evse, message.word)).fetchone()
            if times != 1:
                yield f"{_about(message)} ({message.word}): acknowledged, and {times} times in the history"
    for (charger_id, evse), message in latest.items():
        row = store.execute("SELECT status FROM connectors WHERE charger_id = ? AND evse = ?", (charger_id, evse)).fetchone()
        if row is None or row["status"] != message.status:
            yield f"{charger_id}/{evse}: the last status acknowledged is {message.status}, stored is {row and row['status']}"


def _boots(messages: list[Message], store: sqlite3.Connection) -> Iterator[str]:
    told = [json.loads(row[0]) for row in store.execute("SELECT payload FROM events WHERE type = 'charger_booted'")]
    known = {(boot["charger_id"], boot["firmware"]) for boot in told}
    for message in messages:
        if (message.charger_id, message.word) not in known:
            yield f"{_about(message)} ({message.word}): acknowledged, and no event tells of it"


def closed_once(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """Every transaction is completed; its end was told once, and only an estimated end was ever corrected."""
    told: dict[str, Counter[int]] = defaultdict(Counter)
    estimated: dict[int, bool] = {}
    types = ("transaction_started", "transaction_ended", "transaction_corrected")
    sql = "SELECT type, payload FROM events WHERE type IN (?, ?, ?) ORDER BY sequence"
    for row in store.execute(sql, types):
        event = json.loads(row["payload"])
        id, kind = event["transaction_id"], row["type"]
        told[kind][id] += 1
        if kind == "transaction_corrected" and not estimated.get(id) and not event["reference"]:
            yield f"transaction {id}: corrected although its end was {event['previous_stop_source']}"
        if kind != "transaction_started":
            estimated[id] = event["stop_source"] != "reported"
    for row in store.execute("SELECT id, charger_id, evse, state FROM transactions WHERE " + BEGUN):  # noqa: S608 - our own words
        name = f"transaction {row['id']} of {row['charger_id']}/{row['evse']}"
        if row["state"] != "completed":
            yield f"{name} is {row['state']} at the end of the day"
        for kind in types[:2]:
            if told[kind][row["id"]] != 1:
                yield f"{name}: {kind} was told {told[kind][row['id']]} times"


def energy_conserved(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """What is billed is what the meters delivered, charge by charge and in sum."""
    delivered = billed = 0
    for charge in world.history.charges:
        if charge.forgotten or charge.stop_wh is None:
            continue
        delivered += charge.stop_wh - charge.start_wh
        rows = _transaction(charge, store)
        energies = [row["energy_wh"] for row in rows]
        billed += sum(energy or 0 for energy in energies)
        if energies != [charge.stop_wh - charge.start_wh]:
            yield f"{charge.name}: delivered {charge.stop_wh - charge.start_wh} Wh, billed {energies}"
    if delivered != billed:
        yield f"delivered {delivered} Wh, billed {billed} Wh"
    known = {id for charge in world.history.charges for id in [row["id"] for row in _transaction(charge, store)]}
    for row in store.execute("SELECT id, charger_id, evse, token FROM transactions WHERE " + BEGUN):  # noqa: S608 - our own words
        if row["id"] not in known:
            yield f"transaction {row['id']} of {row['charger_id']}/{row['evse']} ({row['token']}) never was"


def events_delivered(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """Every consumer took every event at least once, and none before all earlier ones of its key."""
    by_key: dict[str, list[int]] = defaultdict(list)
    for row in store.execute("SELECT sequence, key FROM events ORDER BY sequence"):
        by_key[row["key"]].append(row["sequence"])
    place = {event_id: number for ids in by_key.values() for number, event_id in enumerate(ids)}
    for listener in world.listeners:
        taken: Counter[str] = Counter()
        for delivery in listener.deliveries:
            number = place.get(delivery.event_id)
            if number is None:
                yield f"{listener.name} was given event {delivery.event_id}, which is not in the store"
            elif number > taken[delivery.key]:
                yield f"{listener.name} was given event {delivery.event_id} before an earlier one of {delivery.key}"
            elif delivery.taken and number == taken[delivery.key]:
                taken[delivery.key] += 1
        for key, ids in by_key.items():
            if taken[key] != len(ids):
                yield f"{listener.name} was never given event {ids[taken[key]]} of {key}"
    (dead,) = store.execute("SELECT count(*) FROM deliveries WHERE state = 'dead'").fetchone()
    if dead:
        yield f"{dead} dead letters"


def nobody_starved(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """Once nothing goes wrong any more every charger is answered in time, and nothing true was ever refused."""
    yield from world.starved
    yield from world.history.refusals
    for caller in world.callers:
        if caller.longest_wait_s > ANSWER_LIMIT_S:
            yield f"{caller.charger.charger_id} waited {caller.longest_wait_s:.1f} s for an answer although nothing was wrong"


def nothing_leaked(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """After a stop there are no tasks and no connections, and the database is whole."""
    yield from world.server.leaks
    (sound,) = store.execute("PRAGMA integrity_check").fetchone()
    if sound != "ok":
        yield f"the database is damaged: {sound}"


def no_surprises(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """The server met no error that it did not expect."""
    yield from world.surprises


CHECKS: dict[str, Check] = {
    "no acknowledged fact lost": nothing_lost,
    "every transaction closed exactly once": closed_once,
    "energy conserved": energy_conserved,
    "events delivered, in order": events_delivered,
    "nobody starved": nobody_starved,
    "nothing leaked": nothing_leaked,
    "no surprises": no_surprises,
}
