"""Reservations over HTTP: what there is, making one, changing it, cancelling it."""

from __future__ import annotations

import attrs
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER_LIMIT_S, LIST, Reply, Routes
from csms.core.commands import Outcome
from csms.core.ids import Place
from csms.core.outcomes import Told, facts
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.core.reports import Token

from . import flows, service, store
from .model import Reservation, ReservationItem, ReservationsQuery, Settings

LONGEST = 255


@attrs.frozen(slots=True, kw_only=True)
class NewReservation:
    """A reservation to be made. The whole charger as ``place`` is any one connector; ``parent`` names the group that may use it.

    Without a ``parent`` that is the token's own group.
    """

    charger_id: str = attrs.field(validator=validators.max_len(LONGEST))
    place: Place = Place()
    token: Token
    expires_at: int
    parent: str = attrs.field(default="", validator=validators.max_len(LONGEST))


@attrs.frozen(slots=True, kw_only=True)
class ReservationChange:
    """Other terms for a reservation; what is not given stays. Another token brings its own group, unless ``parent`` names one."""

    place: Place | None = None
    token: Token | None = None
    expires_at: int | None = None
    parent: str | None = attrs.field(default=None, validator=validators.optional(validators.max_len(LONGEST)))


@attrs.frozen(slots=True, kw_only=True)
class ReservationTold(Told):
    """What the charger made of it, and how the reservation stands."""

    reservation: ReservationItem


EXAMPLE = {
    "charger_id": "CP-0001",
    "place": {"evse": 1, "connector": 1},
    "token": {"value": "04A1B2C3"},
    "expires_at": "2030-01-31T12:00:00Z",
}


def routes(settings: Settings) -> Routes:
    """Routes of this slice."""
    made = Routes("reservations", "Connectors that chargers keep free for a token and its group.")

    @made.get("/reservations", needs="reservations:read", reach=LIST)
    async def list_(call: Call, query: ReservationsQuery) -> Page[ReservationItem]:
        """Reservations, the newest first."""
        return await call.read(store.page_of_reservations, query, call.stations)

    @made.get("/reservations/<int:reservation_id>", needs="reservations:read", reach=LIST)
    async def show(call: Call, reservation_id: int) -> ReservationItem:
        """One reservation."""
        return (await need(call, reservation_id)).public

    @made.post(
        "/reservations",
        needs="reservations:write",
        reach=LIST,
        status=201,
        tells=ReservationTold,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        example=EXAMPLE,
        errors={404: "there is no such charger", 409: "the token may not charge there, or the place is reserved already"},
    )
    async def make(call: Call, body: NewReservation) -> Reply:
        """Have a charger keep a connector free.

        A charger that says no leaves the reservation `refused`. Where it gives no answer the reservation is `pending`, and the charger
        is asked again until it is known what stands.
        """
        await call.needs_charger(body.charger_id)
        detail = {"charger_id": body.charger_id, "token": body.token.value, "place": str(body.place)}
        async with call.noting(Subject("charger", body.charger_id), detail) as noted:
            known, outcome = await flows.reserve(
                call.ports, settings, call.tenant, body.charger_id, body.place, body.token, body.expires_at, parent=body.parent
            )
            noted.of = subject(known.id)
            noted.detail["state"] = known.state
        return Reply(body=answer(known, outcome), status=201, headers={"Location": f"/api/v1/reservations/{known.id}"})

    @made.patch(
        "/reservations/<int:reservation_id>",
        needs="reservations:write",
        reach=LIST,
        limit_s=CHARGER_LIMIT_S,
        example={"expires_at": "2030-01-31T13:00:00Z"},
        errors={409: "it is not active, the token may not charge there, or the place is reserved already"},
    )
    async def change(call: Call, reservation_id: int, body: ReservationChange) -> ReservationTold:
        """Have the charger replace an active reservation by one on other terms. Until it takes them the old ones stand."""
        before = await need(call, reservation_id)
        parent = body.parent if body.parent is not None else before.parent if body.token is None else ""
        async with call.noting(subject(reservation_id)) as noted:
            known, outcome = await flows.change(
                call.ports,
                settings,
                call.tenant,
                reservation_id,
                before.place if body.place is None else body.place,
                Token(before.token, before.token_kind) if body.token is None else body.token,
                before.expires_at if body.expires_at is None else body.expires_at,
                parent=parent,
            )
            noted.detail |= {"before": before.public, "after": known.public}
        return answer(known, outcome)

    @made.post(
        "/reservations/<int:reservation_id>/cancel",
        needs="reservations:write",
        reach=LIST,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        errors={409: "it has ended"},
    )
    async def cancel(call: Call, reservation_id: int) -> ReservationTold:
        """Take a reservation back. A charger that cannot be reached is told later; until then it is `cancelling`."""
        await need(call, reservation_id)
        async with call.noting(subject(reservation_id)) as noted:
            known, outcome = await flows.cancel(call.ports, settings, call.tenant, reservation_id)
            noted.detail["state"] = known.state
        return answer(known, outcome)

    return made


async def need(call: Call, reservation_id: int) -> Reservation:
    """A reservation that the caller may see. Raises ``NotFound``."""
    found = await call.read(service.need_reservation, reservation_id)
    await call.needs_charger(found.charger_id)
    return found


def subject(reservation_id: int) -> Subject:
    """A reservation, for the audit log and ``If-Match``."""

    def view(tx: ReadTx) -> ReservationItem:
        return service.need_reservation(tx, reservation_id).public

    return Subject("reservation", str(reservation_id), view)


def answer(known: Reservation, outcome: Outcome) -> ReservationTold:
    """What became of asking."""
    return ReservationTold(**facts(outcome), reservation=known.public)
