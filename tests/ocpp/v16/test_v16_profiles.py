"""OCPP 1.6 beyond Core: every command of the other profiles and the whitepaper as a CALL, their answers, and what chargers report."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from csms.core import commands, reports
from csms.core.certificates import CHARGER_CERTIFICATE, CSMS_ROOT, MANUFACTURER_ROOT, CertificateHash
from csms.core.charging import CHARGER_MAX, TX, TX_DEFAULT, ChargingProfile, ChargingSchedule, SchedulePeriod
from csms.core.commands import Answered
from csms.core.errors import CannotSay
from csms.core.ids import Place
from csms.core.reports import Noted, SigningVerdict, Token, TokenVerdict

NOW = 1_767_225_600_000
AT = "2025-12-31T23:59:00Z"
AT_MS = NOW - 60_000
AT_SAID = "2025-12-31T23:59:00.000Z"
WHO: dict[str, Any] = {"charger_id": "CP-1", "received_at": NOW}
FTP = "ftp://files.example/x"
PEM = "-----BEGIN CERTIFICATE-----"
HASH = CertificateHash(algorithm="SHA256", issuer_name_hash="AA", issuer_key_hash="BB", serial="01")
HASHED = {"hashAlgorithm": "SHA256", "issuerNameHash": "AA", "issuerKeyHash": "BB", "serialNumber": "01"}


def profile(purpose: str = TX_DEFAULT, **more: Any) -> ChargingProfile:
    schedule = ChargingSchedule(
        unit="A",
        periods=(SchedulePeriod(0, Decimal("16")), SchedulePeriod(60, Decimal("7.4"), 1)),
        start_at=AT_MS,
        duration_s=3600,
        min_rate=Decimal("6.0"),
    )
    return ChargingProfile(**{"id": 5, "purpose": purpose, "kind": "Absolute", "schedule": schedule, "stack_level": 2} | more)


def said_profile(purpose: str, **more: Any) -> dict[str, Any]:
    return {
        "chargingProfileId": 5,
        "stackLevel": 2,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}, {"startPeriod": 60, "limit": 7.4, "numberPhases": 1}],
            "duration": 3600,
            "startSchedule": AT_SAID,
            "minChargingRate": 6,
        },
        **more,
    }


@pytest.mark.parametrize(
    ("command", "action", "payload"),
    [
        (commands.TriggerMessage("Heartbeat"), "TriggerMessage", {"requestedMessage": "Heartbeat"}),
        (
            commands.TriggerMessage("MeterValues", Place(2, 1)),
            "TriggerMessage",
            {"requestedMessage": "MeterValues", "connectorId": 2},
        ),
        (
            commands.TriggerMessage("SignChargingStationCertificate"),
            "ExtendedTriggerMessage",
            {"requestedMessage": "SignChargePointCertificate"},
        ),
        (
            commands.TriggerMessage("StatusNotification", Place(1, 1), extended=True),
            "ExtendedTriggerMessage",
            {"requestedMessage": "StatusNotification", "connectorId": 1},
        ),
        (
            commands.ReserveNow(reservation_id=7, place=Place(0, 0), token=Token("A"), expires_at=AT_MS, parent="G"),
            "ReserveNow",
            {"connectorId": 0, "expiryDate": AT_SAID, "idTag": "A", "reservationId": 7, "parentIdTag": "G"},
        ),
        (commands.CancelReservation(7), "CancelReservation", {"reservationId": 7}),
        (commands.GetLocalListVersion(), "GetLocalListVersion", {}),
        (commands.SendLocalList(1), "SendLocalList", {"listVersion": 1, "updateType": "Full"}),
        (
            commands.SendLocalList(
                2,
                (
                    commands.LocalListEntry(Token("A"), TokenVerdict("Accepted", AT_MS, "G")),
                    commands.LocalListEntry(Token("B"), TokenVerdict("NotAtThisTime")),
                    commands.LocalListEntry(Token("C")),
                ),
                full=False,
            ),
            "SendLocalList",
            {
                "listVersion": 2,
                "updateType": "Differential",
                "localAuthorizationList": [
                    {"idTag": "A", "idTagInfo": {"status": "Accepted", "expiryDate": AT_SAID, "parentIdTag": "G"}},
                    {"idTag": "B", "idTagInfo": {"status": "Blocked"}},
                    {"idTag": "C"},
                ],
            },
        ),
        (
            commands.SetChargingProfile(Place(1, 1), profile()),
            "SetChargingProfile",
            {"connectorId": 1, "csChargingProfiles": said_profile("TxDefaultProfile")},
        ),
        (
            commands.SetChargingProfile(
                Place(0, 0), profile(CHARGER_MAX, kind="Recurring", recurrency="Weekly", valid_from_at=AT_MS)
            ),
            "SetChargingProfile",
            {
                "connectorId": 0,
                "csChargingProfiles": said_profile(
                    "ChargePointMaxProfile", chargingProfileKind="Recurring", recurrencyKind="Weekly", validFrom=AT_SAID
                ),
            },
        ),
        (
            commands.SetChargingProfile(Place(1, 1), profile(TX, transaction_id=17)),
            "SetChargingProfile",
            {"connectorId": 1, "csChargingProfiles": said_profile("TxProfile", transactionId=17)},
        ),
        (
            commands.StartCharging(Token("A"), Place(1, 1), 3, profile(TX, transaction_id=17)),
            "RemoteStartTransaction",
            {"idTag": "A", "connectorId": 1, "chargingProfile": said_profile("TxProfile")},
        ),
        (commands.ClearChargingProfile(), "ClearChargingProfile", {}),
        (
            commands.ClearChargingProfile(profile_id=5, place=Place(0, 0), purpose=CHARGER_MAX, stack_level=0),
            "ClearChargingProfile",
            {"id": 5, "connectorId": 0, "chargingProfilePurpose": "ChargePointMaxProfile", "stackLevel": 0},
        ),
        (
            commands.GetCompositeSchedule(Place(1, 1), 300, "W"),
            "GetCompositeSchedule",
            {"connectorId": 1, "duration": 300, "chargingRateUnit": "W"},
        ),
        (
            commands.UpdateFirmware(location=FTP, retrieve_at=AT_MS, retries=3, retry_interval_s=60),
            "UpdateFirmware",
            {"location": FTP, "retrieveDate": AT_SAID, "retries": 3, "retryInterval": 60},
        ),
        (
            commands.UpdateFirmware(
                location=FTP, retrieve_at=AT_MS, request_id=9, install_at=NOW, signing_certificate=PEM, signature="c2ln"
            ),
            "SignedUpdateFirmware",
            {
                "requestId": 9,
                "firmware": {
                    "location": FTP,
                    "retrieveDateTime": AT_SAID,
                    "installDateTime": "2026-01-01T00:00:00.000Z",
                    "signingCertificate": PEM,
                    "signature": "c2ln",
                },
            },
        ),
        (
            commands.GetDiagnostics(location=FTP, oldest_at=AT_MS, latest_at=NOW, retries=0),
            "GetDiagnostics",
            {"location": FTP, "startTime": AT_SAID, "stopTime": "2026-01-01T00:00:00.000Z", "retries": 0},
        ),
        (
            commands.GetLog(request_id=4, location=FTP, oldest_at=AT_MS),
            "GetLog",
            {"logType": "SecurityLog", "requestId": 4, "log": {"remoteLocation": FTP, "oldestTimestamp": AT_SAID}},
        ),
        (commands.CertificateSigned(PEM), "CertificateSigned", {"certificateChain": PEM}),
        (
            commands.InstallCertificate(certificate=PEM),
            "InstallCertificate",
            {"certificateType": "CentralSystemRootCertificate", "certificate": PEM},
        ),
        (
            commands.GetInstalledCertificates(MANUFACTURER_ROOT),
            "GetInstalledCertificateIds",
            {"certificateType": "ManufacturerRootCertificate"},
        ),
        (commands.DeleteCertificate(HASH), "DeleteCertificate", {"certificateHashData": HASHED}),
    ],
)
def test_a_command_is_said(script: Any, command: commands.Command, action: str, payload: Any) -> None:
    s = script("ocpp1.6")
    assert s.sent(s.command(1, command)) == [[2, "ours-1", action, payload]]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (commands.TriggerMessage("TransactionEvent"), "TransactionEvent"),
        (commands.TriggerMessage("DiagnosticsStatusNotification", extended=True), "DiagnosticsStatusNotification"),
        (commands.SetChargingProfile(Place(0, 0), profile(TX)), "connector, 1 or higher"),
        (commands.SetChargingProfile(Place(1, 1), profile(CHARGER_MAX)), "charger as a whole"),
        (commands.StartCharging(Token("A"), None, 0, profile(TX_DEFAULT)), "takes a TxProfile"),
        (commands.UpdateFirmware(location=FTP, retrieve_at=AT_MS, install_at=NOW), "time of installation"),
        (commands.CertificateSigned(PEM, "V2GCertificate"), "V2GCertificate"),
        (commands.SendLocalList(1, (commands.LocalListEntry(Token("A" * 21), None),)), "idTag"),
    ],
)
def test_what_1_6_has_no_words_for_is_refused_with_a_reason(script: Any, command: commands.Command, words: str) -> None:
    s = script("ocpp1.6")
    with pytest.raises(CannotSay, match=words):
        s.conversation._codec.say(command)


@pytest.mark.parametrize(
    ("command", "answer", "outcome"),
    [
        (commands.TriggerMessage("Heartbeat"), {"status": "NotImplemented"}, Answered("NotImplemented")),
        (commands.GetLocalListVersion(), {"listVersion": 12}, Answered("Accepted", {"version": 12})),
        (commands.GetLocalListVersion(), {"listVersion": -1}, Answered("NotSupported", {"version": -1})),
        (commands.GetLocalListVersion(), {"listVersion": -(2**200)}, Answered("NotSupported", {"version": -1})),
        (commands.GetLocalListVersion(), {"listVersion": 2**200}, Answered("Accepted", {"version": 2**31 - 1})),
        (commands.SendLocalList(1), {"status": "VersionMismatch"}, Answered("VersionMismatch")),
        (
            commands.GetCompositeSchedule(Place(1, 1), 300),
            {
                "status": "Accepted",
                "connectorId": 1,
                "scheduleStart": AT,
                "chargingSchedule": {
                    "chargingRateUnit": "W",
                    "duration": 300,
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11000, "numberPhases": 3}],
                },
            },
            Answered(
                "Accepted",
                {
                    "evse": 1,
                    "start": AT,
                    "duration_s": 300,
                    "unit": "W",
                    "periods": [{"start_s": 0, "limit": 11000, "phases": 3}],
                },
            ),
        ),
        (commands.UpdateFirmware(location=FTP, retrieve_at=AT_MS), {}, Answered("Accepted")),
        (commands.GetDiagnostics(location=FTP), {}, Answered("NotAvailable")),
        (commands.GetDiagnostics(location=FTP), {"fileName": "d.zip"}, Answered("Accepted", {"file_name": "d.zip"})),
        (
            commands.GetLog(request_id=4, location=FTP),
            {"status": "AcceptedCanceled", "filename": "s.log"},
            Answered("AcceptedCanceled", {"file_name": "s.log"}),
        ),
        (
            commands.GetInstalledCertificates(),
            {"status": "Accepted", "certificateHashData": [HASHED]},
            Answered(
                "Accepted",
                {"certificates": [{"algorithm": "SHA256", "issuer_name_hash": "AA", "issuer_key_hash": "BB", "serial": "01"}]},
            ),
        ),
        (commands.GetInstalledCertificates(CSMS_ROOT), {"status": "NotFound"}, Answered("NotFound", {"certificates": []})),
    ],
)
def test_an_answer_is_understood(script: Any, command: commands.Command, answer: Any, outcome: Answered) -> None:
    assert script("ocpp1.6").outcome(1, command, answer) == outcome


@pytest.mark.parametrize(
    ("action", "payload", "report"),
    [
        (
            "FirmwareStatusNotification",
            {"status": "Installed"},
            reports.FirmwareStatusReported(status="Installed", **WHO),
        ),
        (
            "SignedFirmwareStatusNotification",
            {"status": "InvalidSignature", "requestId": 9},
            reports.FirmwareStatusReported(status="InvalidSignature", request_id=9, **WHO),
        ),
        (
            "DiagnosticsStatusNotification",
            {"status": "UploadFailed"},
            reports.LogStatusReported(status="UploadFailure", diagnostics=True, **WHO),
        ),
        (
            "LogStatusNotification",
            {"status": "Uploaded", "requestId": 4},
            reports.LogStatusReported(status="Uploaded", request_id=4, **WHO),
        ),
        (
            "SecurityEventNotification",
            {"type": "InvalidChargePointCertificate", "timestamp": AT, "techInfo": "expired"},
            reports.SecurityEventReported(kind="InvalidChargePointCertificate", occurred_at=AT_MS, info="expired", **WHO),
        ),
    ],
)
def test_what_a_charger_notifies_is_a_report(script: Any, action: str, payload: Any, report: reports.Report) -> None:
    s = script("ocpp1.6")
    assert s.told(action, payload) == report
    assert s.reply(Noted()) == {}


def test_a_charger_asks_for_a_certificate(script: Any) -> None:
    s = script("ocpp1.6")
    assert s.told("SignCertificate", {"csr": PEM}) == reports.CertificateRequested(csr=PEM, purpose=CHARGER_CERTIFICATE, **WHO)
    assert s.reply(SigningVerdict("Accepted")) == {"status": "Accepted"}
    s.told("SignCertificate", {"csr": PEM}, "another")
    assert s.reply(SigningVerdict("NotNow")) == {"status": "Rejected"}
