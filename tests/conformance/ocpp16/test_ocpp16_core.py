"""OCPP 1.6, Core profile: sessions, remote control, resets, configuration, offline behaviour (TC_001 to TC_040, TC_061, TC_064)."""

from __future__ import annotations

import pytest

from csms.core.units import iso
from csms.domain.drivers import service as drivers
from csms.testing.fixtures import ConnectCharger

from .conftest import CHARGER, TAG, Operator, place

OTHER = "TAG-2"


async def test_TC_001_cold_boot(t: Operator) -> None:
    """Cold boot: BootNotification Accepted, StatusNotification for connector 0 and each connector, Heartbeat."""
    told = await t.boot()
    assert told["interval"] == 300
    assert told["currentTime"].endswith("Z")
    for connector in (0, 1, 2):
        await t.status(connector, "Available")
    assert (await t.call("Heartbeat")).keys() == {"currentTime"}
    (row,) = await t.server.rows("SELECT registration, vendor, model FROM chargers WHERE id = :id", id=CHARGER)
    assert (row["registration"], row["vendor"], row["model"]) == ("accepted", "Test", "T1")


async def _session_ends(t: Operator, transaction_id: int, reason: str = "Local") -> None:
    await t.meter(1, transaction_id, 3000)
    told = await t.stop(transaction_id, 5000, reason=reason, idTag=TAG)
    assert told["idTagInfo"]["status"] == "Accepted"
    await t.status(1, "Finishing")
    await t.status(1, "Available")
    row = await t.transaction(transaction_id)
    assert (row["state"], row["energy_wh"], row["stop_reason"], row["stop_source"]) == ("completed", 4000, reason, "reported")
    readings = await t.server.rows("SELECT energy_wh FROM meter_readings WHERE transaction_id = :id", id=transaction_id)
    assert [each["energy_wh"] for each in readings] == [3000]


async def test_TC_003_charging_session_cable_first(t: Operator) -> None:
    """Charging session, cable first."""
    await t.status(1, "Preparing")
    assert (await t.authorize())["status"] == "Accepted"
    await _session_ends(t, await t.charge())


async def test_TC_004_1_charging_session_identification_first(t: Operator) -> None:
    """Charging session, identification first."""
    assert (await t.authorize())["status"] == "Accepted"
    await t.status(1, "Preparing")
    await _session_ends(t, await t.charge())


async def test_TC_004_2_identification_first_then_time_out(t: Operator) -> None:
    """Identification first, then connection time-out: no transaction."""
    assert (await t.authorize())["status"] == "Accepted"
    await t.status(1, "Preparing")
    await t.status(1, "Available")
    assert await t.transactions() == []


async def test_TC_005_1_cable_pulled_at_the_ev(t: Operator) -> None:
    """Cable pulled at the EV side: StopTransaction (EVDisconnected), connector unlocked."""
    transaction_id = await t.charge()
    await t.status(1, "SuspendedEV")
    await t.stop(transaction_id, reason="EVDisconnected")
    await t.status(1, "Finishing")
    await t.status(1, "Available")
    row = await t.transaction(transaction_id)
    assert (row["state"], row["stop_reason"], row["stop_token"]) == ("completed", "EVDisconnected", "")


async def test_TC_007_start_with_a_cached_id(t: Operator) -> None:
    """Start with an id known to the charger's authorization cache: no Authorize, the start itself is judged."""
    await t.status(1, "Preparing")
    await _session_ends(t, await t.charge())
    assert [each["action"] for each in await t.server.rows("SELECT action FROM frames WHERE action = 'Authorize'")] == []


async def test_TC_010_remote_start_cable_plugged_in(t: Operator) -> None:
    """Remote start, cable already plugged in: the waiting transaction becomes the one that starts."""
    await t.status(1, "Preparing")
    heard, told = await t.ask(
        "StartCharging", "RemoteStartTransaction", {"status": "Accepted"}, token={"value": TAG}, place=place(1)
    )
    assert heard == {"idTag": TAG, "connectorId": 1}
    assert (await t.transaction(told["transaction_id"]))["state"] == "pending_start"
    assert (await t.authorize())["status"] == "Accepted"
    assert await t.charge() == told["transaction_id"]
    await _session_ends(t, told["transaction_id"])


