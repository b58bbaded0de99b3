"""Stations over HTTP."""

from __future__ import annotations

import attrs

from csms.api.calls import Call, Subject
from csms.api.routes import LIST, STATION, Reply, Routes
from csms.core.paging import Page
from csms.domain.stations import service, store
from csms.domain.stations.model import NewStation, Station, StationChange, StationQuery

_EXAMPLE = {
    "name": "North campus",
    "address": {"lines": ["1 Main Road"], "city": "Pune", "state": "Maharashtra", "postal_code": "411001", "country": "IN"},
    "latitude": 18.5204,
    "longitude": 73.8567,
    "time_zone": "Asia/Kolkata",
    "opening_hours": {"always": False, "weekly": [{"weekday": 1, "opens": "08:00", "closes": "20:00"}]},
    "contacts": [{"name": "Site office", "role": "support", "phone": "+91 20 1234 5678"}],
    "amenities": ["restroom", "wifi"],
}


def routes() -> Routes:
    """Routes of stations."""
    made = Routes("stations", "Sites where chargers stand.")

    @made.get("/stations", needs="stations:read", reach=LIST)
    async def list_(call: Call, query: StationQuery) -> Page[Station]:
        """Stations.

        With `near=18.52,73.86&radius_m=5000` those around a point, the nearest first, each with its `distance_m`.
        """
        return await call.read(store.page_of_stations, query, call.stations)

    @made.post("/stations", needs="stations:write", tells=Station, status=201, example=_EXAMPLE, errors={409: "the name is taken"})
    async def add(call: Call, body: NewStation) -> Reply:
        """Add a station."""
        added = await call.write(
            service.add_station,
            makes="station",
            **{field.name: getattr(body, field.name) for field in attrs.fields(NewStation)},
        )
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/stations/{added.id}"})

    @made.get("/stations/<int:station_id>", needs="stations:read", reach=STATION)
    async def show(call: Call, station_id: int) -> Station:
        """One station."""
        return await call.read(service.need_station, station_id)

    @made.patch(
        "/stations/<int:station_id>",
        needs="stations:write",
        reach=STATION,
        errors={409: "the name is taken"},
        example={"status": "maintenance", "directions": "Behind the bakery", "clear": ["station_group_id"]},
    )
    async def change(call: Call, station_id: int, body: StationChange) -> Station:
        """Change a station. `clear` takes its `position` or its `station_group_id` away."""
        return await call.write(service.alter_station, station_id, body, of=_subject(station_id))

    @made.delete("/stations/<int:station_id>", needs="stations:write", errors={409: "chargers stand there"})
    async def remove(call: Call, station_id: int) -> None:
        """Remove a station, with the grants for it.

        Chargers must stand elsewhere. A station that is to stay in the books is `decommissioned` instead.
        """
        await call.write(service.remove_station, station_id, of=_subject(station_id))

    return made


def _subject(station_id: int) -> Subject:
    return Subject("station", str(station_id), lambda tx: service.need_station(tx, station_id))
