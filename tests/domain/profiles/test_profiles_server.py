"""Smart charging as an operator and a charger see it: over real sockets, from the template to the frame and back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import trio

from csms.core.charging import RELATIVE, TX, ChargingProfile, ChargingSchedule, SchedulePeriod
from csms.domain.profiles import service
from csms.domain.profiles.model import Target
from csms.testing.charger import ScriptedCharger
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer

pytestmark = pytest.mark.usefixtures("hurried_jobs")

Make = Callable[..., ChargingProfile]
ACCEPTED = {"status": "Accepted"}
LIMITS = {
    "configurationKey": [
        {"key": "ChargeProfileMaxStackLevel", "readonly": True, "value": "3"},
        {"key": "ChargingScheduleAllowedChargingRateUnit", "readonly": True, "value": "Current"},
        {"key": "ChargingScheduleMaxPeriods", "readonly": True, "value": "24"},
        {"key": "MaxChargingProfilesInstalled", "readonly": True, "value": "5"},
    ]
}
COUNT = "SELECT state, status, profile_id FROM charger_profiles WHERE state = :state"


@pytest.fixture
def engine() -> str:
    """One engine is enough here."""
    return "sqlite"


async def obey(scripted: ScriptedCharger, heard: list[Any], *answers: tuple[str, dict[str, Any]]) -> None:
    for action, answer in answers:
        heard.append(await scripted.obey(action, answer))


async def test_a_template_is_sent_in_a_unit_that_the_charger_knows(server: TestServer, charger: ConnectCharger, make: Make) -> None:
    scripted = await charger("C1")
    await server.do(partial(service.add_template, name="night", profile=make(11040, 3450, unit="W", stack_level=1)))
    heard: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, scripted, heard, ("GetConfiguration", LIMITS), ("SetChargingProfile", ACCEPTED))
        response = await server.request("POST", "/api/v1/chargers/C1/profiles", {"template": "Night", "evse": 1})
    told = response.json()
    assert (response.status_code, told["status"]) == (200, "Accepted")
    assert (told["profile"]["state"], told["profile"]["profile_id"]) == ("installed", 1)
    assert heard[1] == {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 1,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "startSchedule": "2026-01-01T00:00:00.000Z",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}, {"startPeriod": 3600, "limit": 5}],
            },
        },
    }
    (held,) = (await server.request("GET", "/api/v1/chargers/C1/profiles")).json()["items"]
    assert (held["state"], held["template"], held["evse"]) == ("installed", "night", 1)


async def test_what_a_charger_cannot_hold_is_not_sent(server: TestServer, charger: ConnectCharger, make: Make) -> None:
    scripted = await charger("C1")
    await server.do(partial(service.add_template, name="high", profile=make(stack_level=9)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, scripted, [], ("GetConfiguration", LIMITS))
        response = await server.request("POST", "/api/v1/chargers/C1/profiles", {"template": "high"})
    assert response.status_code == 409
    assert "ChargeProfileMaxStackLevel 3" in response.json()["detail"]
    assert (await server.request("GET", "/api/v1/chargers/C1/profiles")).json()["items"] == []


async def test_commands_of_the_operator_keep_the_store_in_step(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    body: dict[str, Any] = {
        "place": {"evse": 0, "connector": 0},
        "profile": {
            "id": 42,
            "purpose": "ChargingStationMaxProfile",
            "kind": "Absolute",
            "schedule": {"unit": "A", "periods": [{"start_s": 0, "limit": 32}], "start_at": "2026-01-01T00:00:00Z"},
        },
    }
    heard: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, scripted, heard, ("GetConfiguration", LIMITS), ("SetChargingProfile", ACCEPTED))
        told = await server.command("C1", "SetChargingProfile", **body)
    assert (told["status"], told["profile_id"], told["state"]) == ("Accepted", 42, "installed")

    schedule = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 32}, {"startPeriod": 60, "limit": 6}],
    }
    answer = {"status": "Accepted", "connectorId": 1, "scheduleStart": "2026-01-01T00:00:00Z", "chargingSchedule": schedule}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, scripted, heard, ("GetCompositeSchedule", answer))
        told = await server.command("C1", "GetCompositeSchedule", place={"evse": 1, "connector": 1}, duration_s=120)
    assert heard[-1] == {"connectorId": 1, "duration": 120, "chargingRateUnit": "A"}
    assert told["computed"]["periods"] == [{"start_s": 0, "limit": "32.0", "phases": None}]
    assert told["differences"] == [{"start_s": 60, "end_s": 120, "computed": "32.0", "reported": "6"}]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, scripted, heard, ("ClearChargingProfile", ACCEPTED))
        told = await server.command("C1", "ClearChargingProfile", purpose="ChargingStationMaxProfile")
    assert (heard[-1], told["cleared"]) == ({"chargingProfilePurpose": "ChargePointMaxProfile"}, [42])


async def test_a_profile_that_makes_no_sense_is_refused_with_its_field(server: TestServer, charger: ConnectCharger) -> None:
    await charger("C1")
    schedule = {"unit": "A", "periods": [{"start_s": 5, "limit": 32}], "start_at": "2026-01-01T00:00:00Z"}
    wrong = {"id": 1, "purpose": "TxDefaultProfile", "kind": "Absolute", "schedule": schedule}
    told = await server.command("C1", "SetChargingProfile", place={"evse": 1, "connector": 1}, profile=wrong)
    assert (told["status"], told["errors"][0]["field"]) == (422, "schedule.periods[0].start_s")


async def test_an_assignment_reaches_the_charger_by_itself_and_again_after_a_boot(
    server: TestServer, charger: ConnectCharger, make: Make
) -> None:
    scripted = await charger("C1")
    await server.do(partial(service.add_template, name="day", profile=make(10)))
    heard: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, scripted, heard, ("GetConfiguration", LIMITS), ("SetChargingProfile", ACCEPTED))
        await server.do(partial(service.assign, name="day", target=Target(model="T1"), again_at_boot=True))
    await server.eventually(COUNT, state="installed")
    assert (heard[1]["connectorId"], heard[1]["csChargingProfiles"]["chargingProfileId"]) == (0, 1)

    await script(scripted).boot()
    await obey(scripted, heard, ("SetChargingProfile", ACCEPTED))
    assert heard[2] == heard[1], "it has the same number, so that it takes its own place"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, scripted, heard, ("ClearChargingProfile", ACCEPTED))
        await server.do(partial(service.unassign, name="day", target=Target(model="T1")))
    assert heard[3] == {"id": 1}
    await server.eventually(COUNT, state="cleared")


def tx_profile() -> ChargingProfile:
    schedule = ChargingSchedule(unit="A", periods=(SchedulePeriod(0, Decimal(10)), SchedulePeriod(600, Decimal(20))))
    return ChargingProfile(id=0, purpose=TX, kind=RELATIVE, schedule=schedule)


async def test_an_assigned_profile_goes_with_a_remote_start_and_ends_with_its_transaction(
    server: TestServer, charger: ConnectCharger
) -> None:
    await server.add_token("CARD")
    scripted = await charger("C1")
    await server.do(partial(service.add_template, name="slow", profile=tx_profile()))
    await server.do(partial(service.assign, name="slow", target=Target(charger_id="C1")))
    heard: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, scripted, heard, ("RemoteStartTransaction", ACCEPTED))
        told = await server.command("C1", "StartCharging", token={"value": "CARD"}, place={"evse": 1, "connector": 1})
    sent = heard[0]["chargingProfile"]
    assert (sent["chargingProfilePurpose"], sent["chargingProfileId"], "transactionId" in sent) == ("TxProfile", 1, False)
    await server.eventually(COUNT, state="installed")
    say = script(scripted)
    now = server.ports.clock.now()
    charge = await say.start("CARD", at=now)
    assert charge.transaction_id == told["transaction_id"]
    await say.stop(charge, 100, now + 1000)
    (row,) = await server.eventually(COUNT, state="cleared")
    assert row["status"] == "TransactionEnded"


async def test_a_transaction_that_starts_at_the_charger_is_sent_the_assigned_profile(
    server: TestServer, charger: ConnectCharger
) -> None:
    await server.add_token("CARD")
    scripted = await charger("C1")
    await server.do(partial(service.add_template, name="slow", profile=tx_profile()))
    await server.do(partial(service.assign, name="slow", target=Target(charger_id="C1")))
    charge = await script(scripted).start("CARD", evse=2, at=server.ports.clock.now())
    heard: list[Any] = []
    await obey(scripted, heard, ("GetConfiguration", LIMITS), ("SetChargingProfile", ACCEPTED))
    assert heard[1]["connectorId"] == 2
    assert heard[1]["csChargingProfiles"]["transactionId"] == charge.transaction_id


async def test_a_start_that_may_not_be_leaves_no_profile_behind(server: TestServer, charger: ConnectCharger) -> None:
    await charger("C1")
    await server.do(partial(service.add_template, name="slow", profile=tx_profile()))
    await server.do(partial(service.assign, name="slow", target=Target(charger_id="C1")))
    told = await server.command("C1", "StartCharging", token={"value": "NOBODY"}, place={"evse": 1, "connector": 1})
    assert told["title"] == "Refused"
    assert await server.rows("SELECT id FROM charger_profiles") == []


async def test_a_profile_for_no_transaction_is_not_sent(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    await server.do(partial(service.add_template, name="slow", profile=tx_profile()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, scripted, [], ("GetConfiguration", LIMITS))
        response = await server.request("POST", "/api/v1/chargers/C1/profiles", {"template": "slow", "evse": 1})
    assert response.status_code == 409
    assert "no transaction" in response.json()["detail"]
