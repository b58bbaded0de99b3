"""Security events: stored once, critical by the whitepaper's list (§8), told (A04)."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core.ports import ReadTx
from csms.core.reports import SecurityEventReported
from csms.domain.security import service
from csms.domain.security.model import SecurityEvent
from csms.domain.security.shown import SecurityEventsQuery
from csms.domain.security.store import events as store

from .conftest import CP, World


async def report(world: World, kind: str, occurred_at: int = 1, info: str = "", charger_id: str = CP) -> None:
    said = SecurityEventReported(charger_id=charger_id, received_at=2, kind=kind, occurred_at=occurred_at, info=info)
    await world.write(service.security_event, said)


async def listed(world: World, **which: Any) -> list[SecurityEvent]:
    def query(tx: ReadTx) -> list[SecurityEvent]:
        return store.listed(tx, SecurityEventsQuery(**which), 100)

    found: list[SecurityEvent] = await world.read(query)
    return found


@pytest.mark.parametrize(
    ("kind", "critical"),
    [
        ("FirmwareUpdated", True),
        ("SettingSystemTime", True),
        ("StartupOfTheDevice", True),
        ("ResetOrReboot", True),
        ("SecurityLogWasCleared", True),
        ("MemoryExhaustion", True),
        ("TamperDetectionActivated", True),
        ("FailedToAuthenticateAtCentralSystem", False),
        ("InvalidFirmwareSignature", False),
        ("InvalidChargePointCertificate", False),
        ("AcmeDoorAjar", False),
    ],
)
async def test_critical_is_what_the_list_says(world: World, kind: str, critical: bool) -> None:
    await world.add()
    await report(world, kind, info="why")
    (found,) = await listed(world)
    assert (found.kind, found.critical, found.source, found.info, found.occurred_at) == (kind, critical, "charger", "why", 1)
    (event,) = await world.events("security_event_reported")
    assert (event["kind"], event["critical"], event["source"]) == (kind, critical, "charger")


async def test_sent_again_it_is_stored_once(world: World) -> None:
    await world.add()
    for _ in range(3):
        await report(world, "ResetOrReboot")
    await report(world, "ResetOrReboot", occurred_at=5)
    assert [each.occurred_at for each in await listed(world)] == [5, 1]
    assert len(await world.events("security_event_reported")) == 2


async def test_of_nobody_we_know_nothing_is_kept(world: World) -> None:
    await report(world, "ResetOrReboot", charger_id="CP9")
    assert await listed(world) == []
    assert await world.events("security_event_reported") == []


async def test_lists(world: World) -> None:
    await world.add()
    await world.add("CP2")
    await report(world, "ResetOrReboot")
    await report(world, "InvalidMessages")
    await report(world, "ResetOrReboot", charger_id="CP2")
    assert [(each.charger_id, each.kind) for each in await listed(world)] == [
        ("CP2", "ResetOrReboot"),
        (CP, "InvalidMessages"),
        (CP, "ResetOrReboot"),
    ]
    assert len(await listed(world, critical=True)) == 2
    assert len(await listed(world, charger_id=CP, critical=True)) == 1
    assert len(await listed(world, source="charger", kind="InvalidMessages", search="invalid")) == 1
    assert await listed(world, station_id=1) == []
    first = await world.read(store.stretch_of_events, SecurityEventsQuery(limit=1))
    assert [each.charger_id for each in first.items] == ["CP2"]
    rest = await world.read(store.stretch_of_events, SecurityEventsQuery(after=first.next))
    assert (len(rest.items), rest.next) == (2, None)
    nobody = await world.read(store.stretch_of_events, SecurityEventsQuery(), frozenset())
    assert nobody.items == []


async def test_garbage_fits(world: World) -> None:
    await world.add()
    await report(world, "x\x00" * 500, info="y\ud800" * 5000)
    (found,) = await listed(world)
    assert len(found.kind) == 100
    assert len(found.info) == 500
