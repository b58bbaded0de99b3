"""Drivers' vehicles and favourite stations. Nothing names a vehicle, so it is deleted when it goes."""

from __future__ import annotations

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ports import ReadTx, Tx
from csms.domain.drivers import store
from csms.domain.drivers.model import NewVehicle, Vehicle, VehicleChanges, driver_key

from .people import need_driver, text
from .places import need_visible

MOST_VEHICLES = 100
MOST_FAVOURITES = 500


def need_vehicle(tx: ReadTx, driver_id: int, vehicle_id: int) -> Vehicle:
    """A driver's vehicle. Raises ``NotFound``."""
    found = store.vehicle(tx, vehicle_id)
    if found is None or found.driver_id != driver_id:
        raise NotFound(f"driver {driver_id} has no vehicle {vehicle_id}")
    return found


def vehicles_of(tx: ReadTx, driver_id: int) -> list[Vehicle]:
    """A driver's vehicles, the oldest first. Raises ``NotFound``."""
    need_driver(tx, driver_id)
    return store.list_vehicles(tx, driver_id)


def add_vehicle(
    tx: Tx, driver_id: int, *, name: str = "", plate: str = "", vin: str = "", make: str = "", model: str = ""
) -> Vehicle:
    """Add a driver's vehicle. Raises ``Invalid`` where nothing identifies it, ``NotFound`` or ``Conflict``."""
    return _add(tx, Vehicle(id=0, driver_id=driver_id, name=name, plate=plate, vin=vin, make=make, model=model))


def add(tx: Tx, driver_id: int, new: NewVehicle) -> Vehicle:
    """Add a driver's vehicle; the first is the default one. Raises like ``add_vehicle``, and ``Refused`` for one too many."""
    return _add(tx, Vehicle(id=0, driver_id=driver_id, **attrs.asdict(new)))


def _add(tx: Tx, new: Vehicle) -> Vehicle:
    tx.claim(driver_key(tx.tenant, new.driver_id))
    others = vehicles_of(tx, new.driver_id)
    if len(others) >= MOST_VEHICLES:
        raise Refused(f"driver {new.driver_id} has {len(others)} vehicles; that is enough")
    wanted = _tidy(new)
    added = store.insert_vehicle(tx, wanted)
    if added is None:
        raise Conflict(_taken(wanted))
    if new.is_default or not others:
        store.set_default(tx, new.driver_id, added)
    return need_vehicle(tx, new.driver_id, added)


def change_vehicle(tx: Tx, driver_id: int, vehicle_id: int, changes: VehicleChanges) -> Vehicle:
    """Change a vehicle; what is None stays. Raises ``NotFound``, ``Invalid`` or ``Conflict``."""
    tx.claim(driver_key(tx.tenant, driver_id))
    stored = need_vehicle(tx, driver_id, vehicle_id)
    given = {name: value for name, value in attrs.asdict(changes).items() if value is not None and name != "clear"}
    wanted = _tidy(attrs.evolve(stored, **{**given, **dict.fromkeys(changes.clear)}))
    if store.vehicle_clashes(tx, wanted):
        raise Conflict(_taken(wanted))
    store.update_vehicle(tx, wanted)
    if wanted.is_default != stored.is_default:
        store.set_default(tx, driver_id, vehicle_id if wanted.is_default else None)
    return need_vehicle(tx, driver_id, vehicle_id)


def remove_vehicle(tx: Tx, vehicle_id: int, driver_id: int | None = None) -> None:
    """Remove a vehicle (of that driver, where one is named). Raises ``NotFound``."""
    stored = store.vehicle(tx, vehicle_id)
    if stored is None or driver_id not in (None, stored.driver_id):
        raise NotFound(f"there is no vehicle {vehicle_id}")
    tx.claim(driver_key(tx.tenant, stored.driver_id))
    store.delete_vehicle(tx, vehicle_id)


def add_favourite(tx: Tx, driver_id: int, station_id: int) -> None:
    """Make a station a driver's favourite. Raises ``NotFound``, or ``Refused`` for one too many."""
    tx.claim(driver_key(tx.tenant, driver_id))
    need_driver(tx, driver_id)
    need_visible(tx, driver_id, station_id)
    if store.count_favourites(tx, driver_id) >= MOST_FAVOURITES:
        raise Refused(f"driver {driver_id} has {MOST_FAVOURITES} favourites; remove one first")
    store.add_favourite(tx, driver_id, station_id)


def remove_favourite(tx: Tx, driver_id: int, station_id: int) -> None:
    """Make a station no favourite any more. Raises ``NotFound`` when it was none."""
    tx.claim(driver_key(tx.tenant, driver_id))
    if not store.remove_favourite(tx, driver_id, station_id):
        raise NotFound(f"station {station_id} is no favourite of driver {driver_id}")


def _tidy(vehicle: Vehicle) -> Vehicle:
    """A vehicle as it may be stored. Raises ``Invalid``."""
    make, model = text("make", vehicle.make), text("model", vehicle.model)
    plate, vin = text("plate", vehicle.plate).upper(), text("vin", vehicle.vin).upper()
    name = text("name", vehicle.name)
    if not (name or plate or vin):
        name = " ".join((make, model)) if make and model else ""
    if not (name or plate or vin):
        raise Invalid("a vehicle has a name, a plate, a VIN, or make and model", field="name")
    types = tuple(dict.fromkeys(text("connector_types", each) for each in vehicle.connector_types))
    return attrs.evolve(vehicle, name=name[:200], plate=plate, vin=vin, make=make, model=model, connector_types=types)


def _taken(wanted: Vehicle) -> str:
    return f"another vehicle has the plate {wanted.plate!r} or the VIN {wanted.vin!r}"
