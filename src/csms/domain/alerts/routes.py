"""Alerts over HTTP: what there is, and saying that somebody looks after one or that it is over."""

from __future__ import annotations

from typing import Any

import attrs
from quart import Blueprint, Response, request

from csms.api.bodies import answer, body
from csms.api.problems import Problem
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Ports, ReadTx

from . import service, store
from .model import SEVERITIES

PAGE = 100
LARGEST_PAGE = 1000
_YES_NO = {"true": True, "false": False}


@attrs.frozen(slots=True, kw_only=True)
class Word:
    """What somebody says of an alert."""

    by: str = "operator"
    note: str = ""


def blueprint(ports: Ports) -> Blueprint:
    """Routes of this slice."""
    routes = Blueprint("alerts", __name__)

    @routes.get("/alerts")
    async def some() -> Response:
        severity = request.args.get("severity")
        if severity is not None and severity not in SEVERITIES:
            raise Problem(422, "Invalid Input", f"severity must be one of {', '.join(SEVERITIES)}, not {severity!r}")
        which = store.Filter(
            kind=request.args.get("kind"),
            severity=severity,
            charger_id=request.args.get("charger_id"),
            open=_flag("open"),
            acknowledged=_flag("acknowledged"),
        )
        limit, before = _number("limit", LARGEST_PAGE) or PAGE, _number("before", 2**63 - 1)

        def query(tx: ReadTx) -> Any:
            return store.page(tx, which, before=before, limit=limit)

        found = await ports.database.read(query, tenant=DEFAULT_TENANT)
        return answer({"items": [attrs.asdict(each) for each in found]})

    @routes.get("/alerts/<int:alert_id>")
    async def one(alert_id: int) -> Response:
        return answer(attrs.asdict(await ports.database.read(service.need_alert, alert_id, tenant=DEFAULT_TENANT)))

    @routes.post("/alerts/<int:alert_id>/acknowledge")
    async def acknowledge(alert_id: int) -> Response:
        said = await body(Word)
        known = await ports.database.write(service.acknowledge, alert_id, said.by, said.note, tenant=DEFAULT_TENANT)
        return answer(attrs.asdict(known))

    @routes.post("/alerts/<int:alert_id>/resolve")
    async def resolve(alert_id: int) -> Response:
        said = await body(Word)
        known = await ports.database.write(service.resolve, alert_id, said.by, said.note, tenant=DEFAULT_TENANT)
        return answer(attrs.asdict(known))

    return routes


def _flag(name: str) -> bool | None:
    text = request.args.get(name)
    if text is not None and text not in _YES_NO:
        raise Problem(422, "Invalid Input", f"{name} must be true or false, not {text!r}")
    return None if text is None else _YES_NO[text]


def _number(name: str, most: int) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most):
        raise Problem(422, "Invalid Input", f"{name} must be a whole number from 1 to {most}, not {text!r}")
    return int(text)
