"""What a server acknowledged, and whether its database kept it: each fact exactly once, and nothing that nobody said.

Heartbeats are not promises. A charger that had no answer says the same again under a new message id, as real ones do, so a fact may be
said several times; where it was acknowledged it must be there once, otherwise at most once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import msgspec

Row = Mapping[str, Any]
Query = Callable[[str], Sequence[Row]]
"""Runs a SELECT on the database that is looked at."""

Fact = tuple[Any, ...]
"""What identifies a fact among its kind, whoever says it how often."""


@attrs.frozen(slots=True, kw_only=True)
class Said:
    """One CALL: the facts that its acknowledgement promises, by kind, and what each must look like in the store."""

    charger_id: str
    action: str
    facts: tuple[tuple[str, Fact, Row], ...] = ()


@attrs.define(slots=True)
class Promises:
    """Everything that was said and acknowledged to the chargers of one run."""

    said: dict[str, Said] = attrs.field(factory=dict)
    """By message id, which is unique in the run."""
    acknowledged: dict[str, Row] = attrs.field(factory=dict)
    """The answers by message id."""

    def say(self, message_id: str, said: Said) -> None:
        """A CALL goes out."""
        self.said[message_id] = said

    def acknowledge(self, message_id: str, answer: Row) -> None:
        """Its CALLRESULT came."""
        self.acknowledged[message_id] = answer

    def broken(self, query: Query) -> Iterator[str]:
        """Every promise that the store did not keep, in words."""
        yield from self._frames(query)
        said, promised = self._facts()
        for kind, look in LOOKS.items():
            found: dict[Fact, list[Row]] = {}
            for fact, row in look(query):
                found.setdefault(fact, []).append(row)
            for fact, wanted in promised.get(kind, {}).items():
                rows = found.get(fact, [])
                if len(rows) != 1:
                    yield f"{kind} {fact}: acknowledged, and {len(rows)} times there"
                elif wrong := {name: rows[0][name] for name in wanted if rows[0][name] != wanted[name]}:
                    yield f"{kind} {fact}: stored as {wrong}, said as {dict(wanted)}"
            for fact, rows in found.items():
                if fact not in said.get(kind, set()):
                    yield f"{kind} {fact}: stored, and nobody said so"
                elif len(rows) > 1 and fact not in promised.get(kind, {}):
                    yield f"{kind} {fact}: {len(rows)} times there"
        yield from _events(query)

    def _frames(self, query: Query) -> Iterator[str]:
        rows = query("SELECT charger_id, message_id FROM frames WHERE direction = 'in' AND kind = 'call'")
        logged = Counter((row["charger_id"], row["message_id"]) for row in rows)
        for message_id, said in self.said.items():
            times = logged[said.charger_id, message_id]
            if times != 1 and message_id in self.acknowledged:
                yield f"{said.action} {message_id} of {said.charger_id}: acknowledged, and {times} times in the frame log"
            elif times > 1:
                yield f"{said.action} {message_id} of {said.charger_id}: {times} times in the frame log"

    def _facts(self) -> tuple[dict[str, set[Fact]], dict[str, dict[Fact, Row]]]:
        """What was said, and what was promised: facts by kind."""
        said: dict[str, set[Fact]] = {}
        promised: dict[str, dict[Fact, Row]] = {}
        for message_id, one in self.said.items():
            for kind, fact, wanted in one.facts:
                said.setdefault(kind, set()).add(fact)
                if message_id in self.acknowledged:
                    promised.setdefault(kind, {})[fact] = wanted
        for message_id, answer in self.acknowledged.items():  # the number that OCPP 1.6 is told is part of the promise
            for kind, fact, wanted in self.said[message_id].facts:
                if kind == "transaction" and "transactionId" in answer:
                    promised[kind][fact] = {**wanted, "id": answer["transactionId"]}
        return said, promised


def _transactions(query: Query) -> Iterator[tuple[Fact, Row]]:
    for row in query("SELECT * FROM transactions"):
        yield (row["charger_id"], row["started_at"]), row


def _stops(query: Query) -> Iterator[tuple[Fact, Row]]:
    for row in query("SELECT * FROM transactions WHERE stop_source = 'reported'"):
        yield (row["charger_id"], row["started_at"]), row


def _transaction_events(query: Query) -> Iterator[tuple[Fact, Row]]:
    columns = "t.charger_id, t.reference, e.seq_no, e.kind, e.meter_wh"
    for row in query(f"SELECT {columns} FROM transaction_events e JOIN transactions t ON t.id = e.transaction_id"):  # noqa: S608
        yield (row["charger_id"], row["reference"], row["seq_no"], row["kind"]), row


def _readings(query: Query) -> Iterator[tuple[Fact, Row]]:
    for row in query("SELECT * FROM meter_readings"):
        yield (row["charger_id"], row["evse"], row["sampled_at"]), row


def _statuses(query: Query) -> Iterator[tuple[Fact, Row]]:
    for row in query("SELECT * FROM connector_status_history"):
        yield (row["charger_id"], row["evse"], row["reported_at"]), row


def _boots(query: Query) -> Iterator[tuple[Fact, Row]]:
    for row in query("SELECT payload FROM events WHERE type = 'charger_booted'"):
        told = msgspec.json.decode(row["payload"])
        yield (told["charger_id"], told["firmware"]), told


LOOKS: dict[str, Callable[[Query], Iterator[tuple[Fact, Row]]]] = {
    "transaction": _transactions,
    "stop": _stops,
    "transaction event": _transaction_events,
    "reading": _readings,
    "status": _statuses,
    "boot": _boots,
}
"""The facts of each kind that a store holds."""


def _events(query: Query) -> Iterator[str]:
    """Facts and the events that tell of them are stored together or not at all."""
    told: Counter[tuple[str, int]] = Counter()
    for row in query("SELECT type, payload FROM events WHERE type IN ('transaction_started', 'transaction_ended')"):
        told[row["type"], msgspec.json.decode(row["payload"])["transaction_id"]] += 1
    for row in query("SELECT id, state, started_at FROM transactions"):
        if row["started_at"] is not None and told["transaction_started", row["id"]] != 1:
            yield f"transaction {row['id']}: its start was told {told['transaction_started', row['id']]} times"
        if (row["state"] == "completed") != (told["transaction_ended", row["id"]] == 1):
            yield f"transaction {row['id']} is {row['state']}: its end was told {told['transaction_ended', row['id']]} times"
