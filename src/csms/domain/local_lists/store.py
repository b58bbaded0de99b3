"""SQL of local lists and their entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from csms.core.ports import ReadTx, Row, Tx

from .model import AUTO, Listed, LocalList

_COLUMNS = ", ".join(field.name for field in attrs.fields(LocalList))
_SELECT = f"SELECT {_COLUMNS} FROM local_lists WHERE tenant = :tenant"  # noqa: S608 (columns of a noun)


def of_charger(tx: ReadTx, charger_id: str) -> LocalList | None:
    """What is known of a charger's list."""
    row = tx.one(_SELECT + " AND charger_id = :charger_id", charger_id=charger_id)
    return None if row is None else _list(row)


def everything(tx: ReadTx, *, after: str = "", limit: int = 100) -> list[LocalList]:
    """The lists of the tenant by charger, a page after the charger ``after``."""
    rows = tx.all(_SELECT + " AND charger_id > :after ORDER BY charger_id LIMIT :limit", after=after, limit=limit)
    return [_list(row) for row in rows]


def due(tx: ReadTx, *, automatic: bool, limit: int) -> Sequence[Row]:
    """``charger_id`` of connected chargers whose list is to be looked at; ``automatic`` is what holds for those that say nothing."""
    return tx.all(
        """
        SELECT l.charger_id FROM local_lists l JOIN chargers c ON c.id = l.charger_id
        WHERE l.tenant = :tenant AND c.tenant = :tenant AND l.due_at <= :now AND c.connection_id <> '' AND c.removed_at IS NULL
            AND (l.mode = :auto OR (l.mode = '' AND :automatic = 1))
        ORDER BY l.due_at, l.charger_id LIMIT :limit""",
        now=tx.now,
        auto=AUTO,
        automatic=int(automatic),
        limit=limit,
    )


def save(tx: Tx, state: LocalList) -> None:
    """Store what is known of a charger's list."""
    values = attrs.asdict(state) | {"needs_full": int(state.needs_full), "changed_at": tx.now}
    tx.run(_SAVE, **values)


_NAMES = [field.name for field in attrs.fields(LocalList)] + ["changed_at"]
_SAVE = (
    f"INSERT INTO local_lists (tenant, {', '.join(_NAMES)}) VALUES (:tenant, {', '.join(':' + name for name in _NAMES)})"  # noqa: S608
    f" ON CONFLICT (charger_id) DO UPDATE SET tenant = excluded.tenant, "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name != "charger_id")
)


def hurry(tx: Tx, due_at: int, charger_id: str | None = None) -> int:
    """Have one list, or every list of the tenant, looked at by ``due_at``; how many."""
    sql = "UPDATE local_lists SET due_at = :due_at WHERE tenant = :tenant AND (due_at IS NULL OR due_at > :due_at)"
    if charger_id is None:
        return tx.run(sql, due_at=due_at)
    return tx.run(sql + " AND charger_id = :charger_id", due_at=due_at, charger_id=charger_id)


def chargers_without(tx: ReadTx, limit: int) -> Sequence[Row]:
    """``id`` of chargers of which nothing is known here yet."""
    return tx.all(
        """
        SELECT c.id FROM chargers c WHERE c.tenant = :tenant AND c.removed_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM local_lists l WHERE l.charger_id = c.id AND l.tenant = :tenant)
        ORDER BY c.id LIMIT :limit""",
        limit=limit,
    )


# --- entries --------------------------------------------------------------------------------------------------------------------


def entries(tx: ReadTx, charger_id: str) -> dict[str, Listed]:
    """What we believe is on a charger's list, by folded token."""
    rows = tx.all(
        "SELECT folded, token, kind, status, expires_at, parent FROM local_list_entries"
        " WHERE tenant = :tenant AND charger_id = :charger_id ORDER BY folded",
        charger_id=charger_id,
    )
    return {row["folded"]: Listed(row["token"], row["kind"], row["status"], row["expires_at"], row["parent"]) for row in rows}


def count_entries(tx: ReadTx, charger_id: str) -> int:
    """How many entries we believe are on a charger's list."""
    return int(
        tx.value(
            "SELECT count(*) FROM local_list_entries WHERE tenant = :tenant AND charger_id = :charger_id", charger_id=charger_id
        )
    )


def replace_entries(tx: Tx, charger_id: str, before: Mapping[str, Listed], after: Mapping[str, Listed]) -> None:
    """Store what is on the list now, touching only what changed."""
    _delete(tx, charger_id, (folded for folded in before if folded not in after))
    changed = [
        {"charger_id": charger_id, "folded": folded, **attrs.asdict(listed)}
        for folded, listed in after.items()
        if before.get(folded) != listed
    ]
    tx.many(
        """
        INSERT INTO local_list_entries (charger_id, folded, tenant, token, kind, status, expires_at, parent)
        VALUES (:charger_id, :folded, :tenant, :token, :kind, :status, :expires_at, :parent)
        ON CONFLICT (charger_id, folded) DO UPDATE SET token = excluded.token, kind = excluded.kind, status = excluded.status,
            expires_at = excluded.expires_at, parent = excluded.parent""",
        changed,
    )


def _delete(tx: Tx, charger_id: str, gone: Iterable[str]) -> None:
    tx.many(
        "DELETE FROM local_list_entries WHERE tenant = :tenant AND charger_id = :charger_id AND folded = :folded",
        [{"charger_id": charger_id, "folded": folded} for folded in gone],
    )


def _list(row: Row) -> LocalList:
    return LocalList(**{field.name: row[field.name] for field in attrs.fields(LocalList)})
