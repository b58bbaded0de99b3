"""Who may charge where.

Without any grant a token may charge at every open station of its tenant, and at chargers that stand on no station. Once it, its group
or its driver has a grant, it may charge only where one of these grants says. A station whose ``access`` is ``granted`` takes nobody
without a grant for it.
"""

from __future__ import annotations

import attrs

from csms.core.errors import Invalid, NotFound
from csms.core.ports import Tx
from csms.domain.drivers import store
from csms.domain.drivers.model import Grant, TokensChanged
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store

from .people import need_driver
from .tokens import need_token, need_token_group


def grant(
    tx: Tx,
    *,
    token: str | None = None,
    token_group_id: int | None = None,
    driver_id: int | None = None,
    station_id: int | None = None,
    station_group_id: int | None = None,
) -> Grant | None:
    """Let a token (by value), a group or a driver charge at a station or a station group; None when that was granted already.

    Raises ``Invalid`` unless exactly one of each is named, ``NotFound`` for one that does not exist.
    """
    if sum(each is not None for each in (token, token_group_id, driver_id)) != 1:
        raise Invalid("a grant is for exactly one of a token, a token group or a driver", field="token")
    if (station_id is None) == (station_group_id is None):
        raise Invalid("a grant is for exactly one of a station or a station group", field="station_id")
    token_id = None if token is None else need_token(tx, token).id
    if token_group_id is not None:
        need_token_group(tx, token_group_id)
    if driver_id is not None:
        need_driver(tx, driver_id)
    if station_id is not None:
        stations.need_station(tx, station_id)
    elif all(group.id != station_group_id for group in stations_store.list_station_groups(tx)):
        raise NotFound(f"there is no station group {station_group_id}")
    given = Grant(
        token_id=token_id,
        token_group_id=token_group_id,
        driver_id=driver_id,
        station_id=station_id,
        station_group_id=station_group_id,
    )
    added = store.insert_grant(tx, given)
    if added is None:
        return None
    tx.emit(TokensChanged(what="grant", name=str(added)))
    return attrs.evolve(given, id=added)


def revoke(tx: Tx, grant_id: int) -> None:
    """Take a grant back. Who has none left may charge at every open station again. Raises ``NotFound``."""
    if not store.delete_grant(tx, grant_id):
        raise NotFound(f"there is no grant {grant_id}")
    tx.emit(TokensChanged(what="grant", name=str(grant_id)))
