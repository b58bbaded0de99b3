"""What operators do with the catalogue of kinds of chargers, and with service records."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.errors import Conflict, Invalid, NotFound
from csms.core.ids import charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.stations import store
from csms.domain.stations.model import ChargerModel, ModelChange, NewModel, NewServiceRecord, ServiceRecord, kilowatts

from .chargers import need_charger


def need_model(tx: ReadTx, model_id: int) -> ChargerModel:
    """An entry of the catalogue. Raises ``NotFound``."""
    found = store.model(tx, model_id)
    if found is None:
        raise NotFound(f"there is no charger model {model_id}")
    return found


def add_model(tx: Tx, new: NewModel) -> ChargerModel:
    """Add a kind of charger. Raises ``Invalid``, ``Conflict`` when there is one of this vendor and model."""
    entry = _checked(ChargerModel(id=0, capacity_kw=kilowatts(new.max_power_w), created_at=tx.now, **_fields(new)))
    added = store.insert_model(tx, entry)
    if added is None:
        raise Conflict(f"there is a charger model {entry.vendor} {entry.model} already")
    return need_model(tx, added)


def change_model(tx: Tx, model_id: int, change: ModelChange) -> ChargerModel:
    """Change what ``change`` names of an entry. Raises ``Invalid``, ``NotFound`` or ``Conflict``."""
    tx.claim(_key(tx, model_id))
    given = {name: value for name, value in _fields(change).items() if name != "clear" and value is not None}
    if "max_power_w" in change.clear:
        given["max_power_w"] = None
    entry = _checked(attrs.evolve(need_model(tx, model_id), **given))
    if not store.update_model(tx, entry):
        raise Conflict(f"there is a charger model {entry.vendor} {entry.model} already")
    return need_model(tx, model_id)


def remove_model(tx: Tx, model_id: int) -> None:
    """Delete an entry; chargers that were said to be of it are of the kind that they report. Raises ``NotFound``."""
    tx.claim(_key(tx, model_id), *(charger_key(charger_id) for charger_id in store.chargers_of_model(tx, model_id)))
    if not store.delete_model(tx, model_id):
        raise NotFound(f"there is no charger model {model_id}")


def add_service_record(tx: Tx, charger_id: str, new: NewServiceRecord) -> ServiceRecord:
    """Note what was done at a charger. Raises ``NotFound``, ``Invalid`` for what is yet to be done."""
    tx.claim(charger_key(charger_id))
    need_charger(tx, charger_id)
    if new.done_at is not None and new.done_at > tx.now:
        raise Invalid("a service record tells what was done: its time has not come yet", field="done_at")
    return need_service_record(tx, charger_id, store.insert_record(tx, charger_id, new))


def need_service_record(tx: ReadTx, charger_id: str, record_id: int) -> ServiceRecord:
    """One thing that was done at a charger. Raises ``NotFound``."""
    found = store.record(tx, charger_id, record_id)
    if found is None:
        raise NotFound(f"charger {charger_id!r} has no service record {record_id}")
    return found


def remove_service_record(tx: Tx, charger_id: str, record_id: int) -> None:
    """Take a record away, such as one that was written by mistake; the audit log keeps it. Raises ``NotFound``."""
    tx.claim(charger_key(charger_id))
    if not store.delete_record(tx, charger_id, record_id):
        raise NotFound(f"charger {charger_id!r} has no service record {record_id}")


def _key(tx: ReadTx, model_id: int) -> str:
    return f"charger_model:{tx.tenant}:{model_id}"


def _fields(asked: NewModel | ModelChange) -> dict[str, Any]:
    return {field.name: getattr(asked, field.name) for field in attrs.fields(type(asked))}


def _checked(entry: ChargerModel) -> ChargerModel:
    entry = attrs.evolve(entry, vendor=entry.vendor.strip(), model=entry.model.strip())
    for name in ("vendor", "model"):
        if not getattr(entry, name) or not getattr(entry, name).isprintable():
            raise Invalid(f"a {name} has 1 to 200 printable characters", field=name)
    return entry
