"""OCPP 1.6, local lists, reservations, remote trigger and smart charging (TC_042, TC_043, TC_046 to TC_059, TC_066, TC_067)."""

from __future__ import annotations

from typing import Any

import pytest

from csms.domain.drivers import service as drivers

from .conftest import CHARGER, TAG, Operator, place

HOUR_MS = 3_600_000


# --- local authorization list -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "state"), [pytest.param(-1, "unsupported", id="TC_042_1"), pytest.param(0, "unknown", id="TC_042_2")]
)
async def test_TC_042_local_list_version(t: Operator, version: int, state: str) -> None:
    """GetLocalListVersion: not supported (-1), and empty (0)."""
    heard, told = await t.ask("GetLocalListVersion", "GetLocalListVersion", {"listVersion": version})
    assert heard == {}
    assert told["detail"] == {"version": version}
    (row,) = await t.server.rows("SELECT state, heard_version FROM local_lists WHERE charger_id = :id", id=CHARGER)
    assert (row["state"], row["heard_version"]) == (state, version)


ENTRY = {"token": {"value": TAG}, "verdict": {"status": "Accepted"}}


@pytest.mark.parametrize(
    ("answer", "entries"),
    [
        pytest.param("NotSupported", [], id="TC_043_1"),
        pytest.param("Failed", [], id="TC_043_3"),
        pytest.param("Accepted", [TAG], id="TC_043_4"),
    ],
)
async def test_TC_043_send_local_list_full(t: Operator, answer: str, entries: list[str]) -> None:
    """SendLocalList: NotSupported, Failed, and Full."""
    heard, told = await t.ask("SendLocalList", "SendLocalList", {"status": answer}, version=1, entries=[ENTRY])
    assert heard == {
        "listVersion": 1,
        "updateType": "Full",
        "localAuthorizationList": [{"idTag": TAG, "idTagInfo": {"status": "Accepted"}}],
    }
    assert told["status"] == answer
    rows = await t.server.rows("SELECT token FROM local_list_entries WHERE charger_id = :id", id=CHARGER)
    assert [row["token"] for row in rows] == entries, "only what the charger took is believed to be there"


async def test_TC_043_5_send_local_list_differential(t: Operator) -> None:
    """SendLocalList: Differential."""
    await t.ask("SendLocalList", "SendLocalList", {"status": "Accepted"}, version=1, entries=[ENTRY])
    other = {"token": {"value": "TAG-2"}, "verdict": {"status": "Blocked"}}
    heard, _ = await t.ask(
        "SendLocalList", "SendLocalList", {"status": "Accepted"}, version=2, entries=[other, {"token": {"value": TAG}}], full=False
    )
    assert heard == {
        "listVersion": 2,
        "updateType": "Differential",
        "localAuthorizationList": [{"idTag": "TAG-2", "idTagInfo": {"status": "Blocked"}}, {"idTag": TAG}],
    }
    rows = await t.server.rows("SELECT token, status FROM local_list_entries WHERE charger_id = :id", id=CHARGER)
    assert [(row["token"], row["status"]) for row in rows] == [("TAG-2", "Blocked")]
    heard, told = await t.ask("GetLocalListVersion", "GetLocalListVersion", {"listVersion": 2})
    assert told["detail"] == {"version": 2}


# --- reservation ------------------------------------------------------------------------------------------------------------------


async def reserve(
    t: Operator, connector: int = 1, answer: str = "Accepted", tag: str = TAG, hours: float = 1
) -> tuple[int, dict[str, Any]]:
    """A reservation: our id for it, and what the charger heard."""
    expires_at = t.server.ports.clock.now() + round(hours * HOUR_MS)
    heard, told = await t.ask(
        "ReserveNow",
        "ReserveNow",
        {"status": answer},
        reservation_id=0,
        place=place(connector),
        token={"value": tag},
        expires_at=expires_at,
    )
    assert told["status"] == answer
    assert heard["reservationId"] == told["reservation_id"] > 0
    assert (heard["connectorId"], heard["idTag"]) == (connector, tag)
    return told["reservation_id"], heard


async def reservation(t: Operator, reservation_id: int) -> dict[str, Any]:
    (row,) = await t.server.rows("SELECT * FROM reservations WHERE id = :id", id=reservation_id)
    return row


