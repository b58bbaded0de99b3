"""SQL of resets."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.listing import Listing, at_chargers, first, page, whether
from csms.domain.upkeep.model.resets import ChargerReset, ResetsQuery

from .table import Table

RESETS = Table(ChargerReset, "charger_resets")


def reset(tx: ReadTx, reset_id: int) -> ChargerReset | None:
    """One reset."""
    return RESETS.one(tx, "AND id = :reset_id", reset_id=reset_id)


def all_open(tx: ReadTx, charger_id: str) -> Sequence[ChargerReset]:
    """Resets of a charger that it has not followed yet, the oldest first."""
    return RESETS.all(tx, "AND charger_id = :charger_id AND closed_at IS NULL ORDER BY id", charger_id=charger_id)


def overdue(tx: ReadTx, limit: int) -> Sequence[ChargerReset]:
    """Resets whose deadline has passed, the longest overdue first."""
    return RESETS.all(tx, "AND deadline_at <= :now ORDER BY deadline_at, id LIMIT :limit", now=tx.now, limit=limit)


# --- lists ----------------------------------------------------------------------------------------------------------------------

LISTING = Listing(
    columns=", ".join(RESETS.columns),
    source="charger_resets WHERE tenant = :tenant",
    filters={
        **at_chargers("charger_id"),
        "state": "state = :state",
        "kind": "kind = :kind",
        "under_way": "closed_at IS NULL",
        "over": "closed_at IS NOT NULL",
        "from_at": "asked_at >= :from_at",
        "to_at": "asked_at < :to_at",
    },
    search="lower(charger_id) LIKE :search ESCAPE '!' OR lower(note) LIKE :search ESCAPE '!'",
    sorts={"asked_at": "id"},  # they are numbered as they are asked for
    unique="id",
)


def page_of_resets(tx: ReadTx, query: ResetsQuery, stations: Collection[int] | None = None) -> Page[ChargerReset]:
    """A page of resets; of chargers of ``stations`` only, unless that is None."""
    return page(tx, LISTING, query, RESETS.noun, **whether(query.open, "under_way", "over"), stations=stations)


def list_resets(tx: ReadTx, query: ResetsQuery | None = None, limit: int = 50) -> list[ChargerReset]:
    """The first resets of a list, uncounted."""
    query = query or ResetsQuery()
    return first(tx, LISTING, query, RESETS.noun, limit, **whether(query.open, "under_way", "over"))
