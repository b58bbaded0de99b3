"""Charging profiles on a charger: accepted or not, kept to, and gone with the transaction (1.6 §3.13, §5.5, §5.7, §5.16)."""

from __future__ import annotations

import pytest
import trio

from simulators.charger import Car, Supply, Tag
from simulators.clock import iso

EPOCH_MS = 1_800_000_000_000


def body(limit, *, purpose="TxDefaultProfile", number=1, stack=0, unit="A", periods=None, **more):
    return {
        "chargingProfileId": number,
        "stackLevel": stack,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": periods or [{"startPeriod": 0, "limit": limit}],
        },
        **more,
    }


@pytest.fixture
def install(order):
    async def send(connector, limit, **more):
        return (await order("SetChargingProfile", connectorId=connector, csChargingProfiles=body(limit, **more)))["status"]

    return send


async def start(bench, charger, number=1):
    charger.box.plug(number, Car(soc=0.1, max_ac_w=22_000))
    await charger.box.tap(number, Tag("TAG-1"))
    await bench.delivered(charger)


def powers(charger):
    return [round(connector.power_w()) for connector in charger.box.connectors]


async def test_a_default_profile_limits_what_runs_and_what_comes(autojump_clock, bench, install, order):
    charger = await bench.charger(supplies=(Supply.of(22), Supply.of(22)))
    await start(bench, charger)
    assert powers(charger) == [22_000, 0]
    assert await install(0, 10) == "Accepted"
    assert powers(charger) == [6_900, 0]
    await start(bench, charger, 2)
    assert powers(charger) == [6_900, 6_900]
    begun = charger.box.connector(1).register
    await trio.sleep(3600)
    charger.box.settle(charger.box.connector(1))
    assert charger.box.connector(1).register - begun == pytest.approx(6_900, rel=0.01)
    assert await order("ClearChargingProfile") == {"status": "Accepted"}
    assert powers(charger) == [22_000, 22_000]
    assert await order("ClearChargingProfile") == {"status": "Unknown"}


async def test_limits_change_when_the_schedule_says(autojump_clock, bench, install):
    charger = await bench.charger(supplies=(Supply.of(22),))
    await start(bench, charger)
    await install(1, 0, purpose="TxProfile", periods=[{"startPeriod": 0, "limit": 16}, {"startPeriod": 1800, "limit": 0}])
    assert powers(charger) == [11_040]
    await trio.sleep(1850)
    assert powers(charger) == [0]
    assert bench.heard("StatusNotification")[-1].payload["status"] == "SuspendedEVSE"


async def test_a_profile_of_a_transaction_ends_with_it(autojump_clock, bench, install):
    charger = await bench.charger()
    assert await install(1, 10, purpose="TxProfile") == "Rejected"
    await start(bench, charger)
    assert await install(1, 10, purpose="TxProfile", transactionId=99) == "Rejected"
    assert await install(0, 10, purpose="TxProfile") == "Rejected"
    assert await install(1, 10, purpose="TxProfile", transactionId=1) == "Accepted"
    await charger.box.tap(1)
    assert charger.smart_charging.profiles == []


async def test_the_chargers_limit_is_shared_out(autojump_clock, bench, install):
    charger = await bench.charger(supplies=(Supply.of(22), Supply.of(22)))
    await start(bench, charger)
    await install(0, 8_000, purpose="ChargePointMaxProfile", unit="W")
    assert powers(charger) == [8_000, 0]
    await start(bench, charger, 2)
    assert powers(charger) == [4_000, 4_000]
    await install(1, 1_000, purpose="TxProfile", unit="W", number=2)
    assert powers(charger) == [1_000, 7_000]
    await charger.box.tap(1)
    await bench.delivered(charger)
    assert powers(charger) == [0, 8_000]


async def test_a_profile_comes_with_a_remote_start(autojump_clock, bench, order):
    charger = await bench.charger()
    own = body(8, purpose="TxProfile")
    assert await order("RemoteStartTransaction", idTag="T", connectorId=1, chargingProfile=body(8)) == {"status": "Rejected"}
    wrong = own | {"transactionId": 5}
    assert await order("RemoteStartTransaction", idTag="T", connectorId=1, chargingProfile=wrong) == {"status": "Rejected"}
    assert await order("RemoteStartTransaction", idTag="T", connectorId=1, chargingProfile=own) == {"status": "Accepted"}
    assert charger.smart_charging.profiles == []
    charger.box.plug(1, Car(soc=0.1))
    await bench.delivered(charger)
    assert powers(charger) == [5_520, 0]


