"""SQL of which chargers are connected, page by page; what a connection does now is asked of the connection itself."""

from __future__ import annotations

from collections.abc import Iterable

from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.listing import Listing, page
from csms.domain.stations.model.connections import ConnectionsQuery

LISTING = Listing(
    columns="id",
    source="chargers WHERE tenant = :tenant AND connection_id <> '' AND removed_at IS NULL",
    filters={
        "protocol": "protocol = :protocol",
        "registration": "approval = :registration AND registration <> ''",
        "stations": "station_id IN ({stations})",
    },
    search="lower(id) LIKE :search ESCAPE '!' OR lower(remote_address) LIKE :search ESCAPE '!' OR lower(name) LIKE :search ESCAPE '!'",
    sorts={"charger_id": "id", "connected_at": "connected_at"},
    unique="id",
)


def connected(tx: ReadTx, query: ConnectionsQuery, stations: Iterable[int] | None) -> Page[str]:
    """The ids of chargers that are connected."""
    return page(tx, LISTING, query, lambda row: str(row["id"]), stations=None if stations is None else tuple(stations))
