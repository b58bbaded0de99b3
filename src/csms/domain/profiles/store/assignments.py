"""SQL of assignments."""

from __future__ import annotations

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page
from csms.domain.profiles.model import Assignment, Target
from csms.domain.profiles.shown import AssignmentsQuery, ProfileAssignment, assignment_shown

from .content import profile_of

LISTING = Listing(
    columns="a.id, a.template_id, t.name AS template, t.content, a.charger_id, a.station_id, a.model, a.evse, a.again_at_boot,"
    " a.created_at",
    source="profile_assignments a JOIN profile_templates t ON t.id = a.template_id WHERE a.tenant = :tenant",
    filters={
        "template_id": "a.template_id = :template_id",
        "charger_id": "a.charger_id = :charger_id",
        "station_id": "a.station_id = :station_id",
        "model": "a.model = :model",
    },
    search="t.folded LIKE :search ESCAPE '!' OR lower(a.charger_id) LIKE :search ESCAPE '!' OR lower(a.model) LIKE :search ESCAPE '!'",
    sorts={"created_at": "a.id", "template": "t.folded"},  # they are numbered as they are made
    unique="a.id",
)
_SELECT = f"SELECT {LISTING.columns} FROM {LISTING.source}"  # noqa: S608 (our own words)


def assignment(tx: ReadTx, assignment_id: int) -> Assignment | None:
    """One assignment of the tenant."""
    row = tx.one(_SELECT + " AND a.id = :id", id=assignment_id)
    return None if row is None else _assignment(row)


def page_of_assignments(tx: ReadTx, query: AssignmentsQuery) -> Page[ProfileAssignment]:
    """A page of assignments."""
    return page(tx, LISTING, query, lambda row: assignment_shown(_assignment(row)))


def list_assignments(tx: ReadTx, template_id: int) -> list[Assignment]:
    """Where a template is assigned, in order of making."""
    return [_assignment(row) for row in tx.all(_SELECT + " AND a.template_id = :id ORDER BY a.id", id=template_id)]


def same_assignment(tx: ReadTx, template_id: int, target: Target, evse: int) -> Assignment | None:
    """The assignment of a template to just this target."""
    return next((each for each in list_assignments(tx, template_id) if (each.target, each.evse) == (target, evse)), None)


def wanted_at(tx: ReadTx, charger_id: str, station_id: int | None, model: str) -> list[Assignment]:
    """Every assignment that concerns a charger, the nearest target first, then the newest."""
    rows = tx.all(
        _SELECT + " AND (a.charger_id = :charger_id OR a.station_id = :station_id OR a.model = :model)" + " ORDER BY a.id DESC",
        charger_id=charger_id,
        station_id=-1 if station_id is None else station_id,
        model=model,
    )
    return sorted((_assignment(row) for row in rows), key=lambda each: each.target.rank)


def insert_assignment(tx: Tx, template_id: int, target: Target, evse: int, *, again_at_boot: bool) -> int:
    """Store a new assignment; its id."""
    found: int = tx.value(
        """
        INSERT INTO profile_assignments (tenant, template_id, charger_id, station_id, model, evse, again_at_boot, created_at)
        VALUES (:tenant, :template_id, :charger_id, :station_id, :model, :evse, :again_at_boot, :now) RETURNING id""",
        template_id=template_id,
        charger_id=target.charger_id,
        station_id=target.station_id,
        model=target.model,
        evse=evse,
        again_at_boot=int(again_at_boot),
    )
    return found


def delete_assignment(tx: Tx, assignment_id: int) -> None:
    """Delete an assignment."""
    tx.run("DELETE FROM profile_assignments WHERE id = :id AND tenant = :tenant", id=assignment_id)


def _assignment(row: Row) -> Assignment:
    return Assignment(
        id=row["id"],
        template_id=row["template_id"],
        template=row["template"],
        profile=profile_of(row["content"]),
        target=Target(charger_id=row["charger_id"], station_id=row["station_id"], model=row["model"]),
        evse=row["evse"],
        again_at_boot=bool(row["again_at_boot"]),
        created_at=row["created_at"],
    )
