"""Live connections over HTTP: who is there, and dropping one."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, LIST, Routes
from csms.core.errors import NotFound
from csms.core.paging import Page
from csms.core.ports import ConnectionInfo
from csms.domain.stations.model.connections import ConnectionsQuery
from csms.domain.stations.store.connected import connected


def routes() -> Routes:
    """Routes of live connections."""
    made = Routes("connections", "Chargers that are connected now.", tag="Connections")

    def live(call: Call, charger_id: str) -> ConnectionInfo:
        info = call.ports.chargers.connection(charger_id)
        if info is None or info.tenant != call.tenant:
            raise NotFound(f"charger {charger_id!r} is not connected")
        return info

    @made.get("/connections", needs="connections:read", reach=LIST)
    async def list_(call: Call, query: ConnectionsQuery) -> Page[ConnectionInfo]:
        """Chargers that are connected now."""
        found = await call.read(connected, query, call.stations)
        links = [call.ports.chargers.connection(charger_id) for charger_id in found.items]
        items = [each for each in links if each is not None and each.tenant == call.tenant]  # one may have gone meanwhile
        return Page(items=items, page=found.page, limit=found.limit, total=found.total)

    @made.get("/connections/<path:charger_id>", needs="connections:read", reach=CHARGER)
    async def show(call: Call, charger_id: str) -> ConnectionInfo:
        """The live connection of one charger."""
        return live(call, charger_id)

    @made.delete("/connections/<path:charger_id>", needs="connections:write", reach=CHARGER, compared=False)
    async def drop(call: Call, charger_id: str) -> None:
        """Close a charger's connection after what it said is answered. It may connect again at once."""
        info = live(call, charger_id)
        await call.note(
            Subject("charger", charger_id), {"connection_id": info.connection_id, "remote_address": info.remote_address}
        )
        await call.ports.chargers.drop(charger_id, "dropped by the operator")

    return made
