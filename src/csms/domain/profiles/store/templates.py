"""SQL of templates."""

from __future__ import annotations

from csms.core.charging import ChargingProfile
from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, first, page, whether
from csms.domain.profiles.model import Template
from csms.domain.profiles.shown import ProfilesQuery, ProfileTemplate, shown

from .content import profile_of, text_of

LISTING = Listing(
    columns="t.id, t.name, t.description, t.content, t.created_at, t.changed_at,"
    " (SELECT count(*) FROM profile_assignments a WHERE a.template_id = t.id AND a.tenant = :tenant) AS assignments",
    source="profile_templates t WHERE t.tenant = :tenant",
    filters={
        "used": "EXISTS (SELECT 1 FROM profile_assignments a WHERE a.template_id = t.id AND a.tenant = :tenant)",
        "unused": "NOT EXISTS (SELECT 1 FROM profile_assignments a WHERE a.template_id = t.id AND a.tenant = :tenant)",
    },
    search="t.folded LIKE :search ESCAPE '!' OR lower(t.description) LIKE :search ESCAPE '!'",
    sorts={"name": "t.folded", "created_at": "t.created_at", "changed_at": "t.changed_at"},
    unique="t.id",
)
_SELECT = f"SELECT {LISTING.columns} FROM {LISTING.source}"  # noqa: S608 (our own words)


def template(tx: ReadTx, name: str) -> Template | None:
    """A template of the tenant by its name, in any case."""
    row = tx.one(_SELECT + " AND t.folded = :folded", folded=name.casefold())
    return None if row is None else _template(row)


def template_by_id(tx: ReadTx, template_id: int) -> Template | None:
    """A template of the tenant."""
    row = tx.one(_SELECT + " AND t.id = :id", id=template_id)
    return None if row is None else _template(row)


def page_of_templates(tx: ReadTx, query: ProfilesQuery) -> Page[ProfileTemplate]:
    """A page of templates."""
    return page(tx, LISTING, query, lambda row: shown(_template(row)), **whether(query.assigned, "used", "unused"))


def list_templates(tx: ReadTx, query: ProfilesQuery | None = None, limit: int = 100) -> list[Template]:
    """The first templates of a list, uncounted."""
    query = query or ProfilesQuery()
    return first(tx, LISTING, query, _template, limit, **whether(query.assigned, "used", "unused"))


def insert_template(tx: Tx, name: str, description: str, profile: ChargingProfile) -> bool:
    """Store a new template; False when its name is taken."""
    touched = tx.run(
        """
        INSERT INTO profile_templates (tenant, name, folded, description, content, created_at, changed_at)
        VALUES (:tenant, :name, :folded, :description, :content, :now, :now) ON CONFLICT DO NOTHING""",
        name=name,
        folded=name.casefold(),
        description=description,
        content=text_of(profile),
    )
    return touched > 0


def update_template(tx: Tx, template_id: int, description: str, profile: ChargingProfile) -> None:
    """Store a changed template."""
    tx.run(
        """
        UPDATE profile_templates SET description = :description, content = :content, changed_at = :now
        WHERE id = :id AND tenant = :tenant""",
        id=template_id,
        description=description,
        content=text_of(profile),
    )


def delete_template(tx: Tx, template_id: int) -> None:
    """Delete a template that is assigned nowhere; what chargers hold of it stays theirs."""
    tx.run("UPDATE charger_profiles SET template_id = NULL WHERE template_id = :id AND tenant = :tenant", id=template_id)
    tx.run("DELETE FROM profile_templates WHERE id = :id AND tenant = :tenant", id=template_id)


def _template(row: Row) -> Template:
    return Template(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        profile=profile_of(row["content"]),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        assignments=row["assignments"],
    )
