"""Groups of stations over HTTP."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import Reply, Routes
from csms.core.paging import Page
from csms.core.ports import Tx
from csms.domain.stations import service, store
from csms.domain.stations.model import GroupName, StationGroup, StationGroupQuery


def routes() -> Routes:
    """Routes of station groups."""
    made = Routes("station_groups", "Stations that share a rule, such as one campus.")

    @made.get("/station-groups", needs="stations:read")
    async def list_(call: Call, query: StationGroupQuery) -> Page[StationGroup]:
        """Groups of stations."""
        return await call.read(store.page_of_station_groups, query)

    @made.post(
        "/station-groups",
        needs="stations:write",
        tells=StationGroup,
        status=201,
        example={"name": "Campus"},
        errors={409: "the name is taken"},
    )
    async def add(call: Call, body: GroupName) -> Reply:
        """Add a group. Stations are put into it with `station_group_id`."""

        def verb(tx: Tx) -> StationGroup:
            return service.need_station_group(tx, service.add_station_group(tx, body.name))

        added = await call.write(verb, makes="station_group")
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/station-groups/{added.id}"})

    @made.get("/station-groups/<int:station_group_id>", needs="stations:read")
    async def show(call: Call, station_group_id: int) -> StationGroup:
        """One group of stations."""
        return await call.read(service.need_station_group, station_group_id)

    @made.patch(
        "/station-groups/<int:station_group_id>",
        needs="stations:write",
        errors={409: "the name is taken"},
        example={"name": "Campus North"},
    )
    async def rename(call: Call, station_group_id: int, body: GroupName) -> StationGroup:
        """Call a group something else."""
        return await call.write(service.rename_station_group, station_group_id, body.name, of=_subject(station_group_id))

    @made.delete("/station-groups/<int:station_group_id>", needs="stations:write")
    async def remove(call: Call, station_group_id: int) -> None:
        """Remove a group, with the grants for it. Its stations stay, in no group."""
        await call.write(service.remove_station_group, station_group_id, of=_subject(station_group_id))

    return made


def _subject(station_group_id: int) -> Subject:
    return Subject("station_group", str(station_group_id), lambda tx: service.need_station_group(tx, station_group_id))
