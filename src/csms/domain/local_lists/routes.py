"""Local lists over HTTP: how a charger's stands, and synchronising it now."""

from __future__ import annotations

from typing import Any

import attrs
from quart import Blueprint, Response

from csms.api.bodies import answer, body
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Ports, ReadTx
from csms.domain.stations import service as stations

from . import flows, service, store
from .model import Settings


@attrs.frozen
class Synchronise:
    """How a list is to be synchronised: ``full`` sends everything, whatever the charger has."""

    full: bool = False


def blueprint(ports: Ports, settings: Settings) -> Blueprint:
    """Routes of this slice."""
    routes = Blueprint("local_lists", __name__)

    @routes.get("/chargers/<path:charger_id>/local-list")
    async def show(charger_id: str) -> Response:
        def query(tx: ReadTx) -> dict[str, Any]:
            stations.need_charger(tx, charger_id)
            entries = [attrs.asdict(each) for each in store.entries(tx, charger_id).values()]
            return {**attrs.asdict(service.known(tx, charger_id)), "entries": entries}

        return answer(await ports.database.read(query, tenant=DEFAULT_TENANT))

    @routes.post("/chargers/<path:charger_id>/local-list/synchronise")
    async def synchronise(charger_id: str) -> Response:
        wanted = await body(Synchronise)
        await ports.database.read(stations.need_charger, charger_id, tenant=DEFAULT_TENANT)
        state = await flows.synchronise(ports, settings, charger_id, tenant=DEFAULT_TENANT, full=wanted.full)
        return answer(attrs.asdict(state))

    return routes
