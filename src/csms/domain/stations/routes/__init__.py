"""Stations over HTTP: a file per noun."""

from __future__ import annotations

from csms.api.routes import Routes

from . import chargers, connectors, models, qr, service_records, station_groups, stations
from .chargers import QuirksInForce, Surroundings, TellKey

__all__ = ["QuirksInForce", "Surroundings", "TellKey", "station_routes"]


def station_routes(surroundings: Surroundings, start_url: str) -> list[Routes]:
    """The routes of stations, chargers and connectors; those of live connections and frames have modules of their own here."""
    return [
        stations.routes(),
        station_groups.routes(),
        chargers.routes(surroundings),
        service_records.routes(),
        connectors.routes(),
        models.routes(),
        qr.routes(start_url),
    ]
