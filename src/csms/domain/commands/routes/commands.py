"""Commands to one charger over HTTP: one route per command, so that each body has its type."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

import attrs
import msgspec
import trio
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import CHARGER, LIST, Reply, Routes
from csms.api.schemas import Schemas
from csms.core.commands import COMMANDS, Command, RawCall
from csms.core.errors import NotFound
from csms.core.paging import Stretch
from csms.domain.commands import service, store
from csms.domain.commands.flows import Pending, Sender
from csms.domain.commands.model import (
    LONGEST_WAIT_S,
    Asker,
    CommandAnswer,
    CommandDetail,
    CommandsQuery,
    Limits,
)
from csms.domain.stations import service as stations

PATIENCE_S = 900.0
"""Longest wait of a request for a command that goes on for longer: it is answered with 202 then."""

_ERRORS = {
    202: "It is under way: `wait_s` was over before its end. The `Location` is the command to poll.",
    404: "there is no such charger",
    409: "the server did not send it: the detail says why (a token that may not charge, nothing to stop, no free connector ...)",
    503: "too many commands are under way, or nothing can be stored: it was not sent",
}
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "StartCharging": {"token": {"value": "04A1B2C3"}, "place": {"evse": 1, "connector": 1}},
    "StopCharging": {"transaction_id": 17},
    "Reset": {"when": "when_idle"},
    "UnlockConnector": {"place": {"evse": 1, "connector": 1}},
    "ChangeAvailability": {"place": {"evse": 0, "connector": 0}, "operative": False},
    "GetVariables": {"variables": [{"name": "HeartbeatInterval"}]},
    "SetVariables": {"settings": [{"variable": {"name": "HeartbeatInterval"}, "value": "300"}]},
    "TriggerMessage": {"message": "StatusNotification"},
    "ReserveNow": {"place": {"evse": 1, "connector": 1}, "token": {"value": "04A1B2C3"}, "expires_at": "2030-01-31T12:00:00Z"},
    "GetCompositeSchedule": {"place": {"evse": 1, "connector": 1}, "duration_s": 3600},
    "ClearCache": {},
    "SendData": {"vendor_id": "org.example", "message_id": "greeting", "data": "hello"},
    "CancelReservation": {"reservation_id": 5},
    "GetLocalListVersion": {},
    "SendLocalList": {"version": 7, "full": True, "entries": [{"token": {"value": "04A1B2C3"}, "verdict": {"status": "Accepted"}}]},
    "SetChargingProfile": {
        "place": {"evse": 1, "connector": 1},
        "profile": {
            "id": 40,
            "purpose": "TxDefaultProfile",
            "kind": "Relative",
            "schedule": {"unit": "A", "periods": [{"start_s": 0, "limit": "16.0"}]},
        },
    },
    "ClearChargingProfile": {"profile_id": 40},
    "UpdateFirmware": {"location": "https://files.example.org/fw-2.1.bin", "retrieve_at": "2030-01-31T02:00:00Z", "retries": 3},
    "GetDiagnostics": {"location": "https://files.example.org/up/17", "oldest_at": "2030-01-30T00:00:00Z"},
    "GetLog": {"kind": "SecurityLog", "request_id": 17, "location": "https://files.example.org/up/17"},
    "CertificateSigned": {"chain": "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n"},
    "InstallCertificate": {
        "purpose": "CSMSRootCertificate",
        "certificate": "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n",
    },
    "GetInstalledCertificates": {"purpose": "CSMSRootCertificate"},
    "DeleteCertificate": {
        "certificate": {"algorithm": "SHA256", "issuer_name_hash": "6b2a", "issuer_key_hash": "91c4", "serial": "0a17"}
    },
    "RawCall": {"action": "DataTransfer", "payload": {"vendorId": "org.example"}},
}


@attrs.frozen(slots=True, kw_only=True)
class Spoken:
    """What whoever knows OCPP knows about commands.

    ``can_say`` names the commands of each protocol; ``censored(text)`` is a JSON text without its secrets.
    """

    can_say: Mapping[str, frozenset[str]]
    censored: Callable[[str], str]


def _seconds(about: str, least: Any) -> Any:
    bounds: Any = validators.optional(validators.and_(least, validators.le(LONGEST_WAIT_S)))
    return attrs.field(default=None, validator=bounds, metadata={"help": about})


@attrs.frozen(slots=True, kw_only=True)
class Waiting:
    """How long everything may take."""

    wait_s: float | None = _seconds(
        "answer after so many seconds at the latest, with 202 and the command to poll", validators.ge(0)
    )
    ttl_s: float | None = _seconds("how long it may wait in the charger's queue, if not as configured", validators.gt(0))
    timeout_s: float | None = _seconds("how long the charger may take to answer, if not as configured", validators.gt(0))

    @property
    def limits(self) -> Limits:
        """For the sender."""
        return Limits(ttl_s=self.ttl_s, timeout_s=self.timeout_s)


@attrs.frozen(slots=True, kw_only=True)
class CommandKind:
    """A command that there is. ``supported`` is null where the charger never connected, so that nobody knows its OCPP version."""

    name: str
    title: str
    about: str
    supported: bool | None
    body: Mapping[str, Any]


@attrs.frozen(slots=True, kw_only=True)
class CommandKinds:
    """Every command, and whether the charger's OCPP version has it."""

    charger_id: str
    connected: bool
    protocol: str
    items: Sequence[CommandKind]


