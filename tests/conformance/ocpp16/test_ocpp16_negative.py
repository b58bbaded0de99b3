"""OCPP 1.6, what a charger may get wrong: every field of every message missing, of another type, out of range, or too long.

The answer is the one that the specification prescribes (OCPP-J §4.2.3), or a tolerance rule has its effect and is counted. What the rule
is, these tests read from the schema, not from the code under test.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from importlib import resources
from typing import Any

import attrs
import pytest
import trio

from csms.core import commands
from csms.core.certificates import CertificateHash
from csms.core.charging import ChargingProfile, ChargingSchedule, SchedulePeriod
from csms.core.ids import Place
from csms.core.outcomes import Answered, CallError
from csms.core.reports import Token
from csms.testing.messages import AT
from csms.testing.messages import WHOLE_16 as WHOLE

from .conftest import CHARGER, TAG, Operator

IDENTIFIED = {
    "MeterValues": ("connectorId", "transactionId"),
    "StartTransaction": ("connectorId", "idTag"),
    "StopTransaction": ("transactionId", "idTag", "meterStop"),
}
"""A transaction message that names one of these is kept and answered whatever else is wrong with it: refused, it would be lost."""
MISSING, MISTYPED = "OccurenceConstraintViolation", "TypeConstraintViolation"


@attrs.frozen
class Wrong:
    """A payload with one thing wrong, what that is, and whether it can be mended; ``code`` is the CALLERROR's where it cannot."""

    what: str
    payload: dict[str, Any]
    code: str = ""
    rule: str = ""


def schema_of(action: str) -> dict[str, Any]:
    text = resources.files("ocpp").joinpath("v16", "schemas", f"{action}.json").read_text(encoding="utf-8-sig")
    schema: dict[str, Any] = json.loads(text)
    return schema


def wrongs(action: str) -> Iterator[Wrong]:
    """Every single thing that can be wrong about a message."""
    yield Wrong("an unknown property", WHOLE[action] | {"vendorSpecific": {"a": [1]}}, rule="extra")
    yield from _below(action, schema_of(action), (), top=True)


def _below(action: str, schema: dict[str, Any], path: tuple[str | int, ...], *, top: bool) -> Iterator[Wrong]:
    for name, field in schema.get("properties", {}).items():
        here = (*path, name)
        required = name in schema.get("required", ())
        vital = required and (top or action in ("MeterValues",))  # of several optional items, a broken one costs itself
        where = ".".join(str(step) for step in here if isinstance(step, str))
        yield Wrong(f"{where} missing", _without(action, here), MISSING if vital else "")
        yield Wrong(f"{where} null", _with(action, here, None), MISSING if vital else "", "" if vital else "null")
        kind = field.get("type")
        if kind in ("integer", "number"):
            yield Wrong(f"{where} a text", _with(action, here, "abc"), MISTYPED if vital else "", "" if vital else "type")
            value = _at(WHOLE[action], here)
            yield Wrong(f"{where} a number as text", _with(action, here, str(value)), rule="type")
            yield Wrong(f"{where} huge", _with(action, here, 2**70), rule="range")
        elif kind == "string":
            yield Wrong(f"{where} a number", _with(action, here, 12345), rule="type")
            if "enum" in field:
                yield Wrong(f"{where} in another case", _with(action, here, str(_at(WHOLE[action], here)).swapcase()), rule="enum")
                yield Wrong(f"{where} unheard of", _with(action, here, "Unheard of"), rule="enum")
            elif field.get("format") == "date-time":
                yield Wrong(f"{where} no time", _with(action, here, "yesterday"), rule="timestamp")
                yield Wrong(f"{where} without zone", _with(action, here, AT[:-1]), rule="zone")
                yield Wrong(f"{where} of 1970", _with(action, here, "1970-01-01T00:00:00Z"), rule="clock")
            elif "maxLength" in field:
                yield Wrong(f"{where} too long", _with(action, here, "x" * (field["maxLength"] + 1)), rule="length")
        elif kind == "array":
            yield Wrong(f"{where} one, not a list of one", _with(action, here, _at(WHOLE[action], here)[0]), rule="type")
            yield Wrong(f"{where} a number", _with(action, here, 5), MISTYPED if vital else "", "" if vital else "type")
            yield from _below(action, field["items"], (*here, 0), top=False)


