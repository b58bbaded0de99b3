"""SQL of templates."""

from __future__ import annotations

from csms.core.charging import ChargingProfile
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.profiles.model import Template

from .content import profile_of, text_of

_SELECT = """
SELECT t.id, t.name, t.description, t.content, t.created_at, t.changed_at,
    (SELECT count(*) FROM profile_assignments a WHERE a.template_id = t.id) AS assignments
FROM profile_templates t WHERE t.tenant = :tenant"""


def template(tx: ReadTx, name: str) -> Template | None:
    """A template of the tenant by its name, in any case."""
    row = tx.one(_SELECT + " AND t.folded = :folded", folded=name.casefold())
    return None if row is None else _template(row)


def list_templates(tx: ReadTx, *, after: str = "", limit: int = 100) -> list[Template]:
    """Templates of the tenant by name, a page of ``limit`` after a folded name."""
    rows = tx.all(_SELECT + " AND t.folded > :after ORDER BY t.folded LIMIT :limit", after=after, limit=limit)
    return [_template(row) for row in rows]


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
