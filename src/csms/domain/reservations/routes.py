"""Reservations over HTTP: what there is, making one, changing it, cancelling it."""

from __future__ import annotations

from typing import Any

import attrs
from quart import Blueprint, Response, request

from csms.api.bodies import answer, body
from csms.api.problems import Problem
from csms.core.commands import Outcome
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.outcomes import plain
from csms.core.ports import Ports, ReadTx
from csms.core.reports import Token

from . import flows, service, store
from .model import STATES, Reservation, Settings

PAGE = 100
LARGEST_PAGE = 1000


@attrs.frozen(slots=True, kw_only=True)
class Wanted:
    """The body that changes a reservation: the place (EVSE 0 is any connector), the token, the instant at which it ends."""

    place: Place = Place()
    token: Token
    expires_at: int


@attrs.frozen(slots=True, kw_only=True)
class Made(Wanted):
    """The body that makes a reservation."""

    charger_id: str


def facts(known: Reservation) -> dict[str, Any]:
    """A reservation as the API shows it."""
    shown = attrs.asdict(known)
    for inner in ("asks", "ask_at", "shown", "replaced"):
        del shown[inner]
    return shown


def blueprint(ports: Ports, settings: Settings) -> Blueprint:
    """Routes of this slice."""
    routes = Blueprint("reservations", __name__)

    @routes.get("/reservations")
    async def some() -> Response:
        which = store.Filter(
            state=_one_of("state", STATES),
            charger_id=request.args.get("charger_id"),
            token=request.args.get("token"),
            open={"true": True, "false": False, None: None}[_one_of("open", ("true", "false"))],
        )
        limit, before = _number("limit", LARGEST_PAGE) or PAGE, _number("before")

        def query(tx: ReadTx) -> Any:
            return store.page(tx, which, before=before, limit=limit)

        found = await ports.database.read(query, tenant=DEFAULT_TENANT)
        return answer({"items": [facts(each) for each in found]})

    @routes.get("/reservations/<int:reservation_id>")
    async def one(reservation_id: int) -> Response:
        return answer(facts(await ports.database.read(service.need_reservation, reservation_id, tenant=DEFAULT_TENANT)))

    @routes.post("/reservations")
    async def make() -> Response:
        wanted = await body(Made)
        return _told(
            *await flows.reserve(ports, settings, DEFAULT_TENANT, wanted.charger_id, wanted.place, wanted.token, wanted.expires_at),
            status=201,
        )

    @routes.post("/reservations/<int:reservation_id>/change")
    async def change(reservation_id: int) -> Response:
        wanted = await body(Wanted)
        return _told(
            *await flows.change(ports, settings, DEFAULT_TENANT, reservation_id, wanted.place, wanted.token, wanted.expires_at)
        )

    @routes.post("/reservations/<int:reservation_id>/cancel")
    async def cancel(reservation_id: int) -> Response:
        return _told(*await flows.cancel(ports, settings, DEFAULT_TENANT, reservation_id))

    return routes


def _told(known: Reservation, outcome: Outcome, *, status: int = 200) -> Response:
    return answer({**plain(outcome), "reservation": facts(known)}, status)


def _one_of(name: str, options: tuple[str, ...]) -> str | None:
    text = request.args.get(name)
    if text is not None and text not in options:
        raise Problem(422, "Invalid Input", f"{name} must be one of {', '.join(options)}, not {text!r}")
    return text


def _number(name: str, most: int = 2**31 - 1) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most):
        raise Problem(422, "Invalid Input", f"{name} must be a whole number from 1 to {most}, not {text!r}")
    return int(text)