async def test_TC_011_1_remote_start_then_cable(t: Operator) -> None:
    """Remote start first, then the cable."""
    heard, told = await t.ask("StartCharging", "RemoteStartTransaction", {"status": "Accepted"}, token={"value": TAG})
    assert heard == {"idTag": TAG}
    await t.status(1, "Preparing")
    assert await t.charge() == told["transaction_id"]
    await _session_ends(t, told["transaction_id"], "Remote")


async def test_TC_011_2_remote_start_then_time_out(t: Operator) -> None:
    """Remote start, then connection time-out: nothing started, and the waiting transaction is not one."""
    _, told = await t.ask("StartCharging", "RemoteStartTransaction", {"status": "Accepted"}, token={"value": TAG}, place=place(1))
    await t.status(1, "Preparing")
    await t.status(1, "Available")
    row = await t.transaction(told["transaction_id"])
    assert (row["state"], row["started_at"]) == ("pending_start", None)
    assert row["deadline_at"] is not None


async def test_TC_012_remote_stop(t: Operator) -> None:
    """Remote stop."""
    transaction_id = await t.charge()
    heard, _ = await t.ask("StopCharging", "RemoteStopTransaction", {"status": "Accepted"}, transaction_id=transaction_id)
    assert heard == {"transactionId": transaction_id}
    assert (await t.transaction(transaction_id))["state"] == "pending_stop"
    await _session_ends(t, transaction_id, "Remote")


@pytest.mark.parametrize("charging", [False, True], ids=["idle", "charging"])
async def test_TC_013_hard_reset(t: Operator, charging: bool) -> None:
    """Hard reset, without and during a transaction."""
    transaction_id = await t.charge() if charging else 0
    heard, _ = await t.ask("Reset", "Reset", {"status": "Accepted"}, when="immediately")
    assert heard == {"type": "Hard"}
    await _after_reset(t, transaction_id, "HardReset")


@pytest.mark.parametrize("charging", [False, True], ids=["idle", "charging"])
async def test_TC_014_soft_reset(t: Operator, charging: bool) -> None:
    """Soft reset, without and during a transaction."""
    transaction_id = await t.charge() if charging else 0
    heard, _ = await t.ask("Reset", "Reset", {"status": "Accepted"}, when="when_idle")
    assert heard == {"type": "Soft"}
    await _after_reset(t, transaction_id, "SoftReset")


async def _after_reset(t: Operator, transaction_id: int, reason: str) -> None:
    if transaction_id and reason == "SoftReset":
        await t.stop(transaction_id, reason=reason)
    await t.boot()
    for connector in (0, 1):
        await t.status(connector, "Available")
    if transaction_id and reason == "HardReset":
        assert (await t.transaction(transaction_id))["state"] == "pending_reconciliation", "the stop is still to come"
        await t.stop(transaction_id, reason=reason)
    if transaction_id:
        row = await t.transaction(transaction_id)
        assert (row["state"], row["stop_reason"], row["stop_source"]) == ("completed", reason, "reported")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("Unlocked", id="TC_017_1"),
        pytest.param("NotSupported", id="TC_017_2"),
        pytest.param("UnlockFailed", id="TC_030"),
    ],
)
async def test_TC_017_and_030_unlock_without_session(t: Operator, answer: str) -> None:
    """UnlockConnector, no session: detachable cable, fixed cable (NotSupported), failure."""
    heard, told = await t.ask("UnlockConnector", "UnlockConnector", {"status": answer}, place=place(1))
    assert (heard, told["status"]) == ({"connectorId": 1}, answer)


