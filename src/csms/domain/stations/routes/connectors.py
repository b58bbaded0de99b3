"""Connectors and their status history over HTTP."""

from __future__ import annotations

import attrs

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, LIST, Reply, Routes
from csms.core.ids import charger_key
from csms.core.paging import Page, Stretch
from csms.core.ports import ReadTx
from csms.domain.stations import service, store
from csms.domain.stations.model import (
    ConnectorChange,
    ConnectorDetail,
    ConnectorQuery,
    NewConnector,
    StatusHistoryQuery,
    StatusRow,
)

from .paths import path_of


def routes() -> Routes:
    """Routes of connectors."""
    made = Routes("connectors", "Connectors: what they are, and how they are.")

    @made.get("/connectors", needs="chargers:read", reach=LIST)
    async def list_(call: Call, query: ConnectorQuery) -> Page[ConnectorDetail]:
        """Connectors of all chargers."""
        return await call.read(_connectors, query, call.stations)

    @made.get("/chargers/<path:charger_id>/connectors", needs="chargers:read", reach=CHARGER)
    async def of_charger(call: Call, charger_id: str, query: ConnectorQuery) -> Page[ConnectorDetail]:
        """The connectors of one charger."""
        return await call.read(_of_charger, query, charger_id)

    @made.post(
        "/chargers/<path:charger_id>/connectors",
        needs="chargers:write",
        reach=CHARGER,
        tells=ConnectorDetail,
        status=201,
        example={"evse": 1, "label": "left", "type": "IEC_62196_T2", "current_type": "AC", "max_power_w": 22_000, "phases": 3},
        errors={409: "it is known already"},
    )
    async def add(call: Call, charger_id: str, body: NewConnector) -> Reply:
        """Describe a connector that has not told its status yet. One that has is in the list by itself."""
        of = Subject("charger", charger_id)
        added = await call.write(service.add_connector, charger_id, body, keys=(charger_key(charger_id),), of=of)
        location = f"/api/v1/chargers/{path_of(charger_id)}/connectors/{added.place}"
        return Reply(body=added, status=201, headers={"Location": location})

    @made.get("/chargers/<path:charger_id>/connectors/<place>", needs="chargers:read", reach=CHARGER)
    async def show(call: Call, charger_id: str, place: str) -> ConnectorDetail:
        """One connector.

        `2.1` is connector 1 of EVSE 2; `2` alone is the same, which is connector 2 of a charger that speaks OCPP 1.6.
        """
        return await call.read(service.need_connector, charger_id, service.place_of(place))

    @made.patch(
        "/chargers/<path:charger_id>/connectors/<place>",
        needs="chargers:write",
        reach=CHARGER,
        example={"type": "IEC_62196_T2_COMBO", "current_type": "DC", "max_power_w": 60_000},
    )
    async def change(call: Call, charger_id: str, place: str, body: ConnectorChange) -> ConnectorDetail:
        """Say what a connector is. `""` and 0 mean that it is not known after all."""
        at = service.place_of(place)
        of = Subject("connector", f"{charger_id}/{at}", lambda tx: service.need_connector(tx, charger_id, at))
        return await call.write(service.change_connector, charger_id, at, body, keys=(charger_key(charger_id),), of=of)

    @made.delete(
        "/chargers/<path:charger_id>/connectors/<place>",
        needs="chargers:write",
        reach=CHARGER,
        errors={409: "it has told its status, so it is there"},
    )
    async def remove(call: Call, charger_id: str, place: str) -> None:
        """Forget a connector that was described and never told its status."""
        at = service.place_of(place)
        of = Subject("connector", f"{charger_id}/{at}", lambda tx: service.need_connector(tx, charger_id, at))
        await call.write(service.remove_connector, charger_id, at, keys=(charger_key(charger_id),), of=of)

    @made.get("/chargers/<path:charger_id>/status-history", needs="chargers:read", reach=CHARGER)
    async def history(call: Call, charger_id: str, query: StatusHistoryQuery) -> Stretch[StatusRow]:
        """What a charger and its connectors were, the newest first. `applied` is false for what came too late to be the present."""
        return await call.read(_history, query, charger_id)

    return made


def _connectors(tx: ReadTx, query: ConnectorQuery, stations: frozenset[int] | None) -> Page[ConnectorDetail]:
    return store.page_of_connectors(tx, query, stations=stations)


def _of_charger(tx: ReadTx, query: ConnectorQuery, charger_id: str) -> Page[ConnectorDetail]:
    service.need_charger(tx, charger_id)
    return store.page_of_connectors(tx, attrs.evolve(query, charger_id=charger_id))


def _history(tx: ReadTx, query: StatusHistoryQuery, charger_id: str) -> Stretch[StatusRow]:
    service.need_detail(tx, charger_id)
    return store.status_history(tx, query, charger_id)
