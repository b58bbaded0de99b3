"""SQL of drivers and their vehicles."""

from __future__ import annotations

from typing import Any

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.drivers.model import Driver, Vehicle

_SELECT = """
SELECT id, name, email, phone, reference, status, created_at FROM drivers WHERE tenant = :tenant AND removed_at IS NULL"""


def driver(tx: ReadTx, driver_id: int) -> Driver | None:
    """One driver of the tenant."""
    row = tx.one(_SELECT + " AND id = :driver_id", driver_id=driver_id)
    return None if row is None else _driver(row)


def list_drivers(tx: ReadTx, *, after: int = 0, limit: int = 100) -> list[Driver]:
    """Drivers of the tenant by id, a page of ``limit`` after the id ``after``."""
    return [_driver(row) for row in tx.all(_SELECT + " AND id > :after ORDER BY id LIMIT :limit", after=after, limit=limit)]


def insert_driver(tx: Tx, *, name: str, email: str, phone: str, reference: str) -> int | None:
    """The id of the new driver, None when e-mail address or reference is another driver's."""
    found: int | None = tx.value(
        """
        INSERT INTO drivers (tenant, name, email, email_folded, phone, reference, created_at)
        VALUES (:tenant, :name, :email, :email_folded, :phone, :reference, :created_at) ON CONFLICT DO NOTHING RETURNING id""",
        name=name,
        email=email,
        email_folded=email.casefold(),
        phone=phone,
        reference=reference,
        created_at=tx.now,
    )
    return found


def set_driver_status(tx: Tx, driver_id: int, status: str) -> bool:
    """Block or unblock a driver; False when there is none."""
    touched = tx.run(
        "UPDATE drivers SET status = :status WHERE id = :driver_id AND tenant = :tenant AND removed_at IS NULL",
        driver_id=driver_id,
        status=status,
    )
    return touched > 0


def remove_driver(tx: Tx, driver_id: int) -> None:
    """Take a driver away with vehicles and grants; the row stays."""
    tx.run(
        "UPDATE drivers SET removed_at = :removed_at WHERE id = :driver_id AND tenant = :tenant",
        driver_id=driver_id,
        removed_at=tx.now,
    )
    tx.run("DELETE FROM vehicles WHERE driver_id = :driver_id AND tenant = :tenant", driver_id=driver_id)
    tx.run("DELETE FROM grants WHERE driver_id = :driver_id AND tenant = :tenant", driver_id=driver_id)


def has_tokens(tx: ReadTx, driver_id: int) -> bool:
    """Whether a driver has a token."""
    found = tx.value(
        "SELECT 1 FROM tokens WHERE driver_id = :driver_id AND tenant = :tenant AND removed_at IS NULL LIMIT 1", driver_id=driver_id
    )
    return found is not None


# --- vehicles -------------------------------------------------------------------------------------------------------------------

_VEHICLE = "SELECT id, driver_id, name, plate, vin, make, model FROM vehicles WHERE tenant = :tenant"


def list_vehicles(tx: ReadTx, driver_id: int) -> list[Vehicle]:
    """A driver's vehicles."""
    return [_vehicle(row) for row in tx.all(_VEHICLE + " AND driver_id = :driver_id ORDER BY id", driver_id=driver_id)]


def insert_vehicle(tx: Tx, **values: Any) -> int | None:
    """The id of the new vehicle, None when plate or VIN is another vehicle's. ``values`` are the columns but id and tenant."""
    found: int | None = tx.value(
        """
        INSERT INTO vehicles (tenant, driver_id, name, plate, vin, make, model, created_at)
        VALUES (:tenant, :driver_id, :name, :plate, :vin, :make, :model, :created_at) ON CONFLICT DO NOTHING RETURNING id""",
        created_at=tx.now,
        **values,
    )
    return found


def delete_vehicle(tx: Tx, vehicle_id: int) -> bool:
    """Delete a vehicle; False when there is none."""
    return tx.run("DELETE FROM vehicles WHERE id = :vehicle_id AND tenant = :tenant", vehicle_id=vehicle_id) > 0


def _driver(row: Row) -> Driver:
    return Driver(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        phone=row["phone"],
        reference=row["reference"],
        status=row["status"],
        created_at=row["created_at"],
    )


def _vehicle(row: Row) -> Vehicle:
    return Vehicle(
        id=row["id"],
        driver_id=row["driver_id"],
        name=row["name"],
        plate=row["plate"],
        vin=row["vin"],
        make=row["make"],
        model=row["model"],
    )
