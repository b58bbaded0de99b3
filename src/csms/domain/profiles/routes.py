"""Charging profiles over HTTP: a template sent to a charger, and what a charger holds."""

from __future__ import annotations

from typing import Any

import attrs
from quart import Blueprint, Response

from csms.api.bodies import answer, body
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.outcomes import plain
from csms.core.ports import Ports

from . import flows, store
from .model import Held, Rules


@attrs.frozen(slots=True, kw_only=True)
class SendTemplate:
    """The body of a POST: which template goes to which EVSE, 0 being the whole charger."""

    template: str
    evse: int = 0


def blueprint(ports: Ports, rules: Rules) -> Blueprint:
    """Routes of this slice."""
    routes = Blueprint("profiles", __name__)

    @routes.post("/chargers/<path:charger_id>/profiles")
    async def send(charger_id: str) -> Response:
        wanted = await body(SendTemplate)
        place = Place(wanted.evse, min(wanted.evse, 1))
        held, outcome = await flows.send_template(ports, rules, charger_id, place, wanted.template, tenant=DEFAULT_TENANT)
        return answer({**plain(outcome), **shown(held)})

    @routes.get("/chargers/<path:charger_id>/profiles")
    async def holds(charger_id: str) -> Response:
        held = await ports.database.read(store.of_charger, charger_id, tenant=DEFAULT_TENANT)
        return answer({"items": [shown(each) for each in held]})

    return routes


def shown(held: Held) -> dict[str, Any]:
    """What is worth knowing of a profile at a charger."""
    return {
        "profile_id": held.profile.id,
        "template": held.template,
        "evse": held.evse,
        "purpose": held.profile.purpose,
        "stack_level": held.profile.stack_level,
        "transaction_id": held.transaction_id,
        "state": held.state,
        "said": held.status,
        "leaving": held.leaving,
        "assigned": held.assignment_id is not None,
        "sent_at": held.sent_at,
        "profile": held.effective,
    }
