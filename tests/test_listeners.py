"""What the core reacts to: every row of the table is a consumer, and what one gives up is mourned without anybody's waiting."""

from __future__ import annotations

from typing import Any

import attrs
import structlog
import trio
from structlog.testing import capture_logs

from csms import listeners
from csms.config import Config
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Ports, ReadTx
from csms.db import StoreDatabase
from csms.db.outbox import DeadLetter
from csms.testing.plugins import NoDatabase
from csms.testing.stores import START_AT, SettableClock

LETTER = DeadLetter(
    consumer="plugin:sms",
    event_id=7,
    tenant=DEFAULT_TENANT,
    type="token_seen",
    key="charger:C1",
    at=START_AT,
    attempts=12,
    error="OSError: no",
    given_up_at=START_AT,
)


def ports_with(database: Any, clock: SettableClock) -> Ports:
    absent: Any = None
    return Ports(database=database, chargers=absent, decisions=absent, clock=clock, random=absent, blocking=absent, http=absent)


def test_consumers_are_named_by_their_rows(clock: SettableClock) -> None:
    config = Config()
    rows, consumers = listeners.table(config), listeners.consumers(ports_with(NoDatabase(), clock), config)
    assert [each.name for each in consumers] == [f"core.{row.name}" for row in rows]
    assert len({row.name for row in rows}) == len(rows)
    assert "alerts" in {row.name for row in rows}
    assert all(each.types for each in consumers)


async def test_dead_letters_become_one_alert_however_many(database: StoreDatabase, clock: SettableClock) -> None:
    mourner = listeners.Mourner(ports_with(database, clock))
    with capture_logs() as logs:
        for _ in range(3 * listeners.MOURNED_AT_ONCE):
            mourner(LETTER)  # nobody takes them yet, and nobody waits
    assert len([line for line in logs if line["event"] == "event.dead_letter"]) == 3 * listeners.MOURNED_AT_ONCE

    def query(tx: ReadTx) -> Any:
        return tx.one("SELECT kind, times FROM alerts WHERE tenant = :tenant")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(mourner.run)
        with trio.fail_after(20):
            while (found := await database.read(query, tenant=DEFAULT_TENANT)) is None or found[
                "times"
            ] < listeners.MOURNED_AT_ONCE:
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert found == {"kind": "dead_letter", "times": listeners.MOURNED_AT_ONCE}


@attrs.define
class Failing:
    """A store that fails, first as stores do, then as nothing should."""

    errors: list[Exception] = attrs.field(factory=lambda: [StoreUnavailable("away"), RuntimeError("a mistake of ours")])
    done: trio.Event = attrs.field(factory=trio.Event)

    async def write(self, verb: Any, *arguments: Any, **more: Any) -> None:
        if not self.errors:
            self.done.set()
            return
        raise self.errors.pop(0)


async def test_an_alert_that_cannot_be_raised_stops_nothing(clock: SettableClock) -> None:
    database = Failing()
    mourner = listeners.Mourner(ports_with(database, clock))
    structlog.reset_defaults()
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mourner.run)
            for _ in range(3):
                mourner(LETTER)
            with trio.fail_after(10):
                await database.done.wait()
            nursery.cancel_scope.cancel()
    said = [line["log_level"] for line in logs if line["event"] == "no alert of a dead letter"]
    assert said == ["warning", "error"]