@cache
def schema_of(kind: Any) -> Mapping[str, Any]:
    """The JSON schema of a body, complete in itself."""
    schemas = Schemas()
    document, components = schemas.finish({"of": schemas.body(kind)})
    root = components.pop(document["of"]["$ref"].rpartition("/")[2])
    found: Mapping[str, Any] = _inward({**root, **({"$defs": components} if components else {})})
    return found


def _inward(schema: Any) -> Any:
    """A schema whose references lead to its own definitions."""
    if isinstance(schema, dict):
        return {
            name: f"#/$defs/{each.rpartition('/')[2]}" if name == "$ref" and isinstance(each, str) else _inward(each)
            for name, each in schema.items()
        }
    return [_inward(each) for each in schema] if isinstance(schema, list) else schema


def asker(call: Call) -> Asker:
    """Who asks, for the record."""
    return Asker(kind=call.who.kind, name=call.who.name)


def text_of(command: Command) -> str:
    """A command's body as JSON."""
    return msgspec.json.encode(command).decode()


def routes(sender: Sender, spoken: Spoken) -> Routes:
    """Routes of commands to one charger."""
    made = Routes("commands", "Commands to chargers, and what became of each.", tag="Commands")

    @made.get("/chargers/<path:charger_id>/commands", needs="chargers:read", reach=CHARGER)
    async def kinds(call: Call, charger_id: str) -> CommandKinds:
        """Every command, the JSON schema of its body, and whether this charger's OCPP version has it.

        For a charger that is not connected that is the version of its last connection.
        """
        charger = await call.read(stations.need_charger, charger_id)
        link = call.ports.chargers.connection(charger_id)
        protocol = charger.protocol if link is None else link.protocol
        known = spoken.can_say.get(protocol) if link is None else call.ports.chargers.can_say(charger_id)
        items = [
            CommandKind(
                name=name,
                title=kind.title,
                about=inspect.getdoc(kind) or "",
                supported=None if known is None else name in known,
                body=schema_of(kind),  # type: ignore[arg-type]  # classes are hashable
            )
            for name, kind in COMMANDS.items()
        ]
        return CommandKinds(charger_id=charger_id, connected=link is not None, protocol=protocol, items=items)

    @made.get("/commands", needs="chargers:read", reach=LIST)
    async def list_(call: Call, query: CommandsQuery) -> Stretch[CommandAnswer]:
        """Commands that were asked for, the newest first."""
        return await call.read(store.commands, query, call.stations)

    @made.get("/commands/<int:command_id>", needs="chargers:read", reach=LIST)
    async def show(call: Call, command_id: int) -> CommandDetail:
        """One command: how far it is, or what became of it."""
        found = await call.read(service.need_detail, command_id)
        call.needs_station(found.station_id)
        return found

    async def send(call: Call, charger_id: str, name: str, query: Waiting, command: Command) -> Reply:
        text = spoken.censored(text_of(command))
        if sender.full:
            raise Problem(503, "Service Unavailable", "too many commands are under way; try again", nothing_done=True)
        of = Subject("charger", charger_id)
        detail = {"command": name, "body": msgspec.json.decode(text), "ttl_s": query.ttl_s, "timeout_s": query.timeout_s}
        command_id = await call.write(service.ask, charger_id, name, text, asker(call), of=of, detail=detail)
        return await awaited(call, sender.send(call.tenant, charger_id, command_id, command, query.limits), query.wait_s)

    for name, kind in COMMANDS.items():
        _declare(made, name, kind, send)

    @made.post(
        "/chargers/<path:charger_id>/commands/<command>",
        needs="commands:send",
        reach=CHARGER,
        audit=False,
        errors={404: _ERRORS[404]},
    )
    async def unknown(call: Call, charger_id: str, command: str) -> None:
        """A command that there is not.

        Every command has an operation of its own; this one says what there is to whoever misspells a name.
        """
        near = ", ".join(get_close_matches(command, COMMANDS, n=3, cutoff=0.5) or COMMANDS)
        raise NotFound(f"there is no command {command[:100]}; there are {near}")

    @made.post(
        "/chargers/<path:charger_id>/raw",
        needs="commands:raw",
        reach=CHARGER,
        tells=CommandAnswer,
        moves=True,
        limit_s=None,
        errors=_ERRORS,
        example=EXAMPLES["RawCall"],
    )
    async def raw(call: Call, charger_id: str, query: Waiting, body: RawCall) -> Reply:
        """Send any OCPP call as it is written.

        It is checked against the schema of the charger's OCPP version, unless ``check`` is false. Nothing is remembered of it but this
        command and its frames: what it changes is not known to the rest of the server until the charger says so.
        """
        return await send(call, charger_id, "RawCall", query, body)

    return made


