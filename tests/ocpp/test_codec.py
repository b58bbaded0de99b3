"""Strict for what we send: every command we say and every verdict we give is valid in its version, whatever they hold."""

from __future__ import annotations

from importlib import resources
from typing import Any

import attrs
import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core import commands, reports
from csms.core.certificates import ROOT_PURPOSES, CertificateHash
from csms.core.charging import KINDS, PURPOSES, UNITS, ChargingProfile, ChargingSchedule, SchedulePeriod
from csms.core.commands import Setting, VariableName
from csms.core.errors import CannotSay
from csms.core.ids import Place
from csms.ocpp.codec import Codec, codec_for
from csms.ocpp.registry import SUBPROTOCOLS, dialect_for

SCHEMAS = {"ocpp1.6": ("v16", ""), "ocpp2.0.1": ("v201", "Request")}
quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def is_valid(protocol: str, name: str, payload: Any) -> bool:
    """Judged by a validator of the test's own, with formats."""
    text = resources.files("ocpp").joinpath(SCHEMAS[protocol][0], "schemas", f"{name}.json").read_text(encoding="utf-8-sig")
    return jsonschema_rs.validator_for(msgspec.json.decode(text), validate_formats=True).is_valid(payload)


texts = st.text(max_size=700)
statuses = st.sampled_from(
    [
        "Accepted",
        "Blocked",
        "ConcurrentTx",
        "Expired",
        "Invalid",
        "NoCredit",
        "NotAllowedTypeEVSE",
        "NotAtThisLocation",
        "Unknown",
        "?",
    ]
)
integers = st.integers(-(2**70), 2**70)
tokens = st.builds(reports.TokenVerdict, status=statuses | texts, expires_at=st.none() | integers, parent=texts, message=texts)
VERDICTS: dict[type, st.SearchStrategy[Any]] = {
    reports.Registration: st.builds(
        reports.Registration, status=st.sampled_from(["accepted", "pending", "rejected", "?"]), interval_s=integers, now=integers
    ),
    reports.TimeTold: st.builds(reports.TimeTold, now=integers),
    reports.Noted: st.builds(reports.Noted),
    reports.TokenVerdict: tokens,
    reports.TransactionVerdict: st.builds(reports.TransactionVerdict, transaction_id=integers, token=st.none() | tokens),
    reports.DataVerdict: st.builds(
        reports.DataVerdict, status=texts, data=texts | st.sampled_from(["{}", "[[1]]", '{"a":', "[1e999]"])
    ),
}
VERDICTS[reports.SigningVerdict] = st.builds(reports.SigningVerdict, status=statuses | texts)
REQUESTS: list[dict[str, Any]] = [{}, {"idTag": "ABC", "idToken": {"idToken": "ABC", "type": "Local"}}]


@pytest.mark.parametrize("protocol", SUBPROTOCOLS)
@quick
@given(data=st.data())
def test_every_verdict_makes_a_valid_answer(protocol: str, data: Any) -> None:
    codec = codec_for(dialect_for(protocol))
    for action, ear in codec.ears.items():
        verdict = data.draw(VERDICTS[ear.row.verdict])
        for request in REQUESTS:
            assert is_valid(protocol, f"{action}Response", codec.answer(ear, request, verdict)), (action, verdict)
            if ear.row.identifies is not None:  # a quarantined message
                verdict_on_mangled = data.draw(VERDICTS[reports.TransactionVerdict])
                assert is_valid(protocol, f"{action}Response", codec.answer(ear, request, verdict_on_mangled))


