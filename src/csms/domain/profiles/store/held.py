"""SQL of what chargers hold."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, at_chargers, page
from csms.domain.profiles.model import CLEARED, Held
from csms.domain.profiles.shown import HeldProfile, HeldQuery, held_shown

from .content import profile_of, text_of

LISTING = Listing(
    columns="p.id, p.charger_id, p.evse, p.content, p.sent, p.template_id, p.assignment_id, p.transaction_id, p.state, p.status,"
    " p.leaving, p.attempts, p.try_at, p.sent_no, p.sent_at, p.answered_at, p.clearing_at, p.created_at, t.name AS template",
    source="charger_profiles p LEFT JOIN profile_templates t ON t.id = p.template_id WHERE p.tenant = :tenant",
    count_source="charger_profiles p WHERE p.tenant = :tenant",
    filters={
        **at_chargers("p.charger_id"),
        "state": "p.state = :state",
        "purpose": "p.purpose = :purpose",
        "template_id": "p.template_id = :template_id",
        "transaction_id": "p.transaction_id = :transaction_id",
        "present": "p.state <> 'cleared'",
    },
    search="lower(p.charger_id) LIKE :search ESCAPE '!' OR lower(p.status) LIKE :search ESCAPE '!'",
    sorts={"created_at": "p.id", "charger_id": "p.charger_id", "stack_level": "p.stack_level"},  # numbered as they are made
    unique="p.id",
)
_SELECT = f"SELECT {LISTING.columns} FROM {LISTING.source}"  # noqa: S608 (our own words)


def page_of_held(tx: ReadTx, query: HeldQuery, stations: Collection[int] | None = None, **fixed: Any) -> Page[HeldProfile]:
    """A page of what chargers hold; of chargers of ``stations`` only, unless that is None."""
    present = None if query.history or query.state == CLEARED else True
    return page(tx, LISTING, query, lambda row: held_shown(_held(row)), present=present, stations=stations, **fixed)


def _all(tx: ReadTx, where: str, **parameters: Any) -> list[Held]:
    return [_held(row) for row in tx.all(f"{_SELECT} AND {where}", **parameters)]


def by_id(tx: ReadTx, held_id: int) -> Held | None:
    """One row."""
    return next(iter(_all(tx, "p.id = :id", id=held_id)), None)


def live(tx: ReadTx, charger_id: str) -> list[Held]:
    """What a charger holds or may hold, in the order in which it was sent."""
    where = "p.charger_id = :charger_id AND p.state IN ('installed', 'uncertain') ORDER BY p.sent_no, p.id"
    return _all(tx, where, charger_id=charger_id)


def of_charger(tx: ReadTx, charger_id: str, *, history: bool = False) -> list[Held]:
    """What concerns a charger now, with ``history`` also what is over, the oldest first."""
    past = "" if history else " AND p.state <> 'cleared'"
    return _all(tx, f"p.charger_id = :charger_id{past} ORDER BY p.id", charger_id=charger_id)


def of_template(tx: ReadTx, template_id: int) -> list[Held]:
    """How a template stands with every charger it was sent to, as far as it is not over."""
    return _all(tx, "p.template_id = :template_id AND p.state <> 'cleared' ORDER BY p.charger_id, p.id", template_id=template_id)


def of_assignments(tx: ReadTx, charger_id: str) -> list[Held]:
    """What a charger has of assignments, in whatever state; not what was for one transaction."""
    where = "p.charger_id = :charger_id AND p.assignment_id IS NOT NULL AND p.transaction_id IS NULL ORDER BY p.id"
    return _all(tx, where, charger_id=charger_id)


def of_transaction(tx: ReadTx, charger_id: str, transaction_id: int) -> list[Held]:
    """What was for one transaction and is not over."""
    where = "p.transaction_id = :transaction_id AND p.charger_id = :charger_id AND p.state <> 'cleared' ORDER BY p.id"
    return _all(tx, where, charger_id=charger_id, transaction_id=transaction_id)


def due(tx: ReadTx, charger_id: str) -> Held | None:
    """What is due at a charger next: first what shall come, the lowest stack level first, then what shall go."""
    where = "p.charger_id = :charger_id AND p.try_at <= :now ORDER BY p.leaving, p.stack_level, p.try_at, p.id LIMIT 1"
    return next(iter(_all(tx, where, charger_id=charger_id)), None)


def expired(tx: ReadTx, limit: int) -> list[Held]:
    """What is past its validity and not marked as leaving yet."""
    where = "p.valid_to <= :now AND p.valid_to IS NOT NULL AND p.state <> 'cleared' AND p.leaving = 0 ORDER BY p.valid_to, p.id LIMIT :limit"
    return _all(tx, where, limit=limit)


def ended_before(tx: ReadTx, at: int, limit: int) -> list[int]:
    """Rows that were over before an instant, and are not the only word on an assignment."""
    rows = tx.all(
        """
        SELECT id FROM charger_profiles WHERE tenant = :tenant AND state IN ('cleared', 'refused') AND changed_at < :at
            AND try_at IS NULL AND (assignment_id IS NULL OR transaction_id IS NOT NULL)
        ORDER BY changed_at, id LIMIT :limit""",
        at=at,
        limit=limit,
    )
    return [row["id"] for row in rows]


def forget(tx: Tx, held_ids: list[int]) -> None:
    """Delete rows."""
    tx.many("DELETE FROM charger_profiles WHERE id = :id AND tenant = :tenant", [{"id": each} for each in held_ids])


_INSERT = """
INSERT INTO charger_profiles (tenant, charger_id, evse, profile_id, purpose, stack_level, valid_to, content, sent, template_id,
    assignment_id, transaction_id, state, status, leaving, attempts, try_at, sent_no, sent_at, answered_at, clearing_at, created_at,
    changed_at)
