"""Verbs on API keys."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.access import API_KEY, Principal
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ports import ReadTx, Tx
from csms.domain.users.model import ApiKey, api_keys_key
from csms.domain.users.service.members import Neighbours
from csms.domain.users.store import api_keys as store

MOST = 200
"""Keys of one tenant that are good."""


def need_api_key(tx: ReadTx, key_id: int) -> ApiKey:
    """One API key. Raises ``NotFound``."""
    found = store.api_key(tx, key_id)
    if found is None:
        raise NotFound(f"there is no API key {key_id}")
    return found


def add(
    tx: Tx,
    neighbours: Neighbours,
    who: Principal,
    *,
    name: str,
    permissions: Sequence[str],
    station_ids: Sequence[int] | None,
    expires_at: int | None,
    secret_hash: str,
) -> ApiKey:
    """Make a key for what its maker may do, or less. Raises ``Invalid`` or ``Refused``."""
    tx.claim(api_keys_key(tx.tenant))
    if who.kind == API_KEY:
        raise Refused("a key makes no other keys")
    if beyond := sorted(set(permissions) - who.permissions):
        raise Refused(f"{who.name} cannot give {', '.join(beyond)}, which {who.name} does not have")
    if expires_at is not None and expires_at <= tx.now:
        raise Invalid("a key that expires does so in the future", field="expires_at")
    stations = None if station_ids is None else sorted(set(station_ids))
    if stations is not None and (missing := sorted(set(stations) - neighbours.stations_among(tx, stations))):
        raise Invalid(f"there is no station {missing[0]}", field="stations")
    if store.count(tx) >= MOST:
        raise Refused(f"a tenant has at most {MOST} API keys: revoke some")
    made = store.insert(
        tx,
        name=name.strip(),
        permissions=sorted(set(permissions)),
        stations=stations,
        maker_id=who.user_id,
        expires_at=expires_at,
        secret_hash=secret_hash,
    )
    return need_api_key(tx, made)


def revoke(tx: Tx, key_id: int) -> ApiKey:
    """Make a key worthless, at once in this process and within half a minute in others. Raises ``NotFound``."""
    tx.claim(api_keys_key(tx.tenant))
    need_api_key(tx, key_id)
    store.revoke(tx, key_id)
    return need_api_key(tx, key_id)
