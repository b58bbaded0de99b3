"""What drivers see and change of themselves: profile, vehicles, tokens, favourites, and what they did."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import OWN, Reply, Routes
from csms.core.paging import Page, Stretch
from csms.core.ports import ReadTx
from csms.domain.drivers import service, store
from csms.domain.drivers.model import (
    Activity,
    ActivityQuery,
    ActivitySource,
    Driver,
    Favourite,
    FavouritesQuery,
    NewVehicle,
    ProfileChanges,
    TokenCard,
    TokensQuery,
    Vehicle,
    VehicleChanges,
    VehiclesQuery,
)
from csms.domain.drivers.service import cards, people, vehicles

from .people import TAKEN_VEHICLE, vehicle_subject


@attrs.frozen(slots=True, kw_only=True)
class Profile:
    """A driver as they see themselves: without what staff noted."""

    id: int
    name: str
    email: str
    phone: str
    address: str
    language: str
    membership: str
    groups: tuple[str, ...]
    preferences: Mapping[str, str]
    status: str
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class Lost:
    """The body that says why a token is to be blocked: its note from then on."""

    reason: str = attrs.field(default="lost", validator=[validators.min_len(1), validators.max_len(200)])


def own_driver(call: Call) -> int:
    """The driver who asks. Raises ``Problem`` 404 for who is none."""
    if call.who.driver_id is None:
        raise Problem(404, "Not Found", f"{call.who.name} is no driver of this tenant")
    return call.who.driver_id


def profile(tx: ReadTx, driver_id: int) -> Profile:
    """A driver as they see themselves. Raises ``NotFound``."""
    known = service.need_driver(tx, driver_id)
    return _profile(known)


def _profile(known: Driver) -> Profile:
    return Profile(**{field.name: getattr(known, field.name) for field in attrs.fields(Profile)})


def routes(sources: Mapping[str, ActivitySource]) -> Routes:
    """Routes under ``/me``."""
    made = Routes("me", "What drivers see and do themselves. Who is no driver gets 404.", tag="Me (driver)")

    @made.get("/me", needs="me:read", reach=OWN)
    async def show(call: Call) -> Profile:
        """One's own driver profile."""
        return await call.read(profile, own_driver(call))

    @made.patch("/me", needs="me:write", reach=OWN, example={"phone": "+919812345678", "language": "hi"})
    async def change(call: Call, body: ProfileChanges) -> Profile:
        """Change one's own profile. The e-mail address that one logs in with is changed in the account."""
        driver_id = own_driver(call)
        of = Subject("driver", str(driver_id), lambda tx: profile(tx, driver_id))
        return _profile(await call.write(people.change, driver_id, body, of=of))

    @made.get("/me/vehicles", needs="me:read", reach=OWN)
    async def list_vehicles(call: Call, query: VehiclesQuery) -> Page[Vehicle]:
        """One's own vehicles."""
        return await call.read(store.vehicles_page, own_driver(call), query)

    @made.post(
        "/me/vehicles",
        needs="me:write",
        reach=OWN,
        tells=Vehicle,
        status=201,
        errors=TAKEN_VEHICLE,
        example={"name": "Blue one", "plate": "KA 01 AB 1234", "battery_wh": 40500, "connector_types": ["IEC_62196_T2_COMBO"]},
    )
    async def add_vehicle(call: Call, body: NewVehicle) -> Reply:
        """Add a vehicle; the first is the default one."""
        added = await call.write(vehicles.add, own_driver(call), body, makes="vehicle")
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/me/vehicles/{added.id}"})

    @made.get("/me/vehicles/<int:vehicle_id>", needs="me:read", reach=OWN)
    async def show_vehicle(call: Call, vehicle_id: int) -> Vehicle:
        """One of one's own vehicles."""
        return await call.read(vehicles.need_vehicle, own_driver(call), vehicle_id)

    @made.patch("/me/vehicles/<int:vehicle_id>", needs="me:write", reach=OWN, errors=TAKEN_VEHICLE, example={"is_default": True})
    async def change_vehicle(call: Call, vehicle_id: int, body: VehicleChanges) -> Vehicle:
        """Change a vehicle."""
        driver_id = own_driver(call)
        return await call.write(vehicles.change_vehicle, driver_id, vehicle_id, body, of=vehicle_subject(driver_id, vehicle_id))

    @made.delete("/me/vehicles/<int:vehicle_id>", needs="me:write", reach=OWN)
    async def remove_vehicle(call: Call, vehicle_id: int) -> None:
        """Delete a vehicle."""
        driver_id = own_driver(call)
        await call.write(service.remove_vehicle, vehicle_id, driver_id, of=vehicle_subject(driver_id, vehicle_id))

    @made.get("/me/tokens", needs="me:read", reach=OWN)
    async def list_tokens(call: Call, query: TokensQuery) -> Page[TokenCard]:
        """One's own tokens: cards, and what the app charges with."""
        driver_id = own_driver(call)
        return await call.read(lambda tx: store.cards_page(tx, query, driver_id=driver_id))

    @made.get("/me/tokens/<int:token_id>", needs="me:read", reach=OWN)
    async def show_token(call: Call, token_id: int) -> TokenCard:
        """One of one's own tokens."""
        return await call.read(cards.own_card, own_driver(call), token_id)

    @made.post("/me/tokens/<int:token_id>/block", needs="me:write", reach=OWN, example={"reason": "left it on the train"})
    async def block_token(call: Call, token_id: int, body: Lost) -> TokenCard:
        """Block an own token at once, such as a lost card. Only staff can unblock it."""
        driver_id = own_driver(call)
        of = Subject("token", str(token_id), lambda tx: cards.own_card(tx, driver_id, token_id))
        return await call.write(cards.block_own, driver_id, token_id, body.reason, of=of)

    @made.get("/me/favourites", needs="me:read", reach=OWN)
    async def favourites(call: Call, query: FavouritesQuery) -> Page[Favourite]:
        """One's favourite stations."""
        return await call.read(store.favourites_page, own_driver(call), query)

    @made.put("/me/favourites/<int:station_id>", needs="me:write", reach=OWN, status=204, compared=False)
    async def add_favourite(call: Call, station_id: int) -> None:
        """Make a station a favourite; again changes nothing."""
        await call.write(vehicles.add_favourite, own_driver(call), station_id, of=Subject("favourite", str(station_id)))

    @made.delete("/me/favourites/<int:station_id>", needs="me:write", reach=OWN, compared=False)
    async def remove_favourite(call: Call, station_id: int) -> None:
        """Make a station no favourite any more."""
        await call.write(vehicles.remove_favourite, own_driver(call), station_id, of=Subject("favourite", str(station_id)))

    @made.get("/me/activity", needs="me:read", reach=OWN)
    async def activity(call: Call, query: ActivityQuery) -> Stretch[Activity]:
        """What one did and what became of it, as one timeline, the newest first."""
        return await call.read(service.timeline, own_driver(call), sources, query)

    return made
