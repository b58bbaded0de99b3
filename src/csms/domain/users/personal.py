"""What this slice holds of a driver's account: to be handed out, and to be forgotten."""

from __future__ import annotations

from typing import Any

from csms.core.ports import ReadTx, Tx

from .model import members_key, user_key

_ACCOUNT = """
SELECT u.id, u.name, u.email, u.email_verified_at, u.phone, u.phone_verified_at, u.locale, u.second_factor, u.created_at, u.disabled_at,
    m.role, m.created_at AS joined_at
FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant = :tenant AND m.driver_id = :driver_id"""
_WHY = "an account may belong to several tenants"


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """The account that charges as a driver, its logins, and by which names identity providers know it; nothing that opens it."""
    account = tx.one(_ACCOUNT, driver_id=driver_id)
    if account is None:
        return {"account": None, "logins": [], "identities": []}
    logins = tx.system(_WHY).all(
        "SELECT device, remote_address, created_at, last_used_at, ended_at FROM logins"
        " WHERE user_id = :user_id AND at_tenant = :at_tenant ORDER BY id",
        user_id=account["id"],
        at_tenant=tx.tenant,
    )
    identities = tx.all(
        "SELECT issuer, subject, created_at, deactivated_at FROM external_identities WHERE user_id = :user_id ORDER BY id",
        user_id=account["id"],
    )
    return {"account": account, "logins": list(logins), "identities": list(identities)}


def words(tx: ReadTx, driver_id: int) -> list[str]:
    """By what the account can be known."""
    account = tx.one(_ACCOUNT, driver_id=driver_id)
    return [] if account is None else [account[column] for column in ("name", "email", "phone") if account[column]]


def erase(tx: Tx, driver_id: int, name: str) -> int | None:
    """Take a driver's account out of the tenant, and forget it where it belongs to no other; its id, None where there is none."""
    account = tx.one(_ACCOUNT, driver_id=driver_id)
    if account is None:
        return None
    user_id: int = account["id"]
    tx.claim(*sorted((members_key(tx.tenant), user_key(user_id))))
    tx.run("DELETE FROM membership_stations WHERE tenant = :tenant AND user_id = :user_id", user_id=user_id)
    tx.run("DELETE FROM memberships WHERE tenant = :tenant AND user_id = :user_id", user_id=user_id)
    everywhere = tx.system(_WHY)
    if everywhere.value("SELECT 1 FROM memberships WHERE user_id = :user_id LIMIT 1", user_id=user_id) is not None:
        everywhere.run(
            "UPDATE logins SET ended_at = COALESCE(ended_at, :at), ended_why = 'erased', device = '', remote_address = ''"
            " WHERE user_id = :user_id AND at_tenant = :at_tenant",
            user_id=user_id,
            at=tx.now,
            at_tenant=tx.tenant,
        )
        return user_id
    everywhere.run(
        "UPDATE users SET name = :name, email = '', email_folded = '', email_verified_at = NULL, phone = '', phone_verified_at = NULL,"
        " password_hash = '', second_factor = '', totp_sealed = '', disabled_at = COALESCE(disabled_at, :at) WHERE id = :user_id",
        user_id=user_id,
        name=name,
        at=tx.now,
    )
    everywhere.run(
        "UPDATE logins SET ended_at = COALESCE(ended_at, :at), ended_why = 'erased', device = '', remote_address = ''"
        " WHERE user_id = :user_id",
        user_id=user_id,
        at=tx.now,
    )
    for table in ("recovery_codes", "challenges", "external_identities"):
        everywhere.run(f"DELETE FROM {table} WHERE user_id = :user_id", user_id=user_id)  # noqa: S608 (our names)
    return user_id
