"""SQL of local lists and their entries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import attrs

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, at_chargers, first, page

from .model import AUTO, SHOWN, EntriesQuery, Listed, LocalList, LocalListItem, LocalListsQuery

_COLUMNS = ", ".join(field.name for field in attrs.fields(LocalList))
_SELECT = f"SELECT {_COLUMNS} FROM local_lists WHERE tenant = :tenant"  # noqa: S608 (columns of a noun)


def of_charger(tx: ReadTx, charger_id: str) -> LocalList | None:
    """What is known of a charger's list."""
    row = tx.one(_SELECT + " AND charger_id = :charger_id", charger_id=charger_id)
    return None if row is None else _list(row)


LISTS = Listing(
    columns=", ".join(SHOWN),
    source="local_lists WHERE tenant = :tenant",
    filters={**at_chargers("charger_id"), "mode": "mode = :mode", "state": "state = :state"},
    search="lower(charger_id) LIKE :search ESCAPE '!' OR lower(problem) LIKE :search ESCAPE '!'",
    sorts={"charger_id": "charger_id", "synchronised_at": "COALESCE(synchronised_at, 0)", "state": "state"},
    unique="charger_id",
)


def page_of_lists(tx: ReadTx, query: LocalListsQuery, stations: Collection[int] | None = None) -> Page[LocalListItem]:
    """A page of lists; of chargers of ``stations`` only, unless that is None."""
    return page(tx, LISTS, query, lambda row: LocalListItem(**row), stations=stations)


def lists(tx: ReadTx, query: LocalListsQuery, limit: int) -> list[LocalListItem]:
    """The first lists, uncounted."""
    return first(tx, LISTS, query, lambda row: LocalListItem(**row), limit)


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


ENTRIES = Listing(
    columns="token, kind, status, expires_at, parent",
    source="local_list_entries WHERE tenant = :tenant",
    filters={"charger_id": "charger_id = :charger_id", "status": "status = :status", "parent": "lower(parent) = lower(:parent)"},
    search="folded LIKE :search ESCAPE '!' OR lower(parent) LIKE :search ESCAPE '!'",
    sorts={"token": "folded", "expires_at": "COALESCE(expires_at, 0)"},
    unique="folded",
)


def page_of_entries(tx: ReadTx, charger_id: str, query: EntriesQuery) -> Page[Listed]:
    """A page of what we believe is on a charger's list."""
    return page(tx, ENTRIES, query, lambda row: Listed(**row), charger_id=charger_id)


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
