"""SQL of logins: the devices on which users are logged in, and what a login is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.access import SYSTEM_ADMIN, permissions_of
from csms.core.ids import TenantId
from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page
from csms.domain.users.model import Login, LoginsQuery, Standing

_WORTH = "what a login is worth, which may be in any tenant"

LAST_USED_UPDATE = "UPDATE logins SET last_used_at = :at WHERE id = :id AND last_used_at < :at"


def insert(tx: Tx, **values: Any) -> int:
    """The id of a new login."""
    made: int = tx.value(
        "INSERT INTO logins (user_id, at_tenant, refresh_hash, refreshed_at, device, remote_address, created_at, last_used_at,"
        " expires_at) VALUES (:user_id, :at_tenant, :refresh_hash, :now, :device, :remote_address, :now, :now, :expires_at)"
        " RETURNING id",
        **values,
    )
    return made


def open_login(tx: ReadTx, login_id: int) -> Row | None:
    """A login with its hashes, unless it ended."""
    return tx.one("SELECT * FROM logins WHERE id = :login_id AND ended_at IS NULL AND expires_at > :now", login_id=login_id)


def rotate(tx: Tx, login_id: int, *, refresh_hash: str, expires_at: int, at_tenant: int) -> None:
    """Another refresh token is the good one."""
    tx.run(
        "UPDATE logins SET former_hash = refresh_hash, refresh_hash = :refresh_hash, refreshed_at = :now, last_used_at = :now,"
        " expires_at = :expires_at, at_tenant = :at_tenant WHERE id = :login_id",
        login_id=login_id,
        refresh_hash=refresh_hash,
        expires_at=expires_at,
        at_tenant=at_tenant,
    )


def end(tx: Tx, login_id: int, why: str) -> bool:
    """End a login; False when it had ended."""
    return (
        tx.run(
            "UPDATE logins SET ended_at = :now, ended_why = :why WHERE id = :login_id AND ended_at IS NULL",
            login_id=login_id,
            why=why,
        )
        > 0
    )


def of_user(tx: ReadTx, user_id: int) -> Sequence[Login]:
    """A user's logins that have not ended, the one used last at the front."""
    rows = tx.all(
        "SELECT id, device, remote_address, created_at, last_used_at, expires_at FROM logins"
        " WHERE user_id = :user_id AND ended_at IS NULL AND expires_at > :now ORDER BY last_used_at DESC, id DESC",
        user_id=user_id,
    )
    return [Login(**row) for row in rows]


LISTING = Listing(
    columns="l.id, l.device, l.remote_address, l.created_at, l.last_used_at, l.expires_at",
    source="logins l WHERE l.ended_at IS NULL AND l.expires_at > :now",
    filters={"user_id": "l.user_id = :user_id", "used_before_at": "l.last_used_at < :used_before_at"},
    search="lower(l.device) LIKE :search ESCAPE '!' OR l.remote_address LIKE :search ESCAPE '!'",
    sorts={"last_used_at": "l.last_used_at", "created_at": "l.created_at", "device": "lower(l.device)"},
    unique="l.id",
)


def logins(tx: ReadTx, query: LoginsQuery, user_id: int) -> Page[Login]:
    """A page of a user's logins that have not ended."""
    return page(tx, LISTING, query, lambda row: Login(**row), user_id=user_id)


def oldest_beyond(tx: ReadTx, user_id: int, most: int) -> Sequence[int]:
    """The logins of a user that are more than ``most``, those used longest ago."""
    rows = tx.all(
        "SELECT id FROM logins WHERE user_id = :user_id AND ended_at IS NULL ORDER BY last_used_at DESC, id DESC"
        " LIMIT 1000 OFFSET :most",
        user_id=user_id,
        most=most,
    )
    return [row["id"] for row in rows]


def standing(tx: ReadTx, login_id: int, user_id: int, *, tenant: int, slug: str) -> Standing | None:
    """What a login is worth in a tenant (of that slug, if any): None once it ended, or where the user has no business.

    A system administrator, who is one by membership of any tenant, is one in every tenant.
    """
    everywhere = tx.system(_WORTH)
    row = everywhere.one(
        "SELECT l.id, l.last_used_at, l.expires_at, u.name, u.email, u.phone, t.id AS tenant_id, t.closed_at, m.role, m.every_station, m.driver_id,"
        " (SELECT 1 FROM memberships a WHERE a.user_id = u.id AND a.role = :admin AND a.disabled_at IS NULL LIMIT 1) AS is_admin"
        " FROM logins l JOIN users u ON u.id = l.user_id"
        " JOIN tenants t ON (:slug <> '' AND t.slug = :slug) OR (:slug = '' AND t.id = :at_tenant)"
        " LEFT JOIN memberships m ON m.tenant = t.id AND m.user_id = u.id AND m.disabled_at IS NULL"
        " WHERE l.id = :login_id AND l.user_id = :user_id AND l.ended_at IS NULL AND l.expires_at > :now AND u.disabled_at IS NULL",
        login_id=login_id,
        user_id=user_id,
        at_tenant=tenant,
        slug=slug,
        admin=SYSTEM_ADMIN,
    )
    role = None if row is None else SYSTEM_ADMIN if row["is_admin"] else None if row["closed_at"] is not None else row["role"]
    if row is None or role is None:
        return None
    limited = role != SYSTEM_ADMIN and not row["every_station"]
    return Standing(
        id=row["id"],
        user_id=user_id,
        name=row["email"] or row["phone"] or row["name"],
        tenant=TenantId(row["tenant_id"]),
        role=role,
        stations=_stations(everywhere, row["tenant_id"], user_id) if limited else None,
        driver_id=row["driver_id"],
        permissions=permissions_of(role),
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
    )


def _stations(everywhere: ReadTx, tenant_id: int, user_id: int) -> frozenset[int]:
    rows = everywhere.all(
        "SELECT station_id FROM membership_stations WHERE tenant = :in_tenant AND user_id = :user_id",
        in_tenant=tenant_id,
        user_id=user_id,
    )
    return frozenset(row["station_id"] for row in rows)


def is_live(tx: ReadTx, login_id: int, user_id: int) -> bool:
    """Whether a login still counts at all, in whatever tenant."""
    return (
        tx.value(
            "SELECT 1 FROM logins l JOIN users u ON u.id = l.user_id WHERE l.id = :login_id AND l.user_id = :user_id"
            " AND l.ended_at IS NULL AND l.expires_at > :now AND u.disabled_at IS NULL",
            login_id=login_id,
            user_id=user_id,
        )
        is not None
    )


def forget_old(tx: Tx, before: int, most: int) -> int:
    """Delete some of those that ended or expired before an instant; how many."""
    return tx.run(
        "DELETE FROM logins WHERE id IN (SELECT id FROM logins WHERE expires_at < :before OR ended_at < :before LIMIT :most)",
        before=before,
        most=most,
    )