async def test_TC_018_1_unlock_during_a_session(t: Operator) -> None:
    """UnlockConnector during a session: the session ends with UnlockCommand."""
    transaction_id = await t.charge()
    await t.ask("UnlockConnector", "UnlockConnector", {"status": "Unlocked"}, place=place(1))
    await _session_ends(t, transaction_id, "UnlockCommand")


async def test_TC_019_1_get_all_configuration(t: Operator) -> None:
    """GetConfiguration, all keys."""
    key = {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
    heard, told = await t.ask("GetVariables", "GetConfiguration", {"configurationKey": [key]})
    assert heard == {}
    assert told["detail"]["variables"] == [{"name": "HeartbeatInterval", "status": "Accepted", "value": "300", "readonly": False}]


async def test_TC_019_2_get_one_configuration_key(t: Operator) -> None:
    """GetConfiguration, one key."""
    key = {"key": "SupportedFeatureProfiles", "readonly": True, "value": "Core"}
    heard, told = await t.ask(
        "GetVariables", "GetConfiguration", {"configurationKey": [key]}, variables=[{"name": "SupportedFeatureProfiles"}]
    )
    assert heard == {"key": ["SupportedFeatureProfiles"]}
    assert told["detail"]["variables"][0]["value"] == "Core"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("Accepted", id="TC_021"),
        pytest.param("NotSupported", id="TC_040_1"),
        pytest.param("Rejected", id="TC_040_2"),
    ],
)
async def test_TC_021_and_040_change_configuration(t: Operator, answer: str) -> None:
    """ChangeConfiguration: accepted, unknown key (NotSupported), invalid value (Rejected)."""
    setting = {"variable": {"name": "MeterValueSampleInterval"}, "value": "60"}
    heard, told = await t.ask("SetVariables", "ChangeConfiguration", {"status": answer}, settings=[setting])
    assert (heard, told["status"]) == ({"key": "MeterValueSampleInterval", "value": "60"}, answer)


async def test_TC_023_1_authorize_invalid(t: Operator) -> None:
    """Authorize: Invalid."""
    assert await t.authorize("NOBODY") == {"status": "Invalid"}
    await _refused_start(t, "NOBODY", "Invalid")


async def test_TC_023_2_authorize_expired(t: Operator) -> None:
    """Authorize: Expired."""
    await t.server.add_token("OLD", expires_at=t.server.ports.clock.now() - 1000)
    info = await t.authorize("OLD")
    assert info["status"] == "Expired"
    assert "expiryDate" in info
    await _refused_start(t, "OLD", "Expired")


async def test_TC_023_3_authorize_blocked(t: Operator) -> None:
    """Authorize: Blocked."""
    await t.server.add_token("BAD")
    await t.server.do(drivers.block_token, "BAD")
    assert (await t.authorize("BAD"))["status"] == "Blocked"
    await _refused_start(t, "BAD", "Blocked")


async def _refused_start(t: Operator, tag: str, status: str) -> None:
    """A charger that starts all the same is told the same, and the transaction is stored as refused."""
    transaction_id, told = await t.start(1, tag)
    assert told == status
    assert transaction_id > 0
    assert (await t.transaction(transaction_id))["token_status"] == status


async def test_TC_024_lock_failure_at_session_start(t: Operator) -> None:
    """Connector lock failure at session start: the fault is stored, no transaction."""
    assert (await t.authorize())["status"] == "Accepted"
    await t.status(1, "Preparing")
    await t.status(1, "Faulted", "ConnectorLockFailure")
    assert await t.transactions() == []


async def test_TC_026_remote_start_rejected(t: Operator) -> None:
    """Remote start rejected: the transaction that waited has failed."""
    _, told = await t.ask("StartCharging", "RemoteStartTransaction", {"status": "Rejected"}, token={"value": TAG}, place=place(1))
    assert told["status"] == "Rejected"
    assert (await t.transaction(told["transaction_id"]))["state"] == "failed"