@pytest.mark.parametrize("connector", [pytest.param(1, id="TC_046"), pytest.param(0, id="TC_049")])
async def test_TC_046_and_049_reserve_then_charge(t: Operator, connector: int) -> None:
    """Reserve a connector, or the whole charge point (connector 0), then charge: the use ends the reservation."""
    reservation_id, _ = await reserve(t, connector)
    assert (await reservation(t, reservation_id))["state"] == "active"
    if connector:
        await t.status(1, "Reserved")
    assert (await t.authorize())["status"] == "Accepted"
    await t.status(1, "Preparing")
    transaction_id, status = await t.start(1, reservationId=reservation_id)
    assert status == "Accepted"
    await t.status(1, "Charging")
    row = await reservation(t, reservation_id)
    assert (row["state"], row["transaction_id"]) == ("used", transaction_id)
    assert (await t.transaction(transaction_id))["reservation_id"] == reservation_id
    await t.stop(transaction_id)


async def test_TC_047_reservation_expires(t: Operator) -> None:
    """Reservation expires: the connector is free again, and the reservation is over."""
    reservation_id, _ = await reserve(t, hours=0.5 / 3600)
    await t.status(1, "Reserved")
    await t.status(1, "Available")
    rows = await t.server.eventually("SELECT state FROM reservations WHERE id = :id AND ended_at IS NOT NULL", id=reservation_id)
    assert rows[0]["state"] == "expired"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("Faulted", id="TC_048_1"),
        pytest.param("Occupied", id="TC_048_2"),
        pytest.param("Unavailable", id="TC_048_3"),
        pytest.param("Rejected", id="TC_048_4"),
    ],
)
async def test_TC_048_reserve_refused(t: Operator, answer: str) -> None:
    """ReserveNow: Faulted, Occupied, Unavailable, Rejected."""
    reservation_id, _ = await reserve(t, answer=answer)
    row = await reservation(t, reservation_id)
    assert row["state"] == "refused"
    assert answer in row["note"] + row["answer"]


@pytest.mark.parametrize(
    ("answer", "state"), [pytest.param("Accepted", "cancelled", id="TC_051"), pytest.param("Rejected", "", id="TC_052")]
)
async def test_TC_051_and_052_cancel_reservation(t: Operator, answer: str, state: str) -> None:
    """CancelReservation, accepted and rejected (the charger knows no such reservation)."""
    reservation_id, _ = await reserve(t)
    await t.status(1, "Reserved")
    heard, told = await t.ask("CancelReservation", "CancelReservation", {"status": answer}, reservation_id=reservation_id)
    assert (heard, told["status"]) == ({"reservationId": reservation_id}, answer)
    if state:
        assert (await reservation(t, reservation_id))["state"] == state


async def test_TC_053_use_a_reserved_connector_with_the_parent(t: Operator) -> None:
    """Use a reserved connector with the parentIdTag: a token of the same group may charge, a stranger's may not."""
    group = await t.server.do(lambda tx: drivers.add_token_group(tx, "Family", parent="PARENT"))
    await t.server.add_token("MOTHER", token_group_id=group.id)
    await t.server.add_token("CHILD", token_group_id=group.id)
    reservation_id, heard = await reserve(t, tag="MOTHER")
    assert heard["parentIdTag"] == "PARENT"
    await t.status(1, "Reserved")
    assert (await t.start(1, TAG))[1] != "Accepted", "it is kept for others"
    assert (await t.authorize("CHILD"))["parentIdTag"] == "PARENT"
    transaction_id, status = await t.start(1, "CHILD", reservationId=reservation_id)
    assert status == "Accepted"
    assert (await reservation(t, reservation_id))["transaction_id"] == transaction_id


# --- remote trigger ---------------------------------------------------------------------------------------------------------------


async def test_TC_054_trigger_message(t: Operator) -> None:
    """TriggerMessage for all six messages, each of which then comes and is answered."""
    for message in (
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    ):
        connector = {"place": place(1)} if message in ("MeterValues", "StatusNotification") else {}
        heard, told = await t.ask("TriggerMessage", "TriggerMessage", {"status": "Accepted"}, message=message, **connector)
        assert told["status"] == "Accepted"
        assert heard == {"requestedMessage": message} | ({"connectorId": 1} if connector else {})
    await t.boot()
    assert await t.call("DiagnosticsStatusNotification", status="Idle") == {}
    assert await t.call("FirmwareStatusNotification", status="Idle") == {}
    assert "currentTime" in await t.call("Heartbeat")
    await t.meter(1, None, 1000)
    await t.status(1, "Available")


async def test_TC_055_trigger_message_rejected(t: Operator) -> None:
    """TriggerMessage: Rejected."""
    _, told = await t.ask("TriggerMessage", "TriggerMessage", {"status": "Rejected"}, message="MeterValues", place=place(1))
    assert told["status"] == "Rejected"


# --- smart charging ---------------------------------------------------------------------------------------------------------------


def profile(purpose: str, **more: Any) -> dict[str, Any]:
    schedule = {
        "unit": "A",
        "periods": [{"start_s": 0, "limit": 6.0, "phases": 3}],
        "start_at": 1_798_675_200_000,
        "duration_s": 300,
    }
    return {"id": 0, "purpose": purpose, "kind": "Absolute", "stack_level": 0, "schedule": schedule} | more


