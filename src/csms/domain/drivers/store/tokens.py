"""SQL of tokens and their groups."""

from __future__ import annotations

from typing import Any

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.drivers.model import IssuedToken, TokenGroup

_SELECT = """
SELECT id, value, kind, label, token_group_id, driver_id, status, valid_from, expires_at, max_transactions, created_at, note
FROM tokens WHERE tenant = :tenant AND removed_at IS NULL"""


def token(tx: ReadTx, folded: str) -> IssuedToken | None:
    """The token of that folded value."""
    row = tx.one(_SELECT + " AND folded = :folded", folded=folded)
    return None if row is None else _token(row)


def token_by_id(tx: ReadTx, token_id: int) -> IssuedToken | None:
    """One token of the tenant."""
    row = tx.one(_SELECT + " AND id = :token_id", token_id=token_id)
    return None if row is None else _token(row)


def app_token(tx: ReadTx, driver_id: int, kind: str) -> IssuedToken | None:
    """The oldest token of a kind that a driver has."""
    row = tx.one(_SELECT + " AND driver_id = :driver_id AND kind = :kind ORDER BY id LIMIT 1", driver_id=driver_id, kind=kind)
    return None if row is None else _token(row)


def list_tokens(
    tx: ReadTx, *, after: str = "", limit: int = 100, token_group_id: int | None = None, driver_id: int | None = None
) -> list[IssuedToken]:
    """Tokens of the tenant by folded value, a page of ``limit`` after the folded value ``after``."""
    sql, parameters = _SELECT + " AND folded > :after", {"after": after, "limit": limit}
    if token_group_id is not None:
        sql += " AND token_group_id = :token_group_id"
        parameters["token_group_id"] = token_group_id
    if driver_id is not None:
        sql += " AND driver_id = :driver_id"
        parameters["driver_id"] = driver_id
    return [_token(row) for row in tx.all(sql + " ORDER BY folded LIMIT :limit", **parameters)]


def insert_token(tx: Tx, **values: Any) -> int | None:
    """The id of the new token, None when its value is in use. ``values`` are the columns from ``value`` to ``note``."""
    found: int | None = tx.value(
        """
        INSERT INTO tokens (tenant, value, folded, kind, label, token_group_id, driver_id, valid_from, expires_at, max_transactions,
            note, created_at)
        VALUES (:tenant, :value, :folded, :kind, :label, :token_group_id, :driver_id, :valid_from, :expires_at, :max_transactions,
            :note, :created_at)
        ON CONFLICT DO NOTHING RETURNING id""",
        created_at=tx.now,
        **values,
    )
    return found


def update_token(tx: Tx, token: IssuedToken) -> None:
    """Store a changed token; its value and kind stay."""
    tx.run(
        """
        UPDATE tokens SET label = :label, token_group_id = :token_group_id, driver_id = :driver_id, status = :status,
            valid_from = :valid_from, expires_at = :expires_at, max_transactions = :max_transactions, note = :note,
            blocked_at = CASE WHEN :status <> 'blocked' THEN NULL ELSE COALESCE(blocked_at, :now) END
        WHERE id = :id AND tenant = :tenant AND removed_at IS NULL""",
        id=token.id,
        label=token.label,
        token_group_id=token.token_group_id,
        driver_id=token.driver_id,
        status=token.status,
        valid_from=token.valid_from,
        expires_at=token.expires_at,
        max_transactions=token.max_transactions,
        note=token.note,
    )


def remove_token(tx: Tx, token_id: int) -> None:
    """Take a token away, out of its group and with its grants; its row stays."""
    tx.run(
        "UPDATE tokens SET removed_at = :removed_at, token_group_id = NULL WHERE id = :token_id AND tenant = :tenant",
        token_id=token_id,
        removed_at=tx.now,
    )
    tx.run("DELETE FROM grants WHERE token_id = :token_id AND tenant = :tenant", token_id=token_id)


# --- groups ---------------------------------------------------------------------------------------------------------------------

_GROUP = "SELECT id, name, parent, status FROM token_groups WHERE tenant = :tenant"


def token_group(tx: ReadTx, token_group_id: int) -> TokenGroup | None:
    """One token group of the tenant."""
    row = tx.one(_GROUP + " AND id = :token_group_id", token_group_id=token_group_id)
    return None if row is None else _group(row)


def list_token_groups(tx: ReadTx) -> list[TokenGroup]:
    """The token groups of the tenant by name."""
    return [_group(row) for row in tx.all(_GROUP + " ORDER BY name")]


def insert_token_group(tx: Tx, name: str, parent: str) -> int | None:
    """The id of the new group, None when its name or its parent is in use."""
    found: int | None = tx.value(
        """
        INSERT INTO token_groups (tenant, name, parent, parent_folded, created_at)
        VALUES (:tenant, :name, :parent, :parent_folded, :created_at) ON CONFLICT DO NOTHING RETURNING id""",
        name=name,
        parent=parent,
        parent_folded=parent.casefold(),
        created_at=tx.now,
    )
    return found


def set_group_status(tx: Tx, token_group_id: int, status: str) -> bool:
    """Block or unblock a group; False when there is none."""
    touched = tx.run(
        "UPDATE token_groups SET status = :status WHERE id = :token_group_id AND tenant = :tenant",
        token_group_id=token_group_id,
        status=status,
    )
    return touched > 0


def rename_group(tx: Tx, token_group_id: int, name: str) -> None:
    """Give a group another name."""
    tx.run(
        "UPDATE token_groups SET name = :name WHERE id = :token_group_id AND tenant = :tenant",
        token_group_id=token_group_id,
        name=name,
    )


def group_named(tx: ReadTx, name: str) -> int | None:
    """The id of the group of that name."""
    found: int | None = tx.value("SELECT id FROM token_groups WHERE tenant = :tenant AND name = :name", name=name)
    return found


def delete_token_group(tx: Tx, token_group_id: int) -> None:
    """Delete a group that has no tokens, with its grants."""
    tx.run("DELETE FROM token_groups WHERE id = :token_group_id AND tenant = :tenant", token_group_id=token_group_id)


def _group(row: Row) -> TokenGroup:
    return TokenGroup(id=row["id"], name=row["name"], parent=row["parent"], status=row["status"])


def _token(row: Row) -> IssuedToken:
    return IssuedToken(
        id=row["id"],
        value=row["value"],
        kind=row["kind"],
        label=row["label"],
        token_group_id=row["token_group_id"],
        driver_id=row["driver_id"],
        status=row["status"],
        valid_from=row["valid_from"],
        expires_at=row["expires_at"],
        max_transactions=row["max_transactions"],
        created_at=row["created_at"],
        note=row["note"],
    )
