"""SQL of identities that providers vouch for, what they granted, and their webhook messages."""

from __future__ import annotations

import attrs

from csms.core.access import SYSTEM_ADMIN, permissions_of
from csms.core.ids import TenantId
from csms.core.ports import ReadTx, Tx
from csms.domain.users.model import Standing

_WORTH = "what a provider's token is worth, which names its tenant itself"

SAID_UPDATE = (
    "UPDATE external_grants SET said_at = :said_at"
    " WHERE identity_id = :identity_id AND at_tenant = :at_tenant AND said_at < :said_at"
)
"""The provider said the same again."""


@attrs.frozen(slots=True, kw_only=True)
class Identity:
    """Somebody, as a provider knows them, and the user who they are here."""

    id: int
    user_id: int | None
    told_at: int
    deactivated_at: int | None
    deleted: bool
    disabled_account_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class Granted:
    """What a provider said last of somebody in a tenant: the role, ``""`` where the default was given, and when it said so."""

    role: str
    said_at: int


def identity(tx: ReadTx, issuer: str, subject: str) -> Identity | None:
    """Who that is."""
    row = tx.one(
        "SELECT id, user_id, told_at, deactivated_at, deleted, disabled_account_at FROM external_identities"
        " WHERE issuer = :issuer AND subject = :subject",
        issuer=issuer,
        subject=subject,
    )
    return None if row is None else Identity(**{**row, "deleted": bool(row["deleted"])})


def insert(tx: Tx, *, issuer: str, subject: str, user_id: int | None, told_at: int = 0) -> None:
    """Keep who somebody is; one who is known stays who they are."""
    tx.run(
        "INSERT INTO external_identities (issuer, subject, user_id, created_at, told_at)"
        " VALUES (:issuer, :subject, :user_id, :now, :told_at) ON CONFLICT DO NOTHING",
        issuer=issuer,
        subject=subject,
        user_id=user_id,
        told_at=told_at,
    )


def set_user(tx: Tx, identity_id: int, user_id: int) -> None:
    """Say which user somebody is who was known before they came."""
    tx.run("UPDATE external_identities SET user_id = :user_id WHERE id = :identity_id", identity_id=identity_id, user_id=user_id)


def set_told(tx: Tx, identity_id: int, told_at: int) -> None:
    """The newest change that the provider told."""
    tx.run("UPDATE external_identities SET told_at = :told_at WHERE id = :identity_id", identity_id=identity_id, told_at=told_at)


def set_deactivated(tx: Tx, identity_id: int, *, at: int | None, deleted: bool, disabled_account_at: int | None) -> None:
    """Refuse an identity from now on, or take it again."""
    tx.run(
        "UPDATE external_identities SET deactivated_at = :at, deleted = :deleted, disabled_account_at = :disabled_account_at"
        " WHERE id = :identity_id",
        identity_id=identity_id,
        at=at,
        deleted=int(deleted),
        disabled_account_at=disabled_account_at,
    )


def granted(tx: ReadTx, identity_id: int) -> Granted | None:
    """What the provider said last of somebody in the transaction's tenant."""
    row = tx.one(
        "SELECT role, said_at FROM external_grants WHERE identity_id = :identity_id AND at_tenant = :tenant",
        identity_id=identity_id,
    )
    return None if row is None else Granted(**row)


def set_granted(tx: Tx, identity_id: int, *, role: str, said_at: int) -> None:
    """Keep what the provider said last of somebody in the transaction's tenant."""
    tx.run(
        "INSERT INTO external_grants (identity_id, at_tenant, role, said_at) VALUES (:identity_id, :tenant, :role, :said_at)"
        " ON CONFLICT (identity_id, at_tenant) DO UPDATE SET role = excluded.role, said_at = excluded.said_at",
        identity_id=identity_id,
        role=role,
        said_at=said_at,
    )


def standing(tx: ReadTx, identity_id: int, user_id: int, *, at_tenant: int, slug: str, may_be_admin: bool) -> Standing | None:
    """What a provider's word is worth in the tenant that it named, or, for a system administrator, in the one of that slug.

    None for who was deactivated, disabled or is nobody there. Whom a provider may not make an administrator is none by its tokens.
    """
    everywhere = tx.system(_WORTH)
    row = everywhere.one(
        "SELECT u.name, u.email, u.phone, t.id AS tenant_id, t.closed_at, m.role, m.every_station, m.driver_id,"
        " (SELECT 1 FROM memberships a WHERE a.user_id = u.id AND a.role = :admin AND a.disabled_at IS NULL LIMIT 1) AS is_admin"
        " FROM external_identities e JOIN users u ON u.id = e.user_id"
        " JOIN tenants t ON (:slug <> '' AND t.slug = :slug) OR (:slug = '' AND t.id = :at_tenant)"
        " LEFT JOIN memberships m ON m.tenant = t.id AND m.user_id = u.id AND m.disabled_at IS NULL"
        " WHERE e.id = :identity_id AND e.user_id = :user_id AND e.deactivated_at IS NULL AND u.disabled_at IS NULL",
        identity_id=identity_id,
        user_id=user_id,
        at_tenant=at_tenant,
        slug=slug,
        admin=SYSTEM_ADMIN,
    )
    if row is None:
        return None
    role = row["role"] if row["tenant_id"] == at_tenant and row["closed_at"] is None else None
    if row["is_admin"]:
        role = SYSTEM_ADMIN if may_be_admin else None
    if role is None:
        return None
    stations = None
    if role != SYSTEM_ADMIN and not row["every_station"]:
        found = everywhere.all(
            "SELECT station_id FROM membership_stations WHERE tenant = :at_tenant AND user_id = :user_id",
            at_tenant=at_tenant,
            user_id=user_id,
        )
        stations = frozenset(each["station_id"] for each in found)
    return Standing(
        id=identity_id,
        user_id=user_id,
        name=row["email"] or row["phone"] or row["name"],
        tenant=TenantId(row["tenant_id"]),
        role=role,
        stations=stations,
        driver_id=row["driver_id"],
        permissions=permissions_of(role),
        expires_at=None,
        last_used_at=None,
    )


# --- webhook messages -----------------------------------------------------------------------------------------------------------


def heed(tx: Tx, provider: str, message_id: str) -> bool:
    """Keep that a message was heeded; False when it had been."""
    return (
        tx.run(
            "INSERT INTO external_messages (provider, message_id, heeded_at) VALUES (:provider, :message_id, :now)"
            " ON CONFLICT DO NOTHING",
            provider=provider,
            message_id=message_id,
        )
        > 0
    )


def was_heeded(tx: ReadTx, provider: str, message_id: str) -> bool:
    """Whether a message was heeded before."""
    found = tx.value(
        "SELECT 1 FROM external_messages WHERE provider = :provider AND message_id = :message_id",
        provider=provider,
        message_id=message_id,
    )
    return found is not None


def forget_old(tx: Tx, before: int, most: int) -> int:
    """Delete some of the messages that were heeded before an instant; how many."""
    return tx.run(
        "DELETE FROM external_messages WHERE (provider, message_id) IN"
        " (SELECT provider, message_id FROM external_messages WHERE heeded_at < :before LIMIT :most)",
        before=before,
        most=most,
    )