VALUES (:tenant, :charger_id, :evse, :profile_id, :purpose, :stack_level, :valid_to, :content, :sent, :template_id,
    :assignment_id, :transaction_id, :state, :status, :leaving, :attempts, :try_at, :sent_no, :sent_at, :answered_at, :clearing_at,
    :created_at, :now) RETURNING id"""
_UPDATE = """
UPDATE charger_profiles SET evse = :evse, profile_id = :profile_id, purpose = :purpose, stack_level = :stack_level,
    valid_to = :valid_to, content = :content, sent = :sent, template_id = :template_id, assignment_id = :assignment_id,
    transaction_id = :transaction_id, state = :state, status = :status, leaving = :leaving, attempts = :attempts, try_at = :try_at,
    sent_no = :sent_no, sent_at = :sent_at, answered_at = :answered_at, clearing_at = :clearing_at, changed_at = :now
WHERE id = :id AND tenant = :tenant"""


def insert_held(tx: Tx, new: Held) -> Held:
    """Store a new row; it with its id."""
    parameters = _parameters(new)
    del parameters["id"]
    return attrs.evolve(new, id=tx.value(_INSERT, **parameters))


def save_held(tx: Tx, changed: Held) -> None:
    """Store a row as it is now."""
    parameters = _parameters(changed)
    for fixed in ("charger_id", "created_at"):
        del parameters[fixed]
    tx.run(_UPDATE, **parameters)


def _parameters(held: Held) -> dict[str, Any]:
    names = (field.name for field in attrs.fields(Held))
    return {name: getattr(held, name) for name in names if name not in ("profile", "template")} | {
        "profile_id": held.profile.id,
        "purpose": held.profile.purpose,
        "stack_level": held.profile.stack_level,
        "valid_to": held.profile.valid_to_at,
        "content": text_of(held.profile),
        "sent": "" if held.sent is None else text_of(held.sent),
        "leaving": int(held.leaving),
    }


def _held(row: Row) -> Held:
    return Held(
        id=row["id"],
        charger_id=row["charger_id"],
        evse=row["evse"],
        profile=profile_of(row["content"]),
        sent=profile_of(row["sent"]) if row["sent"] else None,
        template_id=row["template_id"],
        assignment_id=row["assignment_id"],
        transaction_id=row["transaction_id"],
        state=row["state"],
        status=row["status"],
        leaving=bool(row["leaving"]),
        attempts=row["attempts"],
        try_at=row["try_at"],
        sent_no=row["sent_no"],
        sent_at=row["sent_at"],
        answered_at=row["answered_at"],
        clearing_at=row["clearing_at"],
        created_at=row["created_at"],
        template=row["template"] or "",
    )
