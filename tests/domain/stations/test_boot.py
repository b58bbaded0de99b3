from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
import pytest

from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Database, Ports
from csms.core.quirks import NO_QUIRKS
from csms.core.reports import Booted, Registration
from csms.domain.stations import flows, service, store
from csms.domain.stations.model import BootPolicy, Charger
from csms.domain.tenants import service as tenants

Events = Callable[..., Awaitable[list[dict[str, Any]]]]
POLICY = BootPolicy(heartbeat_interval_s=300, retry_interval_s=60)
REPORT = Booted(
    charger_id="CP1",
    received_at=1_700_000_000_000,
    vendor="Volt & Co",
    model="X2",
    serial="SN-1",
    firmware="1.0",
    iccid="8991",
    imsi="4042",
    meter_type="EM3",
    meter_serial="M-1",
    reason="PowerUp",
)


async def add(database: Database, charger_id: str = "CP1", approval: str = "accepted") -> None:
    await database.write(partial(service.add_charger, approval=approval), charger_id, tenant=DEFAULT_TENANT)


async def boot(database: Database, report: Booted = REPORT) -> Registration:
    return await database.write(service.boot, report, POLICY, tenant=DEFAULT_TENANT)


async def stored(database: Database, charger_id: str = "CP1") -> Charger:
    charger = await database.read(store.charger, charger_id, tenant=DEFAULT_TENANT)
    assert charger is not None
    return charger


@pytest.mark.parametrize(("approval", "interval_s"), [("accepted", 300), ("pending", 60), ("rejected", 60)])
async def test_the_operators_approval_is_what_a_charger_is_told(
    database: Database, events: Events, approval: str, interval_s: int
) -> None:
    await add(database, approval=approval)
    verdict = await boot(database)
    assert (verdict.status, verdict.interval_s) == (approval, interval_s)
    assert verdict.now > 1_700_000_000_000
    charger = await stored(database)
    assert (charger.registration, charger.standing) == (approval, approval)
    (event,) = await events("charger_booted")
    assert (event["registration"], event["vendor"], event["key"]) == (approval, "Volt & Co", "charger:CP1")


async def test_the_facts_are_stored_even_for_a_charger_that_waits(database: Database) -> None:
    await add(database, approval="pending")
    await boot(database)
    facts = (await stored(database)).facts
    assert attrs.asdict(facts) == {
        "vendor": "Volt & Co",
        "model": "X2",
        "serial": "SN-1",
        "duplicate_serial": "",
        "firmware": "1.0",
        "iccid": "8991",
        "imsi": "4042",
        "meter_type": "EM3",
        "meter_serial": "M-1",
        "mac": "",
        "boot_reason": "PowerUp",
        "booted_at": 1_700_000_000_000,
    }


async def test_the_intervals_come_from_the_configuration_or_the_charger(ports: Ports, database: Database, settings: Any) -> None:
    await add(database)
    settings.heartbeat_interval_s = 77
    policy = await flows.ask_boot(settings, lambda *kind: NO_QUIRKS, ports, REPORT, DEFAULT_TENANT)
    verdict = await database.write(service.boot, REPORT, policy, tenant=DEFAULT_TENANT)
    assert verdict.interval_s == 77
    await database.write(service.set_heartbeat_interval, "CP1", 20, tenant=DEFAULT_TENANT)
    verdict = await database.write(service.boot, REPORT, policy, tenant=DEFAULT_TENANT)
    assert verdict.interval_s == 20


async def test_registration_changes_are_told_once(database: Database, events: Events) -> None:
    await add(database)
    await boot(database)
    await boot(database)
    (event,) = await events("charger_registration_changed")
    assert (event["approval"], event["registration"]) == ("accepted", "accepted")
    assert len(await events("charger_booted")) == 2


async def test_new_firmware_is_told_with_the_old(database: Database, events: Events) -> None:
    await add(database)
    await boot(database)
    await boot(database, attrs.evolve(REPORT, firmware="2.0"))
    first, second = await events("charger_booted")
    assert (first["firmware"], first["previous_firmware"]) == ("1.0", "")
    assert (second["firmware"], second["previous_firmware"]) == ("2.0", "1.0")