async def test_TC_028_remote_stop_rejected(t: Operator) -> None:
    """Remote stop rejected: the transaction goes on."""
    transaction_id = await t.charge()
    _, told = await t.ask("StopCharging", "RemoteStopTransaction", {"status": "Rejected"}, transaction_id=transaction_id)
    assert told["status"] == "Rejected"
    assert (await t.transaction(transaction_id))["state"] == "running"


async def test_TC_031_unlock_unknown_connector(t: Operator) -> None:
    """Unlock of an unknown connector."""
    heard, told = await t.ask("UnlockConnector", "UnlockConnector", {"status": "NotSupported"}, place={"evse": 9, "connector": 1})
    assert (heard, told["status"]) == ({"connectorId": 9}, "NotSupported")


async def test_TC_032_1_power_failure(t: Operator) -> None:
    """Power failure: transactions stopped after boot."""
    transaction_id = await t.charge()
    await t.boot()
    assert (await t.transaction(transaction_id))["state"] == "pending_reconciliation"
    await t.stop(transaction_id, 4200, at=t.ago(30), reason="PowerLoss")
    for connector in (0, 1):
        await t.status(connector, "Available")
    row = await t.transaction(transaction_id)
    assert (row["state"], row["stop_reason"], row["energy_wh"]) == ("completed", "PowerLoss", 3200)


async def test_TC_037_1_offline_start_valid_id(t: Operator, charger: ConnectCharger) -> None:
    """Offline start, valid idTag: it is told when the link is back, and goes on."""
    await t.charger.hang_up()
    began = t.ago(60)
    back = Operator(t.server, await charger(CHARGER, boot=False))
    transaction_id, status = await back.start(1, at=began)
    assert status == "Accepted"
    await back.status(1, "Charging")
    row = await back.transaction(transaction_id)
    assert row["started_at"] < row["received_at"]
    await _session_ends(back, transaction_id)


async def test_TC_037_3_offline_start_invalid_id(t: Operator, charger: ConnectCharger) -> None:
    """Offline start, invalid idTag, StopTransactionOnInvalidId: refused, then stopped with DeAuthorized, and kept."""
    await t.charger.hang_up()
    back = Operator(t.server, await charger(CHARGER, boot=False))
    transaction_id, status = await back.start(1, "NOBODY", at=back.ago(60))
    assert status == "Invalid"
    await back.status(1, "SuspendedEVSE")
    assert await back.stop(transaction_id, 1300, reason="DeAuthorized") == {}
    row = await back.transaction(transaction_id)
    assert (row["state"], row["stop_reason"], row["token_status"], row["energy_wh"]) == (
        "completed",
        "DeAuthorized",
        "Invalid",
        300,
    )


async def test_TC_039_offline_transaction(t: Operator, charger: ConnectCharger) -> None:
    """Whole transaction offline, replayed on reconnect."""
    await t.charger.hang_up()
    now = t.server.ports.clock.now()
    began, ended = iso(now - 120_000), iso(now - 60_000)
    back = Operator(t.server, await charger(CHARGER, boot=False))
    transaction_id, status = await back.start(1, at=began)
    assert status == "Accepted"
    told = await back.stop(transaction_id, 5000, at=ended, idTag=TAG)
    assert told["idTagInfo"]["status"] == "Accepted"
    row = await back.transaction(transaction_id)
    assert (row["state"], row["energy_wh"], row["stopped_at"] - row["started_at"]) == ("completed", 4000, 60_000)


async def test_TC_061_clear_cache(t: Operator) -> None:
    """ClearCache."""
    heard, told = await t.ask("ClearCache", "ClearCache", {"status": "Accepted"})
    assert (heard, told["status"]) == ({}, "Accepted")


async def test_TC_064_data_transfer_to_the_central_system(t: Operator) -> None:
    """DataTransfer to the Central System: answered, and kept in the frame log."""
    told = await t.call("DataTransfer", vendorId="org.example", messageId="m", data="hello")
    assert told["status"] in ("Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId")
    (row,) = await t.server.eventually("SELECT text FROM frames WHERE action = 'DataTransfer' AND direction = 'in'")
    assert "hello" in row["text"]
