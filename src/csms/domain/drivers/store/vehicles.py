"""SQL of drivers' vehicles and favourite stations."""

from __future__ import annotations

from typing import Any

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.drivers.model import Favourite, FavouritesQuery, Vehicle, VehiclesQuery
from csms.domain.listing import Listing, page

VEHICLES = Listing(
    columns="id, driver_id, name, plate, vin, make, model, battery_wh, connector_types, is_default",
    source="vehicles WHERE tenant = :tenant",
    filters={
        "driver_id": "driver_id = :driver_id",
        "make": "lower(make) = lower(:make)",
        "connector_type": "replace(',' || connector_types || ',', ',' || :connector_type || ',', '') <> ',' || connector_types || ','",
        "is_default": "is_default = :is_default",
    },
    search="lower(name) LIKE :search ESCAPE '!' OR lower(plate) LIKE :search ESCAPE '!' OR lower(vin) LIKE :search ESCAPE '!'"
    " OR lower(make) LIKE :search ESCAPE '!' OR lower(model) LIKE :search ESCAPE '!'",
    sorts={"id": "id", "name": "name", "make": "make"},
    unique="id",
)
_VEHICLE = f"SELECT {VEHICLES.columns} FROM {VEHICLES.source}"  # noqa: S608 - our own words


def vehicles_page(tx: ReadTx, driver_id: int, query: VehiclesQuery) -> Page[Vehicle]:
    """A page of a driver's vehicles."""
    return page(tx, VEHICLES, query, _vehicle, driver_id=driver_id)


def list_vehicles(tx: ReadTx, driver_id: int) -> list[Vehicle]:
    """A driver's vehicles."""
    return [_vehicle(row) for row in tx.all(_VEHICLE + " AND driver_id = :driver_id ORDER BY id", driver_id=driver_id)]


def vehicle(tx: ReadTx, vehicle_id: int) -> Vehicle | None:
    """One vehicle of the tenant."""
    row = tx.one(_VEHICLE + " AND id = :vehicle_id", vehicle_id=vehicle_id)
    return None if row is None else _vehicle(row)


_TAKEN = """
SELECT id FROM vehicles
WHERE tenant = :tenant AND id <> :id AND ((plate = :plate AND plate <> '') OR (vin = :vin AND vin <> '')) LIMIT 1"""


def clashes(tx: ReadTx, changed: Vehicle) -> bool:
    """Whether another vehicle has its plate or VIN."""
    return tx.value(_TAKEN, id=changed.id, plate=changed.plate, vin=changed.vin) is not None


def insert_vehicle(tx: Tx, new: Vehicle) -> int | None:
    """The id of the new vehicle, None when plate or VIN is another vehicle's."""
    found: int | None = tx.value(
        """
        INSERT INTO vehicles (tenant, driver_id, name, plate, vin, make, model, battery_wh, connector_types, created_at)
        VALUES (:tenant, :driver_id, :name, :plate, :vin, :make, :model, :battery_wh, :connector_types, :created_at)
        ON CONFLICT DO NOTHING RETURNING id""",
        created_at=tx.now,
        driver_id=new.driver_id,
        **_values(new),
    )
    return found


def update_vehicle(tx: Tx, changed: Vehicle) -> None:
    """Store a changed vehicle; whether it is the default one, ``set_default`` says."""
    tx.run(
        "UPDATE vehicles SET name = :name, plate = :plate, vin = :vin, make = :make, model = :model, battery_wh = :battery_wh,"
        " connector_types = :connector_types WHERE id = :id AND tenant = :tenant",
        id=changed.id,
        **_values(changed),
    )


def set_default(tx: Tx, driver_id: int, vehicle_id: int | None) -> None:
    """Say which vehicle a driver usually charges, None for none."""
    tx.run(
        "UPDATE vehicles SET is_default = 0 WHERE driver_id = :driver_id AND tenant = :tenant AND is_default = 1",
        driver_id=driver_id,
    )
    if vehicle_id is not None:
        tx.run("UPDATE vehicles SET is_default = 1 WHERE id = :vehicle_id AND tenant = :tenant", vehicle_id=vehicle_id)


def delete_vehicle(tx: Tx, vehicle_id: int) -> bool:
    """Delete a vehicle; False when there is none."""
    return tx.run("DELETE FROM vehicles WHERE id = :vehicle_id AND tenant = :tenant", vehicle_id=vehicle_id) > 0


def _values(vehicle: Vehicle) -> dict[str, Any]:
    return {
        "name": vehicle.name,
        "plate": vehicle.plate,
        "vin": vehicle.vin,
        "make": vehicle.make,
        "model": vehicle.model,
        "battery_wh": vehicle.battery_wh,
        "connector_types": ",".join(vehicle.connector_types),
    }


def _vehicle(row: Row) -> Vehicle:
    types = tuple(each for each in row["connector_types"].split(",") if each)
    return Vehicle(**{**row, "connector_types": types, "is_default": bool(row["is_default"])})


# --- favourites -----------------------------------------------------------------------------------------------------------------

FAVOURITES = Listing(
    columns="s.id AS station_id, s.name, s.address, s.latitude, s.longitude, f.added_at",
    source="driver_favourites f JOIN stations s ON s.id = f.station_id WHERE f.tenant = :tenant",
    filters={"driver_id": "f.driver_id = :driver_id", "status": "s.status = :status", "city": "s.city = :city"},
    search="lower(s.name) LIKE :search ESCAPE '!' OR lower(s.address) LIKE :search ESCAPE '!'",
    sorts={"name": "s.name", "added_at": "f.added_at"},
    unique="s.id",
)


def favourites_page(tx: ReadTx, driver_id: int, query: FavouritesQuery) -> Page[Favourite]:
    """A page of a driver's favourite stations."""
    return page(tx, FAVOURITES, query, _favourite, driver_id=driver_id)


def add_favourite(tx: Tx, driver_id: int, station_id: int) -> None:
    """Make a station a driver's favourite; nothing changes where it is one."""
    tx.run(
        "INSERT INTO driver_favourites (tenant, driver_id, station_id, added_at) VALUES (:tenant, :driver_id, :station_id, :now)"
        " ON CONFLICT DO NOTHING",
        driver_id=driver_id,
        station_id=station_id,
    )


def remove_favourite(tx: Tx, driver_id: int, station_id: int) -> bool:
    """Make a station no favourite any more; False when it was none."""
    sql = "DELETE FROM driver_favourites WHERE driver_id = :driver_id AND station_id = :station_id AND tenant = :tenant"
    return tx.run(sql, driver_id=driver_id, station_id=station_id) > 0


def count_favourites(tx: ReadTx, driver_id: int) -> int:
    """How many favourites a driver has."""
    return int(
        tx.value("SELECT count(*) FROM driver_favourites WHERE driver_id = :driver_id AND tenant = :tenant", driver_id=driver_id)
    )


def _favourite(row: Row) -> Favourite:
    return Favourite(**row)
