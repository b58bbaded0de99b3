"""SQL of API keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from csms.core.access import PERMISSIONS, SYSTEM_ADMIN, permissions_of
from csms.core.ids import TenantId
from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page
from csms.domain.users.model import ApiKey, ApiKeysQuery, Standing

_WORTH = "what an API key is worth, which names its tenant itself"

LAST_USED_UPDATE = "UPDATE api_keys SET last_used_at = :at, last_used_from = :remote_address WHERE tenant = :tenant AND id = :id"

LISTING = Listing(
    columns="k.id, k.name, k.permissions, k.every_station, k.maker_id, k.created_at, k.expires_at, k.last_used_at, k.last_used_from,"
    " k.revoked_at",
    source="api_keys k WHERE k.tenant = :tenant",
    filters={
        "revoked": "(k.revoked_at IS NOT NULL) = (:revoked = 1)",
        "maker_id": "k.maker_id = :maker_id",
    },
    search="lower(k.name) LIKE :search ESCAPE '!'",
    sorts={"created_at": "k.created_at", "name": "lower(k.name)", "last_used_at": "COALESCE(k.last_used_at, 0)"},
    unique="k.id",
)


def api_keys(tx: ReadTx, query: ApiKeysQuery) -> Page[ApiKey]:
    """API keys of the transaction's tenant. Three statements, however many."""
    found = page(tx, LISTING, query, dict)
    stations = _stations(tx, [row["id"] for row in found.items])
    return Page(items=[_api_key(row, stations) for row in found.items], page=found.page, limit=found.limit, total=found.total)


def api_key(tx: ReadTx, key_id: int) -> ApiKey | None:
    """One API key."""
    row = tx.one(f"SELECT {LISTING.columns} FROM {LISTING.source} AND k.id = :key_id", key_id=key_id)  # noqa: S608 (our own text)
    return None if row is None else _api_key(row, _stations(tx, [key_id]))


def _stations(tx: ReadTx, key_ids: Sequence[int]) -> dict[int, list[int]]:
    names = [f"key_{number}" for number in range(len(key_ids))]
    if not names:
        return {}
    rows = tx.all(
        "SELECT api_key_id, station_id FROM api_key_stations"  # noqa: S608 (names of parameters)
        f" WHERE tenant = :tenant AND api_key_id IN ({', '.join(f':{each}' for each in names)}) ORDER BY api_key_id, station_id",
        **dict(zip(names, key_ids, strict=True)),
    )
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row["api_key_id"], []).append(row["station_id"])
    return found


def _api_key(row: Row, stations: dict[int, list[int]]) -> ApiKey:
    values = dict(row)
    every_station = values.pop("every_station")
    values["permissions"] = msgspec.json.decode(values["permissions"])
    return ApiKey(stations=None if every_station else stations.get(row["id"], []), **values)


def insert(tx: Tx, *, permissions: Sequence[str], stations: Iterable[int] | None, secret_hash: str, **values: Any) -> int:
    """The id of a new API key."""
    made: int = tx.value(
        "INSERT INTO api_keys (tenant, name, secret_hash, permissions, every_station, maker_id, created_at, expires_at)"
        " VALUES (:tenant, :name, :secret_hash, :permissions, :every_station, :maker_id, :now, :expires_at) RETURNING id",
        permissions=msgspec.json.encode(sorted(permissions)).decode(),
        every_station=int(stations is None),
        secret_hash=secret_hash,
        **values,
    )
    tx.many(
        "INSERT INTO api_key_stations (tenant, api_key_id, station_id) VALUES (:tenant, :api_key_id, :station_id)",
        [{"api_key_id": made, "station_id": each} for each in stations or ()],
    )
    return made


def revoke(tx: Tx, key_id: int) -> bool:
    """Take a key's worth away; False when it has none."""
    return (
        tx.run(
            "UPDATE api_keys SET revoked_at = :now WHERE tenant = :tenant AND id = :key_id AND revoked_at IS NULL", key_id=key_id
        )
        > 0
    )


def standing(tx: ReadTx, key_id: int) -> Standing | None:
    """What a key is worth: what it may do and its maker may do at this moment; None where that is nothing."""
    everywhere = tx.system(_WORTH)
    row = everywhere.one(
        "SELECT k.*, u.disabled_at AS maker_disabled_at, m.role, m.every_station AS maker_every_station,"
        " (SELECT 1 FROM memberships a WHERE a.user_id = k.maker_id AND a.role = :admin AND a.disabled_at IS NULL LIMIT 1) AS is_admin"
        " FROM api_keys k JOIN tenants t ON t.id = k.tenant LEFT JOIN users u ON u.id = k.maker_id"
        " LEFT JOIN memberships m ON m.tenant = k.tenant AND m.user_id = k.maker_id AND m.disabled_at IS NULL"
        " WHERE k.id = :key_id AND k.revoked_at IS NULL AND t.closed_at IS NULL",
        key_id=key_id,
        admin=SYSTEM_ADMIN,
    )
    if row is None or (row["expires_at"] is not None and row["expires_at"] <= tx.now):
        return None
    role = SYSTEM_ADMIN if row["maker_id"] is None or row["is_admin"] else row["role"]
    if role is None or row["maker_disabled_at"] is not None:
        return None
    mine = None if row["every_station"] else _own(everywhere, row["tenant"], key_id)
    if role != SYSTEM_ADMIN and not row["maker_every_station"]:
        theirs = _makers(everywhere, row["tenant"], row["maker_id"])
        mine = theirs if mine is None else mine & theirs
    return Standing(
        id=key_id,
        user_id=row["maker_id"],
        name=f"API key {row['name']}",
        tenant=TenantId(row["tenant"]),
        role=role,
        stations=mine,
        driver_id=None,
        permissions=frozenset(msgspec.json.decode(row["permissions"])) & permissions_of(role) & frozenset(PERMISSIONS),
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        secret_hash=row["secret_hash"],
    )


def _own(everywhere: ReadTx, tenant: int, key_id: int) -> frozenset[int]:
    rows = everywhere.all(
        "SELECT station_id FROM api_key_stations WHERE tenant = :in_tenant AND api_key_id = :key_id",
        in_tenant=tenant,
        key_id=key_id,
    )
    return frozenset(row["station_id"] for row in rows)


def _makers(everywhere: ReadTx, tenant: int, maker_id: int) -> frozenset[int]:
    rows = everywhere.all(
        "SELECT station_id FROM membership_stations WHERE tenant = :in_tenant AND user_id = :maker_id",
        in_tenant=tenant,
        maker_id=maker_id,
    )
    return frozenset(row["station_id"] for row in rows)


def count(tx: ReadTx) -> int:
    """How many keys of the tenant are good."""
    return int(
        tx.value(
            "SELECT count(*) FROM api_keys WHERE tenant = :tenant AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > :now)"
        )
    )
