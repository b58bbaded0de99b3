"""Local lists over HTTP: how chargers' stand, what is on them, and synchronising one now."""

from __future__ import annotations

import attrs
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, CHARGER_LIMIT_S, LIST, Routes
from csms.core.ids import charger_key
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.stations import service as stations

from . import flows, service, store
from .model import MODES, EntriesQuery, Listed, LocalListDetail, LocalListItem, LocalListsQuery, Settings, shown


@attrs.frozen(slots=True, kw_only=True)
class Synchronise:
    """How a list is to be synchronised: ``full`` sends everything, whatever the charger has."""

    full: bool = False


@attrs.frozen(slots=True, kw_only=True)
class ListMode:
    """Whether a charger's list is kept in step (``auto``) or left alone (``off``); ``""`` is as configured."""

    mode: str = attrs.field(validator=validators.in_(("", *MODES)))


def routes(settings: Settings) -> Routes:
    """Routes of this slice."""
    made = Routes("local_lists", "What chargers know of tokens without asking, kept in step with who may charge there.")

    def subject(charger_id: str) -> Subject:
        def view(tx: ReadTx) -> LocalListDetail:
            return service.need_detail(tx, charger_id)

        return Subject("local_list", charger_id, view)

    @made.get("/local-lists", needs="local_lists:read", reach=LIST)
    async def list_(call: Call, query: LocalListsQuery) -> Page[LocalListItem]:
        """Chargers' local lists and how they stand."""
        return await call.read(store.page_of_lists, query, call.stations)

    @made.get("/chargers/<path:charger_id>/local-list", needs="local_lists:read", reach=CHARGER)
    async def show(call: Call, charger_id: str) -> LocalListDetail:
        """How a charger's local list stands."""
        return await call.read(service.need_detail, charger_id)

    @made.get("/chargers/<path:charger_id>/local-list/entries", needs="local_lists:read", reach=CHARGER)
    async def entries(call: Call, charger_id: str, query: EntriesQuery) -> Page[Listed]:
        """What is believed to be on a charger's local list."""

        def read(tx: ReadTx) -> Page[Listed]:
            stations.need_charger(tx, charger_id)
            return store.page_of_entries(tx, charger_id, query)

        return await call.read(read)

    @made.patch("/chargers/<path:charger_id>/local-list", needs="local_lists:write", reach=CHARGER, example={"mode": "auto"})
    async def change(call: Call, charger_id: str, body: ListMode) -> LocalListDetail:
        """Keep a charger's list in step from now on, or leave it alone."""
        of = subject(charger_id)
        await call.write(service.set_mode, charger_id, body.mode, keys=(charger_key(charger_id),), of=of)
        return await call.read(service.need_detail, charger_id)

    @made.post(
        "/chargers/<path:charger_id>/local-list/synchronise",
        needs="local_lists:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        example={"full": True},
    )
    async def synchronise(call: Call, charger_id: str, body: Synchronise) -> LocalListItem:
        """Bring a connected charger's list in step now, and say how it stands then; if it could not be done, it is tried again."""
        await call.read(stations.need_charger, charger_id)
        async with call.noting(Subject("local_list", charger_id), {"full": body.full}) as noted:
            state = await flows.synchronise(call.ports, settings, charger_id, tenant=call.tenant, full=body.full)
            noted.detail |= {"state": state.state, "version": state.version}
        return shown(state)

    return made
