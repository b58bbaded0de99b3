"""Connected chargers over HTTP: who is there, commands to them, letting a pending one in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
from quart import Blueprint, Response, request

from csms.api.bodies import answer, body
from csms.api.problems import Problem
from csms.core.commands import COMMANDS, Command, Outcome
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.outcomes import plain
from csms.core.ports import Ports

from .relay import Limited

MAX_WAIT_S = 300.0

CommandFlow = Callable[[Ports, TenantId, str, Any], Awaitable[tuple[Outcome, dict[str, Any]]]]
"""``flow(ports, tenant, charger_id, command)``: the outcome, and what else the answer should say."""
ApproveFlow = Callable[[Ports, TenantId, str], Awaitable[None]]


def blueprint(ports: Ports, *, flows: Mapping[type[Command], CommandFlow], approve: ApproveFlow) -> Blueprint:
    """Routes of this slice. A command that a higher slice must prepare or follow up goes through its entry in ``flows``."""
    routes = Blueprint("stations", __name__)

    @routes.get("/connections")
    async def connections() -> Response:
        return answer({"items": [attrs.asdict(each) for each in ports.chargers.connections() if each.tenant == DEFAULT_TENANT]})

    @routes.delete("/connections/<path:charger_id>")
    async def drop(charger_id: str) -> Response:
        if not await ports.chargers.drop(charger_id, "dropped by the operator"):
            raise Problem(404, "Not Found", f"charger {charger_id} is not connected")
        return answer({"dropped": charger_id})

    @routes.get("/chargers/<path:charger_id>/commands")
    async def commands(charger_id: str) -> Response:
        can_say = ports.chargers.can_say(charger_id)
        return answer({"items": [{"name": name, "title": COMMANDS[name].title, "supported": name in can_say} for name in COMMANDS]})

    @routes.post("/chargers/<path:charger_id>/commands/<name>")
    async def send(charger_id: str, name: str) -> Response:
        kind = COMMANDS.get(name)
        if kind is None:
            raise Problem(404, "Not Found", f"no command {name}; there are {', '.join(sorted(COMMANDS))}")
        command = await body(kind)
        flow = flows.get(kind)
        more: dict[str, Any] = {}
        if flow is not None:
            limited = attrs.evolve(ports, chargers=Limited(ports.chargers, _seconds("ttl_s"), _seconds("timeout_s")))
            outcome, more = await flow(limited, DEFAULT_TENANT, charger_id, command)
        else:
            outcome = await ports.chargers.send(charger_id, command, ttl_s=_seconds("ttl_s"), timeout_s=_seconds("timeout_s"))
        return answer({**plain(outcome), **more})

    @routes.post("/chargers/<path:charger_id>/approve")
    async def let_in(charger_id: str) -> Response:
        await approve(ports, DEFAULT_TENANT, charger_id)
        return answer({"charger_id": charger_id, "approval": "accepted"})

    return routes


def _seconds(name: str) -> float | None:
    text = request.args.get(name)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= MAX_WAIT_S:
        raise Problem(422, "Invalid Input", f"{name} must be a number of seconds above 0 and at most {MAX_WAIT_S:g}, not {text!r}")
    return seconds
