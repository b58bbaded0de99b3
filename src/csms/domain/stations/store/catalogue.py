"""SQL of the catalogue of kinds of chargers, and of service records."""

from __future__ import annotations

from typing import Any

import cattrs
import msgspec

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page
from csms.domain.stations.model import (
    ChargerModel,
    ConnectorKind,
    ModelQuery,
    NewServiceRecord,
    ServiceQuery,
    ServiceRecord,
    kilowatts,
)

_MODELS = Listing(
    columns="m.id, m.vendor, m.model, m.max_power_w, m.connectors, m.quirks_note, m.created_at",
    source="charger_models m WHERE m.tenant = :tenant",
    filters={"vendor": "m.vendor_folded = lower(:vendor)"},
    search="m.vendor_folded LIKE :search ESCAPE '!' OR m.model_folded LIKE :search ESCAPE '!'"
    " OR lower(m.quirks_note) LIKE :search ESCAPE '!'",
    sorts={"vendor": "m.vendor_folded", "max_power_w": "coalesce(m.max_power_w, 0)", "created_at": "m.created_at"},
    unique="m.vendor_folded, m.model_folded",
)


def page_of_models(tx: ReadTx, query: ModelQuery) -> Page[ChargerModel]:
    """A page of the catalogue. Two statements."""
    return page(tx, _MODELS, query, _model)


def model(tx: ReadTx, model_id: int) -> ChargerModel | None:
    """One entry of the catalogue."""
    row = tx.one(f"SELECT {_MODELS.columns} FROM {_MODELS.source} AND m.id = :model_id", model_id=model_id)  # noqa: S608 (our own text)
    return None if row is None else _model(row)


def insert_model(tx: Tx, entry: ChargerModel) -> int | None:
    """The id of the new entry, None when there is one of this vendor and model; the id that ``entry`` has does not count."""
    found: int | None = tx.value(
        """
        INSERT INTO charger_models (tenant, vendor, model, vendor_folded, model_folded, max_power_w, connectors, quirks_note, created_at)
        VALUES (:tenant, :vendor, :model, lower(:vendor), lower(:model), :max_power_w, :connectors, :quirks_note, :now)
        ON CONFLICT DO NOTHING RETURNING id""",
        **_values(entry),
    )
    return found


def update_model(tx: Tx, entry: ChargerModel) -> bool:
    """Store a changed entry; False when another one is of its vendor and model."""
    touched = tx.run(
        """
        UPDATE charger_models SET vendor = :vendor, model = :model, vendor_folded = lower(:vendor), model_folded = lower(:model),
            max_power_w = :max_power_w, connectors = :connectors, quirks_note = :quirks_note
        WHERE id = :id AND tenant = :tenant AND NOT EXISTS (SELECT 1 FROM charger_models o
            WHERE o.tenant = :tenant AND o.vendor_folded = lower(:vendor) AND o.model_folded = lower(:model) AND o.id <> :id)""",
        id=entry.id,
        **_values(entry),
    )
    return touched > 0


def chargers_of_model(tx: ReadTx, model_id: int) -> list[str]:
    """The ids of chargers that were said to be of an entry."""
    rows = tx.all("SELECT id FROM chargers WHERE model_id = :model_id AND tenant = :tenant ORDER BY id", model_id=model_id)
    return [row["id"] for row in rows]


def delete_model(tx: Tx, model_id: int) -> bool:
    """Delete an entry; chargers that were said to be of it are of the kind that they report. False when there is none."""
    tx.run("UPDATE chargers SET model_id = NULL WHERE model_id = :model_id AND tenant = :tenant", model_id=model_id)
    return tx.run("DELETE FROM charger_models WHERE id = :model_id AND tenant = :tenant", model_id=model_id) > 0


def _values(entry: ChargerModel) -> dict[str, Any]:
    return {
        "vendor": entry.vendor,
        "model": entry.model,
        "max_power_w": entry.max_power_w,
        "connectors": msgspec.json.encode(cattrs.unstructure(entry.connectors)).decode(),
        "quirks_note": entry.quirks_note,
    }


def _model(row: Row) -> ChargerModel:
    kinds = cattrs.structure(msgspec.json.decode(row["connectors"]), tuple[ConnectorKind, ...])
    return ChargerModel(**{**row, "connectors": kinds}, capacity_kw=kilowatts(row["max_power_w"]))


# --- service records ------------------------------------------------------------------------------------------------------------

_RECORDS = Listing(
    columns="r.id, r.charger_id, r.kind, r.done_at, r.done_by, r.note, r.amount_minor, r.currency, r.created_at",
    source="charger_service_records r WHERE r.tenant = :tenant",
    filters={
        "charger_id": "r.charger_id = :charger_id",
        "kind": "r.kind = :kind",
        "from_at": "r.done_at >= :from_at",
        "to_at": "r.done_at < :to_at",
    },
    search="lower(r.note) LIKE :search ESCAPE '!' OR lower(r.done_by) LIKE :search ESCAPE '!'",
    sorts={"done_at": "r.done_at", "id": "r.id"},
    unique="r.id",
)


def page_of_records(tx: ReadTx, query: ServiceQuery, charger_id: str) -> Page[ServiceRecord]:
    """A page of what was done at a charger. Two statements."""
    return page(tx, _RECORDS, query, lambda row: ServiceRecord(**row), charger_id=charger_id)


def record(tx: ReadTx, charger_id: str, record_id: int) -> ServiceRecord | None:
    """One thing that was done at a charger."""
    row = tx.one(
        f"SELECT {_RECORDS.columns} FROM {_RECORDS.source} AND r.id = :record_id AND r.charger_id = :charger_id",  # noqa: S608 (our own text)
        record_id=record_id,
        charger_id=charger_id,
    )
    return None if row is None else ServiceRecord(**row)


def insert_record(tx: Tx, charger_id: str, new: NewServiceRecord) -> int:
    """Add what was done; its id."""
    found: int = tx.value(
        """
        INSERT INTO charger_service_records (tenant, charger_id, kind, done_at, done_by, note, amount_minor, currency, created_at)
        VALUES (:tenant, :charger_id, :kind, :done_at, :done_by, :note, :amount_minor, :currency, :now) RETURNING id""",
        charger_id=charger_id,
        kind=new.kind,
        done_at=tx.now if new.done_at is None else new.done_at,
        done_by=new.done_by,
        note=new.note,
        amount_minor=new.amount_minor,
        currency=new.currency,
    )
    return found


def delete_record(tx: Tx, charger_id: str, record_id: int) -> bool:
    """Take a record away; False when there is none."""
    touched = tx.run(
        "DELETE FROM charger_service_records WHERE id = :record_id AND charger_id = :charger_id AND tenant = :tenant",
        record_id=record_id,
        charger_id=charger_id,
    )
    return touched > 0
