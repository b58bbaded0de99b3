"""The same history once more without any fault: what the transactions must look like whatever happened on the way."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from csms import app
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Admission
from csms.core.units import iso
from csms.db.opening import open_database
from csms.domain.transactions import service as transactions
from csms.domain.transactions.model import ACCEPTED
from csms.ocpp.conversation import Conversation, ConversationSettings, Send, Told
from csms.ocpp.registry import dialect_for
from csms.plugins import Bus
from csms.telemetry import Telemetry
from csms.testing.plugins import InLine, SeededRandom
from csms.testing.stores import SettableClock

from .charger import Charger
from .history import BOOT, START, STATUS, Charge, Message
from .server import NoHttp, config_of
from .world import World

COMPARED = (
    "state",
    "token_status",
    "meter_start_wh",
    "meter_stop_wh",
    "energy_wh",
    "energy_basis",
    "stop_reason",
    "stop_source",
    "started_at",
    "stopped_at",
    "readings",
)
TIMES = ("started_at", "stopped_at")
"""Compared only where the charger's clock was believed: else they are the times of receipt, and so are those of its readings."""

Key = tuple[str, int, str, str]
Facts = dict[str, Any]


async def retell(world: World, folder: Path) -> None:
    """Tell the history of a world to another store: each message once, in order, at the moment at which it came to be."""
    config, clock, random = config_of(folder), SettableClock(), SeededRandom(world.seed)
    async with open_database(config.database, clock=clock, folder=folder, blocking=InLine()) as database:
        bus = Bus(config.plugins, available={})
        parts = app.assemble(config, database, NoHttp(), clock, random, InLine(), bus, Telemetry())
        tellers = {charger.charger_id: _Teller(charger, parts, clock) for charger in world.chargers}
        for message in world.history.messages:
            if _counts(message):
                await tellers[message.charger_id].tell(message)
        clock.at = max(clock.at, world.ended_at)
        while await database.write(transactions.close_overdue, tenant=DEFAULT_TENANT):
            clock.advance(1)


def _counts(message: Message) -> bool:
    """Whether a message is part of what happened: a status that a newer one overtook never was told."""
    if message.kind in (STATUS, BOOT):
        return message.answer is not None
    return message.charge is not None and not message.charge.forgotten


class _Teller:
    """A charger on a perfect line."""

    def __init__(self, charger: Charger, parts: app.Parts, clock: SettableClock) -> None:
        self._parts = parts
        self._clock = clock
        self._admission = Admission(charger_id=charger.charger_id, tenant=DEFAULT_TENANT, registration="accepted")
        self._conversation = Conversation(
            dialect_for(charger.words.protocol),
            charger_id=charger.charger_id,
            connection_id="reference",
            registration="accepted",
            settings=ConversationSettings(),
            new_message_id=parts.ports.random.message_id,
        )
        self._ids: dict[Charge, int] = {}
        self._number = 0

    async def tell(self, message: Message) -> None:
        """Say it and hear the answer."""
        self._clock.at = max(self._clock.at, message.at)
        self._number += 1
        known = None if message.charge is None or message.kind == START else self._ids[message.charge]
        text = json.dumps([2, f"r{self._number}", message.action, message.payload(known)])
        (told,) = (effect for effect in self._conversation.receive(text, self._clock.at, 0.0) if isinstance(effect, Told))
        verdict = await self._parts.dispatch.hear(self._admission, told.report)
        answers = self._conversation.answer(told.call, verdict, self._clock.at, 0.0)
        (answer,) = (json.loads(effect.text) for effect in answers if isinstance(effect, Send))
        if message.kind == START and message.charge is not None:
            self._ids[message.charge] = answer[2].get("transactionId", 0)


def facts(store: sqlite3.Connection) -> dict[Key, Facts]:
    """The transactions of a store by what a charger knows of them."""
    found: dict[Key, Facts] = {}
    for row in store.execute("SELECT * FROM transactions"):
        key = (row["charger_id"], row["evse"], row["reference"] or row["token"], row["started_at_raw"] or str(row["started_at"]))
        readings = store.execute(
            "SELECT energy_wh, samples FROM meter_readings WHERE transaction_id = ? ORDER BY energy_wh", (row["id"],)
        )
        plain = {name: row[name] for name in COMPARED if name != "readings"}
        plain["readings"] = sorted({wh for reading in readings for wh in _registers(reading["samples"])})
        for time in TIMES:
            if row[f"{time}_raw"]:
                plain[time] = plain["readings"] = None
        found[key] = plain
    return found


def _registers(samples: str) -> Iterator[int]:
    for sample in json.loads(samples):
        yield int(float(sample["value"]))


def differences(world: World, told: dict[Key, Facts], once_more: dict[Key, Facts]) -> Iterator[str]:
    """Where two stores disagree about the charges that were told of completely."""
    forgotten = {key for charge in world.history.charges if charge.forgotten for key in _keys(charge)}
    for key in sorted(told.keys() | once_more.keys()):
        if key in forgotten or key[:3] in forgotten:
            continue
        here, there = told.get(key), once_more.get(key)
        if here is None or there is None:
            yield f"transaction {key}: only in {'the reference' if here is None else 'the disturbed store'}"
        elif wrong := {
            name: (here[name], there[name])
            for name in COMPARED
            if here[name] != there[name] and (name != "readings" or not _disputed(world, key, here))
        }:
            yield f"transaction {key}: disturbed and reference differ: {wrong}"


def _disputed(world: World, key: Key, here: Facts) -> bool:
    """Whether its readings may be taken for those of a charge that its charger forgot and that still seems to go on there.

    Only those of a refused transaction: an accepted start ends what was there before.
    """
    forgotten = any(charge.forgotten and (charge.charger_id, charge.evse) == key[:2] for charge in world.history.charges)
    return forgotten and here["token_status"] != ACCEPTED


def _keys(charge: Charge) -> Iterator[Key | tuple[str, int, str]]:
    """How a charge may be found: by its own id, though its start was never told, or by its token and start, believed or not."""
    yield charge.charger_id, charge.evse, charge.reference
    for started in (str(charge.started_said), iso(charge.started_said)):
        yield charge.charger_id, charge.evse, charge.token, started
