from __future__ import annotations

from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Database
from csms.core.reports import DataSent, DataVerdict, HeartbeatSent, Oddity
from csms.domain.stations import service, store
from csms.domain.stations.model import MOST_ODDITIES, ChargerOddity


async def hear(database: Database, received_at: int, *oddities: Oddity) -> None:
    report = HeartbeatSent(charger_id="CP1", received_at=received_at, oddities=oddities)
    await database.write(service.note_oddities, report, tenant=DEFAULT_TENANT)


async def counted(database: Database) -> list[ChargerOddity]:
    return await database.read(store.list_oddities, "CP1", tenant=DEFAULT_TENANT)


async def test_what_a_charger_does_wrong_is_counted_with_its_first_example(database: Database) -> None:
    await database.write(service.add_charger, "CP1", tenant=DEFAULT_TENANT)
    await hear(database, 10, Oddity("unit", "meterValue[0].sampledValue[0].unit", "kwh"), Oddity("enum", "status", "Parked"))
    await hear(database, 20, Oddity("unit", "meterValue[3].sampledValue[12].unit", "KWH"))
    units, enums = await counted(database)
    assert (units.rule, units.field, units.count, units.example) == ("unit", "meterValue[].sampledValue[].unit", 2, "kwh")
    assert (units.first_seen_at, units.last_seen_at) == (10, 20)
    assert (enums.rule, enums.count) == ("enum", 1)


async def test_many_of_a_kind_in_one_message_count_each(database: Database) -> None:
    await database.write(service.add_charger, "CP1", tenant=DEFAULT_TENANT)
    await hear(database, 10, *(Oddity("unit", f"sampledValue/{n}/unit", "kwh") for n in range(12)))
    (units,) = await counted(database)
    assert (units.field, units.count) == ("sampledValue/[]/unit", 12)


async def test_a_charger_that_invents_field_names_fills_only_so_many_rows(database: Database) -> None:
    await database.write(service.add_charger, "CP1", tenant=DEFAULT_TENANT)
    await hear(database, 10, *(Oddity("unknown", f"field{n}x" + "y" * 500, "\x00" * 1000) for n in range(MOST_ODDITIES + 50)))
    rows = await counted(database)
    assert len(rows) == MOST_ODDITIES
    assert max(len(row.field) + len(row.example) for row in rows) <= 400


async def test_a_removed_charger_has_no_oddities(database: Database) -> None:
    await hear(database, 10, Oddity("enum", "status", "Parked"))
    assert await counted(database) == []


async def test_data_that_no_plugin_answers_is_from_an_unknown_vendor(database: Database) -> None:
    report = DataSent(charger_id="CP1", received_at=10, vendor_id="com.example", data="{}")
    assert await database.write(service.data, report, None, tenant=DEFAULT_TENANT) == DataVerdict("UnknownVendorId")
    answer = DataVerdict("Accepted", "pong")
    assert await database.write(service.data, report, answer, tenant=DEFAULT_TENANT) == answer
