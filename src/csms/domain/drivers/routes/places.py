"""Where drivers find stations to charge at."""

from __future__ import annotations

import attrs

from csms.api.calls import Call
from csms.api.routes import OWN, Routes
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.documents import store as documents
from csms.domain.documents.desk import Desk
from csms.domain.documents.kinds import IMAGES, STATION
from csms.domain.documents.model import Document
from csms.domain.drivers.model import StationForDrivers, StationsForDriversQuery, StationToCharge
from csms.domain.drivers.service import places
from csms.domain.stations import flows as stations

from .me import own_driver

IMAGE = "image"


def routes(desk: Desk) -> Routes:
    """Routes of stations under ``/me``."""
    made = Routes("my_stations", "Where drivers find stations to charge at. Who is no driver gets 404.", tag="Me (driver)")

    @made.get("/me/stations", needs="me:read", reach=OWN)
    async def list_(call: Call, query: StationsForDriversQuery) -> Page[StationForDrivers]:
        """Stations where one may charge, and how many connectors are free there.

        With `near=18.52,73.86&radius_m=5000` those around a point, the nearest first, each with its `distance_m`. Stations that are
        closed for good are not among them, nor those that take only people who were let in, unless one was.
        """
        return await call.read(places.stations_for, own_driver(call), query)

    @made.get("/me/stations/<int:station_id>", needs="me:read", reach=OWN)
    async def show(call: Call, station_id: int) -> StationToCharge:
        """One station, with its connectors, whether each could start now, and pictures."""

        def query(tx: ReadTx, driver_id: int) -> tuple[StationToCharge, list[Document]]:
            found = places.station_for(tx, driver_id, station_id)
            about = documents.of_subject(tx, STATION, str(station_id))
            return found, [each for each in about if each.kind == IMAGE and each.content_type in IMAGES]

        driver_id = own_driver(call)
        found, pictures = await call.read(query, driver_id)
        if missing := places.uncoded(found):
            await stations.give_codes(call.ports, call.tenant, missing)
            found, pictures = await call.read(query, driver_id)
        return attrs.evolve(found, images=tuple(desk.shown(call, each) for each in pictures))

    return made