async def test_a_charger_removed_while_connected_is_rejected_and_leaves_nothing(database: Database, events: Events) -> None:
    verdict = await boot(database)
    assert (verdict.status, verdict.interval_s) == ("rejected", 60)
    assert await events() == []


async def test_two_boxes_with_one_serial_both_boot_and_the_first_keeps_it(database: Database) -> None:
    await add(database)
    await add(database, "CP2")
    await boot(database)
    assert (await boot(database, attrs.evolve(REPORT, charger_id="CP2"))).status == "accepted"
    assert (await stored(database, "CP1")).facts.serial == "SN-1"
    second = (await stored(database, "CP2")).facts
    assert (second.serial, second.duplicate_serial) == ("", "SN-1")


async def test_a_duplicate_serial_is_its_own_once_the_other_is_gone_or_changed(database: Database) -> None:
    await add(database)
    await add(database, "CP2")
    await boot(database)
    twin = attrs.evolve(REPORT, charger_id="CP2")
    await boot(database, twin)
    await database.write(service.remove_charger, "CP1", tenant=DEFAULT_TENANT)
    await boot(database, twin)
    second = (await stored(database, "CP2")).facts
    assert (second.serial, second.duplicate_serial) == ("SN-1", "")


async def test_serials_of_two_vendors_or_none_at_all_do_not_clash(database: Database) -> None:
    for charger_id, vendor, serial in (("A", "V", "1"), ("B", "W", "1"), ("C", "V", ""), ("D", "V", "")):
        await add(database, charger_id)
        await boot(database, attrs.evolve(REPORT, charger_id=charger_id, vendor=vendor, serial=serial))
        facts = (await stored(database, charger_id)).facts
        assert (facts.serial, facts.duplicate_serial) == (serial, "")


async def test_text_that_no_database_takes_is_stored_as_far_as_it_goes(database: Database) -> None:
    await add(database)
    await boot(database, attrs.evolve(REPORT, model="nul\x00 and \ud800", serial="S" * 5000))
    facts = (await stored(database)).facts
    assert facts.model.startswith("nul")
    assert "\x00" not in facts.model
    assert facts.serial == "S" * 255


async def test_an_operators_decision_holds_at_once_and_is_told_at_the_next_boot(
    ports: Ports, database: Database, events: Events
) -> None:
    await add(database, approval="pending")
    await boot(database)
    await flows.approve(ports, DEFAULT_TENANT, "CP1")
    charger = await stored(database)
    assert (charger.approval, charger.registration, charger.standing) == ("accepted", "pending", "accepted")
    chargers: Any = ports.chargers
    assert chargers.admitted == [("CP1", "accepted")]
    assert [each["registration"] for each in await events("charger_registration_changed")] == ["pending", "accepted"]
    assert (await boot(database)).status == "accepted"
    await flows.decide(ports, DEFAULT_TENANT, "CP1", "rejected")
    assert chargers.admitted[-1] == ("CP1", "rejected")
    assert (await boot(database)).status == "rejected"


async def test_a_charger_that_never_booted_must_boot_although_it_is_approved(
    ports: Ports, database: Database, events: Events
) -> None:
    await add(database, approval="pending")
    await flows.approve(ports, DEFAULT_TENANT, "CP1")
    chargers: Any = ports.chargers
    assert chargers.admitted == []
    (event,) = await events("charger_registration_changed")
    assert (event["approval"], event["registration"]) == ("accepted", "")
    await flows.approve(ports, DEFAULT_TENANT, "CP1")
    assert len(await events("charger_registration_changed")) == 1


async def test_a_boot_does_not_touch_another_tenants_charger(database: Database) -> None:
    add_tenant = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC")
    other = await database.write(add_tenant, tenant=DEFAULT_TENANT)
    await add(database)
    verdict = await database.write(service.boot, REPORT, POLICY, tenant=other)
    assert verdict.status == "rejected"
    assert (await stored(database)).registration == ""