def _declare(made: Routes, name: str, kind: type[Command], send: Callable[..., Any]) -> None:
    async def handler(call: Call, charger_id: str, query: Waiting, body: Any) -> Any:
        return await send(call, charger_id, name, query, body)

    handler.__doc__ = (
        f"{name}: {kind.title}.\n\n{inspect.getdoc(kind)}\n\n"
        "Answers when the outcome is known. With `wait_s` it answers after that time at the latest, with 202 and the command as it is"
        " then: poll the `Location`. What is asked for goes on although nobody waits for it any more."
    )
    made.post(
        f"/chargers/<path:charger_id>/commands/{name}",
        needs="commands:send",
        reach=CHARGER,
        name=name,
        body=kind,
        tells=CommandAnswer,
        moves=True,
        limit_s=None,
        errors=_ERRORS,
        example=EXAMPLES.get(name),
    )(handler)


async def awaited(call: Call, pending: Pending, wait_s: float | None) -> Reply:
    """The answer to a command as soon as it has ended, or after ``wait_s`` that it has not."""
    with trio.move_on_after(PATIENCE_S if wait_s is None else wait_s):
        await pending.ended.wait()
    if pending.ended.is_set():
        return Reply(body=pending.result())
    location = {"Location": f"/api/v1/commands/{pending.command_id}", "Retry-After": "1"}
    return Reply(body=await call.read(service.need, pending.command_id), status=202, headers=location)