async def test_replacing(autojump_clock, bench, install):
    charger = await bench.charger()
    await install(1, 10, number=1, stack=0)
    await install(1, 11, number=2, stack=0)  # the same purpose and level
    await install(1, 12, number=2, stack=1)  # the same id
    await install(0, 13, number=3, stack=1)  # another connector
    assert [(each.connector, each.profile.number, each.profile.stack_level) for each in charger.smart_charging.profiles] == [
        (1, 2, 1),
        (0, 3, 1),
    ]


async def test_what_it_cannot_do_is_rejected(autojump_clock, bench, install):
    settings = {"stack_most": "2", "periods_most": "1", "profiles_installed_most": "2", "rate_units": "Current"}
    charger = await bench.charger(settings=settings)
    assert await install(1, 10, stack=3) == "Rejected"
    assert await install(1, 10, unit="W") == "Rejected"
    assert await install(1, 0, periods=[{"startPeriod": 0, "limit": 1}, {"startPeriod": 9, "limit": 2}]) == "Rejected"
    assert await install(1, 10, purpose="ChargePointMaxProfile") == "Rejected"
    assert await install(1, 10, number=1, stack=0) == "Accepted"
    assert await install(1, 10, number=2, stack=1) == "Accepted"
    assert await install(1, 10, number=3, stack=2) == "Rejected"
    charger.failing.add("profile")
    assert await install(1, 10, number=2, stack=1) == "Rejected"


@pytest.mark.parametrize(
    ("connector", "change", "code"),
    [
        (9, {}, "PropertyConstraintViolation"),
        (1, {"chargingProfilePurpose": "Wrong"}, "PropertyConstraintViolation"),
        (1, {"stackLevel": "high"}, "FormationViolation"),
    ],
)
async def test_errors(autojump_clock, bench, connector, change, code):
    await bench.charger()
    payload = {"connectorId": connector, "csChargingProfiles": body(10) | change}
    answer = await bench.server.command("CH-1", "SetChargingProfile", payload)
    assert answer.code == code


async def test_clear_by_criteria(autojump_clock, bench, install, order):
    charger = await bench.charger()
    await start(bench, charger)

    async def fill():
        await install(0, 20, purpose="ChargePointMaxProfile", number=1)
        await install(0, 10, number=2)
        await install(1, 11, number=3, stack=1)
        await install(1, 12, purpose="TxProfile", number=4, stack=1)

    async def left(**criteria):
        await fill()
        assert await order("ClearChargingProfile", **criteria) == {"status": "Accepted"}
        return sorted(each.profile.number for each in charger.smart_charging.profiles)

    assert await left(id=3) == [1, 2, 4]
    assert await left(id=3, connectorId=0) == [1, 2, 4]  # an id goes before everything else (errata 3.26)
    assert await left(connectorId=1) == [1, 2]
    assert await left(stackLevel=1) == [1, 2]
    assert await left(chargingProfilePurpose="TxDefaultProfile") == [1, 4]
    assert await left(connectorId=1, chargingProfilePurpose="TxDefaultProfile") == [1, 2, 4]
    assert await left() == []


async def test_composite_schedule(autojump_clock, bench, install, order):
    charger = await bench.charger(supplies=(Supply.of(22), Supply.of(22)))
    await install(1, 0, periods=[{"startPeriod": 0, "limit": 16}, {"startPeriod": 600, "limit": 8.5}])
    answer = await order("GetCompositeSchedule", connectorId=1, duration=900)
    assert answer == {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": answer["scheduleStart"],
        "chargingSchedule": {
            "duration": 900,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}, {"startPeriod": 600, "limit": 8.5}],
        },
    }
    assert answer["scheduleStart"] == iso(charger.clock.now() - 100)
    whole = await order("GetCompositeSchedule", connectorId=0, duration=60, chargingRateUnit="W")
    assert whole["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 22_000 + 11_040}]
    assert await order("GetCompositeSchedule", connectorId=5, duration=60) == {"status": "Rejected"}
    assert await order("GetCompositeSchedule", connectorId=1, duration=0) == {"status": "Rejected"}
    long = await order("GetCompositeSchedule", connectorId=1, duration=2**31 - 1)
    assert long["chargingSchedule"]["duration"] == 7 * 86_400


async def test_profiles_survive_a_restart_and_those_of_transactions_do_not(autojump_clock, bench, install, order):
    charger = await bench.charger()
    await start(bench, charger)
    await install(1, 10)
    await install(1, 10, purpose="TxProfile", number=2)
    await order("Reset", type="Hard")
    await bench.until(lambda: not charger.online)
    await bench.delivered(charger)
    assert [each.profile.number for each in charger.smart_charging.profiles] == [1]
