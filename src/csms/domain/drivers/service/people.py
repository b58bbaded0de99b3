"""What operators do with drivers and their vehicles."""

from __future__ import annotations

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ports import ReadTx, Tx
from csms.domain.drivers import store
from csms.domain.drivers.model import ACTIVE, BLOCKED, Driver, TokensChanged, Vehicle, driver_key


def need_driver(tx: ReadTx, driver_id: int) -> Driver:
    """A driver of the tenant. Raises ``NotFound``."""
    found = store.driver(tx, driver_id)
    if found is None:
        raise NotFound(f"there is no driver {driver_id}")
    return found


def add_driver(tx: Tx, name: str, *, email: str = "", phone: str = "", reference: str = "") -> Driver:
    """Add a driver. Raises ``Invalid``, or ``Conflict`` when the e-mail address or the reference is another driver's."""
    name, email, phone, reference = _text("name", name), _text("email", email), _text("phone", phone), _text("reference", reference)
    if not name:
        raise Invalid("a driver has a name", field="name")
    if email and "@" not in email[1:-1]:
        raise Invalid(f"{email!r} is no e-mail address", field="email")
    added = store.insert_driver(tx, name=name, email=email, phone=phone, reference=reference)
    if added is None:
        raise Conflict(f"another driver has the e-mail address {email!r} or the reference {reference!r}")
    return need_driver(tx, added)


def block_driver(tx: Tx, driver_id: int) -> None:
    """Block every token of a driver. Raises ``NotFound``."""
    _set_status(tx, driver_id, BLOCKED)


def unblock_driver(tx: Tx, driver_id: int) -> None:
    """Undo ``block_driver``. Raises ``NotFound``."""
    _set_status(tx, driver_id, ACTIVE)


def remove_driver(tx: Tx, driver_id: int) -> None:
    """Take a driver away with vehicles and grants; what they charged stays. Raises ``NotFound``, or ``Refused`` while they have tokens."""
    tx.claim(driver_key(tx.tenant, driver_id))
    driver = need_driver(tx, driver_id)
    if store.has_tokens(tx, driver_id):
        raise Refused(f"driver {driver.name!r} has tokens; move or remove them first")
    store.remove_driver(tx, driver_id)


def add_vehicle(
    tx: Tx, driver_id: int, *, name: str = "", plate: str = "", vin: str = "", make: str = "", model: str = ""
) -> Vehicle:
    """Add a driver's vehicle: a name, a plate or a VIN at least. Raises ``Invalid``, ``NotFound`` or ``Conflict``."""
    tx.claim(driver_key(tx.tenant, driver_id))
    need_driver(tx, driver_id)
    values = {
        "name": _text("name", name),
        "plate": _text("plate", plate).upper(),
        "vin": _text("vin", vin).upper(),
        "make": _text("make", make),
        "model": _text("model", model),
    }
    if not (values["name"] or values["plate"] or values["vin"]):
        raise Invalid("a vehicle has a name, a plate or a VIN", field="name")
    added = store.insert_vehicle(tx, driver_id=driver_id, **values)
    if added is None:
        raise Conflict(f"another vehicle has the plate {values['plate']!r} or the VIN {values['vin']!r}")
    return Vehicle(id=added, driver_id=driver_id, **values)


def remove_vehicle(tx: Tx, vehicle_id: int) -> None:
    """Remove a vehicle. Raises ``NotFound``."""
    if not store.delete_vehicle(tx, vehicle_id):
        raise NotFound(f"there is no vehicle {vehicle_id}")


def _set_status(tx: Tx, driver_id: int, status: str) -> None:
    tx.claim(driver_key(tx.tenant, driver_id))
    if not store.set_driver_status(tx, driver_id, status):
        raise NotFound(f"there is no driver {driver_id}")
    tx.emit(TokensChanged(what="driver", name=str(driver_id)))


def _text(field: str, text: str) -> str:
    text = text.strip()
    if len(text) > 200 or not text.isprintable():
        raise Invalid(f"{field} has at most 200 printable characters", field=field)
    return text