places = st.builds(Place, st.integers(-2, 5), st.integers(-2, 3))
names = st.builds(
    VariableName,
    name=st.text(max_size=60),
    component=st.text(max_size=60),
    instance=st.text(max_size=60),
    evse=st.none() | st.integers(0, 3),
    connector=st.none() | st.integers(0, 3),
)
limits = st.decimals(0, 10**6, places=1) | st.decimals(0, 10**6, places=3)
profiles = st.builds(
    ChargingProfile,
    id=integers,
    purpose=st.sampled_from(PURPOSES),
    kind=st.sampled_from(KINDS),
    stack_level=st.integers(0, 2**70),
    recurrency=st.sampled_from(["", "Daily", "Weekly"]),
    transaction_id=st.none() | integers,
    valid_from_at=st.none() | integers,
    schedule=st.builds(
        ChargingSchedule,
        unit=st.sampled_from(UNITS),
        periods=st.lists(
            st.builds(SchedulePeriod, st.integers(0, 2**70), limits, st.none() | st.integers(1, 3)), min_size=1, max_size=3
        ).map(tuple),
        start_at=st.none() | integers,
        duration_s=st.none() | st.integers(0, 2**70),
        min_rate=st.none() | limits,
    ),
)
COMMANDS: dict[type[commands.Command], st.SearchStrategy[Any]] = {
    commands.StartCharging: st.builds(
        commands.StartCharging,
        token=st.builds(reports.Token, st.text(max_size=40), st.sampled_from(["", "Central", "eMAID", "?"])),
        place=st.none() | places,
        remote_start_id=integers,
        profile=st.none() | profiles,
    ),
    commands.StopCharging: st.builds(commands.StopCharging, integers, st.text(max_size=40)),
    commands.Reset: st.builds(commands.Reset, st.sampled_from(["when_idle", "immediately"]), st.none() | integers),
    commands.UnlockConnector: st.builds(commands.UnlockConnector, places),
    commands.ChangeAvailability: st.builds(commands.ChangeAvailability, places, st.booleans()),
    commands.GetVariables: st.builds(commands.GetVariables, st.lists(names, max_size=3).map(tuple)),
    commands.SetVariables: st.builds(
        commands.SetVariables, st.lists(st.builds(Setting, names, st.text(max_size=1100)), max_size=3).map(tuple)
    ),
    commands.ClearCache: st.builds(commands.ClearCache),
    commands.SendData: st.builds(commands.SendData, st.text(max_size=300), st.text(max_size=60), texts),
    commands.TriggerMessage: st.builds(
        commands.TriggerMessage, st.sampled_from(commands.TRIGGERS), st.none() | places, st.booleans()
    ),
    commands.ReserveNow: st.builds(
        commands.ReserveNow,
        reservation_id=integers,
        place=places,
        token=st.builds(reports.Token, st.text(max_size=40)),
        expires_at=integers,
        parent=st.text(max_size=40),
    ),
    commands.CancelReservation: st.builds(commands.CancelReservation, integers),
    commands.GetLocalListVersion: st.builds(commands.GetLocalListVersion),
    commands.SendLocalList: st.builds(
        commands.SendLocalList,
        integers,
        st.lists(
            st.builds(commands.LocalListEntry, st.builds(reports.Token, st.text(max_size=40)), st.none() | tokens), max_size=3
        ).map(tuple),
        st.booleans(),
    ),
    commands.SetChargingProfile: st.builds(commands.SetChargingProfile, places, profiles),
    commands.ClearChargingProfile: st.builds(
        commands.ClearChargingProfile,
        profile_id=st.none() | integers,
        place=st.none() | places,
        purpose=st.sampled_from(["", *PURPOSES]),
        stack_level=st.none() | integers,
    ),
    commands.GetCompositeSchedule: st.builds(
        commands.GetCompositeSchedule, places, st.integers(1, 2**70), st.sampled_from(["", *UNITS])
    ),
    commands.UpdateFirmware: st.builds(
        commands.UpdateFirmware,
        location=texts,
        retrieve_at=integers,
        request_id=integers,
        install_at=st.none() | integers,
        signing_certificate=texts,
        signature=texts,
        retries=st.none() | integers,
        retry_interval_s=st.none() | integers,
    ),
    commands.GetDiagnostics: st.builds(
        commands.GetDiagnostics, location=texts, oldest_at=st.none() | integers, latest_at=st.none() | integers
    ),
    commands.GetLog: st.builds(
        commands.GetLog,
        kind=st.sampled_from(["DiagnosticsLog", "SecurityLog"]),
        request_id=integers,
        location=texts,
        oldest_at=st.none() | integers,
    ),
    commands.CertificateSigned: st.builds(commands.CertificateSigned, texts, st.just("ChargingStationCertificate") | texts),
    commands.InstallCertificate: st.builds(commands.InstallCertificate, purpose=st.sampled_from(ROOT_PURPOSES), certificate=texts),
    commands.GetInstalledCertificates: st.builds(commands.GetInstalledCertificates, st.sampled_from(ROOT_PURPOSES)),
    commands.DeleteCertificate: st.builds(
        commands.DeleteCertificate,
        st.builds(
            CertificateHash,
            algorithm=st.just("SHA256"),
            issuer_name_hash=texts,
            issuer_key_hash=texts,
            serial=st.text(max_size=60),
        ),
    ),
}


@pytest.mark.parametrize("protocol", SUBPROTOCOLS)
@quick
@given(data=st.data())
def test_every_command_is_valid_or_refused(protocol: str, data: Any) -> None:
    codec = codec_for(dialect_for(protocol))
    assert set(codec.mouths) <= set(COMMANDS)
    assert protocol != "ocpp1.6" or set(codec.mouths) == set(COMMANDS), "OCPP 1.6 can say everything"
    for kind, strategy in COMMANDS.items():
        command = data.draw(strategy)
        try:
            mouth, payload = codec.say(command)
        except CannotSay:
            continue
        assert is_valid(protocol, mouth.row.action + SCHEMAS[protocol][1], payload), (kind, payload)


def test_the_specification_knows_more_than_we_hear() -> None:
    codec = codec_for(dialect_for("ocpp1.6"))
    assert codec.knows("DiagnosticsStatusNotification")
    assert codec.knows("Reset")
    assert not codec.knows("TransactionEvent")
    assert not codec.knows("ResetResponse")
    codec = codec_for(dialect_for("ocpp2.0.1"))
    assert codec.knows("TransactionEvent")
    assert not codec.knows("StartTransaction")
    assert not codec.knows("TransactionEventRequest")


def test_a_row_without_a_schema_is_noticed_when_the_codec_is_built() -> None:
    dialect = dialect_for("ocpp1.6")
    with pytest.raises(FileNotFoundError):
        Codec(attrs.evolve(dialect, hears=(attrs.evolve(dialect.hears[0], action="MakeCoffee"),)))