async def test_TC_056_tx_default_profile(t: Operator) -> None:
    """SetChargingProfile: TxDefaultProfile."""
    heard, told = await t.ask(
        "SetChargingProfile", "SetChargingProfile", {"status": "Accepted"}, place=place(1), profile=profile("TxDefaultProfile")
    )
    said = heard["csChargingProfiles"]
    assert (heard["connectorId"], said["chargingProfilePurpose"], said["chargingProfileKind"]) == (
        1,
        "TxDefaultProfile",
        "Absolute",
    )
    assert said["chargingSchedule"] == {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6, "numberPhases": 3}],
        "startSchedule": "2026-12-31T00:00:00.000Z",
        "duration": 300,
    }
    assert told["status"] == "Accepted"
    (row,) = await t.server.rows("SELECT state, profile_id FROM charger_profiles WHERE charger_id = :id", id=CHARGER)
    assert (row["state"], row["profile_id"]) == ("installed", said["chargingProfileId"])


async def test_TC_057_tx_profile_on_a_running_transaction(t: Operator) -> None:
    """SetChargingProfile: TxProfile on a running transaction, forgotten with its end."""
    transaction_id = await t.charge()
    heard, _ = await t.ask(
        "SetChargingProfile",
        "SetChargingProfile",
        {"status": "Accepted"},
        place=place(1),
        profile=profile("TxProfile", transaction_id=transaction_id),
    )
    assert heard["csChargingProfiles"]["transactionId"] == transaction_id
    (row,) = await t.server.rows("SELECT state, transaction_id FROM charger_profiles WHERE charger_id = :id", id=CHARGER)
    assert (row["state"], row["transaction_id"]) == ("installed", transaction_id)
    await t.stop(transaction_id)
    await t.server.eventually("SELECT id FROM charger_profiles WHERE charger_id = :id AND state = 'cleared'", id=CHARGER)


async def test_TC_059_remote_start_with_a_profile(t: Operator) -> None:
    """RemoteStartTransaction carrying a charging profile."""
    await t.status(1, "Preparing")
    heard, told = await t.ask(
        "StartCharging",
        "RemoteStartTransaction",
        {"status": "Accepted"},
        token={"value": TAG},
        place=place(1),
        profile=profile("TxProfile"),
    )
    said = heard["chargingProfile"]
    assert said["chargingProfilePurpose"] == "TxProfile"
    assert "transactionId" not in said
    assert await t.charge() == told["transaction_id"]
    (row,) = await t.server.rows("SELECT state, profile_id FROM charger_profiles WHERE charger_id = :id", id=CHARGER)
    assert (row["state"], row["profile_id"]) == ("installed", said["chargingProfileId"])


async def test_TC_066_get_composite_schedule(t: Operator) -> None:
    """GetCompositeSchedule: what the charger answers is told to the operator."""
    await t.ask(
        "SetChargingProfile", "SetChargingProfile", {"status": "Accepted"}, place=place(1), profile=profile("TxDefaultProfile")
    )
    schedule = {"chargingRateUnit": "A", "duration": 300, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}
    heard, told = await t.ask(
        "GetCompositeSchedule",
        "GetCompositeSchedule",
        {"status": "Accepted", "connectorId": 1, "scheduleStart": t.now, "chargingSchedule": schedule},
        place=place(1),
        duration_s=300,
    )
    assert heard["connectorId"] == 1
    assert heard["duration"] == 300
    assert told["detail"]["periods"] == [{"start_s": 0, "limit": 6, "phases": None}]


async def test_TC_067_clear_charging_profile(t: Operator) -> None:
    """ClearChargingProfile, by id and by criteria."""
    for level in (0, 1):
        await t.ask(
            "SetChargingProfile",
            "SetChargingProfile",
            {"status": "Accepted"},
            place=place(1),
            profile=profile("TxDefaultProfile", stack_level=level),
        )
    rows = await t.server.rows("SELECT profile_id FROM charger_profiles WHERE state = 'installed' ORDER BY stack_level")
    assert len(rows) == 2
    heard, _ = await t.ask("ClearChargingProfile", "ClearChargingProfile", {"status": "Accepted"}, profile_id=rows[0]["profile_id"])
    assert heard == {"id": rows[0]["profile_id"]}
    heard, _ = await t.ask(
        "ClearChargingProfile",
        "ClearChargingProfile",
        {"status": "Accepted"},
        place=place(1),
        purpose="TxDefaultProfile",
        stack_level=1,
    )
    assert heard == {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1}
    assert await t.server.rows("SELECT id FROM charger_profiles WHERE state = 'installed'") == []
