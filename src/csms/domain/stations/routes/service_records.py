"""What was done at chargers, over HTTP."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, Reply, Routes
from csms.core.ids import charger_key
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.stations import service, store
from csms.domain.stations.model import NewServiceRecord, ServiceQuery, ServiceRecord

from .paths import path_of

_EXAMPLE = {
    "kind": "repair",
    "done_at": "2026-01-31T09:30:00Z",
    "done_by": "Field team 2",
    "note": "Contactor replaced",
    "amount_minor": 450_000,
    "currency": "INR",
}


def routes() -> Routes:
    """Routes of service records."""
    made = Routes("service_records", "What was done at chargers, by whom, and what it cost.", tag="Service records")

    @made.get("/chargers/<path:charger_id>/service-records", needs="chargers:read", reach=CHARGER)
    async def list_(call: Call, charger_id: str, query: ServiceQuery) -> Page[ServiceRecord]:
        """What was done at a charger. An archived charger keeps its records."""
        return await call.read(_records, query, charger_id)

    @made.post(
        "/chargers/<path:charger_id>/service-records",
        needs="chargers:write",
        reach=CHARGER,
        tells=ServiceRecord,
        status=201,
        example=_EXAMPLE,
    )
    async def add(call: Call, charger_id: str, body: NewServiceRecord) -> Reply:
        """Note what was done at a charger; without `done_at` it was now."""
        of = Subject("charger", charger_id)
        added = await call.write(service.add_service_record, charger_id, body, keys=(charger_key(charger_id),), of=of)
        location = f"/api/v1/chargers/{path_of(charger_id)}/service-records/{added.id}"
        return Reply(body=added, status=201, headers={"Location": location})

    @made.get("/chargers/<path:charger_id>/service-records/<int:record_id>", needs="chargers:read", reach=CHARGER)
    async def show(call: Call, charger_id: str, record_id: int) -> ServiceRecord:
        """One thing that was done at a charger."""
        return await call.read(service.need_service_record, charger_id, record_id)

    @made.delete("/chargers/<path:charger_id>/service-records/<int:record_id>", needs="chargers:write", reach=CHARGER)
    async def remove(call: Call, charger_id: str, record_id: int) -> None:
        """Take a record away that was written by mistake. The audit log keeps what it said."""
        of = Subject("service_record", str(record_id), lambda tx: service.need_service_record(tx, charger_id, record_id))
        await call.write(service.remove_service_record, charger_id, record_id, keys=(charger_key(charger_id),), of=of)

    return made


def _records(tx: ReadTx, query: ServiceQuery, charger_id: str) -> Page[ServiceRecord]:
    service.need_detail(tx, charger_id)
    return store.page_of_records(tx, query, charger_id)
