"""Drivers, their vehicles and their timelines, for staff."""

from __future__ import annotations

from collections.abc import Mapping

from csms.api.calls import Call, Subject
from csms.api.routes import Reply, Routes
from csms.core.paging import Page, Stretch
from csms.core.ports import ReadTx
from csms.domain.drivers import service, store
from csms.domain.drivers.model import (
    Activity,
    ActivityQuery,
    ActivitySource,
    Driver,
    DriverChanges,
    DriversQuery,
    Favourite,
    FavouritesQuery,
    NewDriver,
    NewVehicle,
    Vehicle,
    VehicleChanges,
    VehiclesQuery,
)
from csms.domain.drivers.service import people, vehicles

_EXAMPLE = {
    "name": "Asha Rao",
    "email": "asha@example.org",
    "phone": "+91 20 5550 1234",
    "language": "en-IN",
    "membership": "gold",
    "groups": ["staff"],
    "preferences": {"units": "km"},
}
_VEHICLE = {
    "make": "Tata",
    "model": "Nexon EV",
    "plate": "MH 12 AB 1234",
    "battery_wh": 40500,
    "connector_types": ["CCS2", "Type2"],
}
TAKEN = {409: "another driver has the e-mail address or the reference"}
TAKEN_VEHICLE = {409: "another vehicle has the plate or the VIN"}


def routes(sources: Mapping[str, ActivitySource]) -> Routes:
    """Routes of drivers."""
    made = Routes("drivers", "The people who charge, their vehicles, and what they did.")

    @made.get("/drivers", needs="drivers:read")
    async def list_(call: Call, query: DriversQuery) -> Page[Driver]:
        """Drivers. Archived ones are listed only where `status=archived` asks for them."""
        return await call.read(store.drivers_page, query)

    @made.post("/drivers", needs="drivers:write", tells=Driver, status=201, errors=TAKEN, example=_EXAMPLE)
    async def add(call: Call, body: NewDriver) -> Reply:
        """Add a driver. Give them a token with `POST /tokens`."""
        added = await call.write(people.add, body, makes="driver")
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/drivers/{added.id}"})

    @made.get("/drivers/<int:driver_id>", needs="drivers:read")
    async def show(call: Call, driver_id: int) -> Driver:
        """One driver, archived or not."""
        return await call.read(service.known_driver, driver_id)

    @made.patch(
        "/drivers/<int:driver_id>",
        needs="drivers:write",
        errors=TAKEN,
        example={"phone": "+919812345678", "membership": "gold", "groups": ["fleet"]},
    )
    async def change(call: Call, driver_id: int, body: DriverChanges) -> Driver:
        """Change a driver: what is not given stays, and an empty text clears."""
        return await call.write(people.change, driver_id, body, of=_subject(driver_id))

    @made.delete("/drivers/<int:driver_id>", needs="drivers:write", errors={409: "they have tokens"})
    async def remove(call: Call, driver_id: int) -> None:
        """Archive a driver, who must have no tokens any more.

        Their row stays, because transactions name it; vehicles, favourites and grants go. `POST /drivers/{driver_id}/restore` brings
        them back.
        """
        await call.write(service.remove_driver, driver_id, of=_subject(driver_id))

    @made.post(
        "/drivers/<int:driver_id>/restore", needs="drivers:write", errors={409: "not archived, or their e-mail address is taken"}
    )
    async def restore(call: Call, driver_id: int) -> Driver:
        """Bring an archived driver back."""
        return await call.write(service.restore_driver, driver_id, of=_subject(driver_id))

    @made.post("/drivers/<int:driver_id>/block", needs="drivers:write")
    async def block(call: Call, driver_id: int) -> Driver:
        """Block every token of a driver."""
        await call.write(service.block_driver, driver_id, of=_subject(driver_id))
        return await call.read(service.need_driver, driver_id)

    @made.post("/drivers/<int:driver_id>/unblock", needs="drivers:write")
    async def unblock(call: Call, driver_id: int) -> Driver:
        """Undo block."""
        await call.write(service.unblock_driver, driver_id, of=_subject(driver_id))
        return await call.read(service.need_driver, driver_id)

    @made.get("/drivers/<int:driver_id>/activity", needs="drivers:read")
    async def activity(call: Call, driver_id: int, query: ActivityQuery) -> Stretch[Activity]:
        """What a driver did and what became of it, as one timeline, the newest first."""

        def timeline(tx: ReadTx) -> Stretch[Activity]:
            service.known_driver(tx, driver_id)
            return service.timeline(tx, driver_id, sources, query)

        return await call.read(timeline)

    @made.get("/drivers/<int:driver_id>/favourites", needs="drivers:read")
    async def favourites(call: Call, driver_id: int, query: FavouritesQuery) -> Page[Favourite]:
        """A driver's favourite stations."""

        def listed(tx: ReadTx) -> Page[Favourite]:
            service.known_driver(tx, driver_id)
            return store.favourites_page(tx, driver_id, query)

        return await call.read(listed)

    @made.get("/drivers/<int:driver_id>/vehicles", needs="drivers:read")
    async def list_vehicles(call: Call, driver_id: int, query: VehiclesQuery) -> Page[Vehicle]:
        """A driver's vehicles."""

        def listed(tx: ReadTx) -> Page[Vehicle]:
            service.known_driver(tx, driver_id)
            return store.vehicles_page(tx, driver_id, query)

        return await call.read(listed)

    @made.post(
        "/drivers/<int:driver_id>/vehicles",
        needs="drivers:write",
        tells=Vehicle,
        status=201,
        errors=TAKEN_VEHICLE,
        example=_VEHICLE,
    )
    async def add_vehicle(call: Call, driver_id: int, body: NewVehicle) -> Reply:
        """Add a vehicle; a driver's first is the default one."""
        added = await call.write(vehicles.add, driver_id, body, makes="vehicle")
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/drivers/{driver_id}/vehicles/{added.id}"})

    @made.get("/drivers/<int:driver_id>/vehicles/<int:vehicle_id>", needs="drivers:read")
    async def show_vehicle(call: Call, driver_id: int, vehicle_id: int) -> Vehicle:
        """One vehicle."""
        return await call.read(vehicles.need_vehicle, driver_id, vehicle_id)

    @made.patch(
        "/drivers/<int:driver_id>/vehicles/<int:vehicle_id>",
        needs="drivers:write",
        errors=TAKEN_VEHICLE,
        example={"plate": "KA 01 AB 1234", "battery_wh": 40500, "is_default": True},
    )
    async def change_vehicle(call: Call, driver_id: int, vehicle_id: int, body: VehicleChanges) -> Vehicle:
        """Change a vehicle."""
        return await call.write(vehicles.change_vehicle, driver_id, vehicle_id, body, of=vehicle_subject(driver_id, vehicle_id))

    @made.delete("/drivers/<int:driver_id>/vehicles/<int:vehicle_id>", needs="drivers:write")
    async def remove_vehicle(call: Call, driver_id: int, vehicle_id: int) -> None:
        """Delete a vehicle: nothing names it."""
        await call.write(service.remove_vehicle, vehicle_id, driver_id, of=vehicle_subject(driver_id, vehicle_id))

    return made


def _subject(driver_id: int) -> Subject:
    return Subject("driver", str(driver_id), lambda tx: service.known_driver(tx, driver_id))


def vehicle_subject(driver_id: int, vehicle_id: int) -> Subject:
    """A vehicle, for the audit log and If-Match."""
    return Subject("vehicle", str(vehicle_id), lambda tx: vehicles.need_vehicle(tx, driver_id, vehicle_id))