def _at(payload: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        payload = payload[step]
    return payload


def _with(action: str, path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    payload = copy.deepcopy(WHOLE[action])
    _at(payload, path[:-1])[path[-1]] = value
    return payload


def _without(action: str, path: tuple[str | int, ...]) -> dict[str, Any]:
    payload = copy.deepcopy(WHOLE[action])
    del _at(payload, path[:-1])[path[-1]]
    return payload


def expected(action: str, wrong: Wrong) -> str:
    """The CALLERROR's code, or nothing for a CALLRESULT."""
    names = IDENTIFIED.get(action, ())
    return "" if any(isinstance(wrong.payload.get(name), int | str) for name in names) else wrong.code


@pytest.mark.parametrize("action", sorted(WHOLE))
async def test_what_is_wrong_is_answered_as_prescribed(t: Operator, action: str) -> None:
    await t.start(1)  # a transaction 1 that messages may speak of
    for wrong in wrongs(action):
        await t.server.do(lambda tx: tx.run("DELETE FROM oddities WHERE tenant = :tenant"))
        await t.server.do(lambda tx: tx.run("DELETE FROM quarantine WHERE tenant = :tenant"))
        frame = await t.charger.answer_to(await t.charger.send_call(action, wrong.payload))
        code = expected(action, wrong)
        assert (frame[0], frame[2] if code else "") == ((4, code) if code else (3, "")), f"{wrong.what}: {frame}"
        if wrong.code and not code:
            kept = await t.server.rows("SELECT kind FROM quarantine WHERE charger_id = :id", id=CHARGER)
            assert kept, f"{wrong.what}: answered, but not kept"
        if wrong.rule:
            seen = "SELECT rule FROM oddities WHERE charger_id = :id AND rule = :rule"
            if action == "Heartbeat":  # answered without a write; what is odd about it is told later
                await t.charger.hang_up()
                assert await t.server.eventually(seen, id=CHARGER, rule=wrong.rule)
                return
            assert await t.server.rows(seen, id=CHARGER, rule=wrong.rule), wrong.what
    assert "currentTime" in await t.call("Heartbeat"), "the connection is alive"


PROFILE = ChargingProfile(
    id=1, purpose="TxDefaultProfile", kind="Absolute", schedule=ChargingSchedule(unit="A", periods=(SchedulePeriod(0, Decimal(6)),))
)
SAID: tuple[commands.Command, ...] = (
    commands.StartCharging(Token(TAG)),
    commands.StopCharging(1),
    commands.Reset(),
    commands.UnlockConnector(Place(1, 1)),
    commands.ChangeAvailability(Place(1, 1), True),
    commands.GetVariables(),
    commands.SetVariables((commands.Setting(commands.VariableName("A"), "1"),)),
    commands.ClearCache(),
    commands.SendData("V"),
    commands.TriggerMessage("Heartbeat"),
    commands.TriggerMessage("LogStatusNotification"),
    commands.ReserveNow(reservation_id=1, place=Place(1, 1), token=Token(TAG), expires_at=0),
    commands.CancelReservation(1),
    commands.GetLocalListVersion(),
    commands.SendLocalList(1),
    commands.SetChargingProfile(Place(1, 1), PROFILE),
    commands.ClearChargingProfile(),
    commands.GetCompositeSchedule(Place(1, 1), 60),
    commands.UpdateFirmware(location="ftp://a/b", retrieve_at=0),
    commands.UpdateFirmware(location="ftp://a/b", retrieve_at=0, signing_certificate="c", signature="s"),
    commands.GetDiagnostics(location="ftp://a/b"),
    commands.GetLog(request_id=1, location="ftp://a/b"),
    commands.CertificateSigned("c"),
    commands.InstallCertificate(certificate="c"),
    commands.GetInstalledCertificates(),
    commands.DeleteCertificate(CertificateHash(algorithm="SHA256", issuer_name_hash="a", issuer_key_hash="b", serial="c")),
)
GARBAGE: tuple[Any, ...] = (
    {},
    {"status": None},
    {"status": "Unheard of"},
    {"status": 7, "listVersion": "x", "configurationKey": 5, "certificateHashData": {}, "chargingSchedule": []},
    {"status": "accepted", "extra": [{}], "listVersion": "3", "configurationKey": [{"key": 1, "readonly": "yes"}, 2]},
    {"status": ["Accepted"], "fileName": {"a": 1}, "chargingSchedule": {"chargingSchedulePeriod": [{"limit": "x"}]}},
)


def test_every_command_is_here() -> None:
    assert {type(command).__name__ for command in SAID} == set(commands.COMMANDS)


async def test_an_answer_of_any_kind_is_an_outcome(t: Operator) -> None:
    """Whatever a charger answers to whatever we say, the operator is told, and the conversation goes on."""
    for command in SAID:
        for garbage in GARBAGE:
            outcome = await _answered(t, command, [3, garbage])
            assert isinstance(outcome, Answered), (command, garbage, outcome)
        outcome = await _answered(t, command, [4, "NotImplemented", "no", {}])
        assert outcome == CallError("NotImplemented", "no")
    assert "currentTime" in await t.call("Heartbeat")


async def _answered(t: Operator, command: commands.Command, frame: list[Any]) -> Any:
    found: list[Any] = []

    async def send() -> None:
        found.append(await t.server.ports.chargers.send(CHARGER, command))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        message_id = await t.charger.heard_call()
        await t.charger.send_text(json.dumps([frame[0], message_id, *frame[1:]]))
    return found[0]
