"""SQL of what chargers' configuration should be: their own settings, and templates."""

from __future__ import annotations

from collections.abc import Mapping

from csms.core.paging import Page
from csms.core.ports import ReadTx, Tx
from csms.domain.listing import Listing, first, page
from csms.domain.upkeep.model.configuration import Template
from csms.domain.upkeep.model.configured import TemplateItem, TemplatesQuery

from .table import Table

TEMPLATES = Table(Template, "configuration_templates")


# --- a charger's own --------------------------------------------------------------------------------------------------------------


def wishes(tx: ReadTx, charger_id: str) -> list[tuple[str, str]]:
    """What is wanted of this very charger: variables and values."""
    rows = tx.all(
        "SELECT variable, value FROM configuration_wishes WHERE tenant = :tenant AND charger_id = :charger_id ORDER BY folded",
        charger_id=charger_id,
    )
    return [(row["variable"], row["value"]) for row in rows]


def save_wish(tx: Tx, charger_id: str, variable: str, value: str) -> None:
    """Want a value of a charger's variable."""
    tx.run(
        """
        INSERT INTO configuration_wishes (charger_id, folded, tenant, variable, value, wished_at)
        VALUES (:charger_id, :folded, :tenant, :variable, :value, :at)
        ON CONFLICT (charger_id, folded) DO UPDATE SET tenant = excluded.tenant, variable = excluded.variable,
            value = excluded.value, wished_at = excluded.wished_at""",
        charger_id=charger_id,
        folded=variable.casefold(),
        variable=variable,
        value=value,
        at=tx.now,
    )


def delete_wish(tx: Tx, charger_id: str, variable: str) -> bool:
    """Want nothing of it any more; False where nothing was."""
    touched = tx.run(
        "DELETE FROM configuration_wishes WHERE tenant = :tenant AND charger_id = :charger_id AND folded = :folded",
        charger_id=charger_id,
        folded=variable.casefold(),
    )
    return touched > 0


# --- templates ------------------------------------------------------------------------------------------------------------------


def template(tx: ReadTx, name: str) -> Template | None:
    """A template by name; case does not count."""
    return TEMPLATES.one(tx, "AND folded = :folded", folded=name.casefold())


def by_id(tx: ReadTx, template_id: int) -> Template | None:
    """A template by id."""
    return TEMPLATES.one(tx, "AND id = :template_id", template_id=template_id)


LISTING = Listing(
    columns=", ".join("t." + name for name in TEMPLATES.columns)  # noqa: S608 (columns of a noun)
    + ", (SELECT count(*) FROM configuration_template_settings s WHERE s.template_id = t.id AND s.tenant = :tenant) AS settings,"
    " (SELECT count(*) FROM configuration_template_chargers n WHERE n.template_id = t.id AND n.tenant = :tenant) AS chargers",
    source="configuration_templates t WHERE t.tenant = :tenant",
    filters={"scope": "t.scope = :scope", "station_id": "t.station_id = :station_id"},
    search="t.folded LIKE :search ESCAPE '!' OR t.vendor LIKE :search ESCAPE '!' OR t.model LIKE :search ESCAPE '!'",
    sorts={"id": "t.id", "name": "t.folded", "updated_at": "t.updated_at"},
    unique="t.id",
)


def page_of_templates(tx: ReadTx, query: TemplatesQuery) -> Page[TemplateItem]:
    """A page of templates."""
    return page(tx, LISTING, query, lambda row: TemplateItem(**row))


def list_templates(tx: ReadTx, query: TemplatesQuery | None = None, limit: int = 100) -> list[TemplateItem]:
    """The first templates of a list, uncounted."""
    return first(tx, LISTING, query or TemplatesQuery(), lambda row: TemplateItem(**row), limit)


def insert_template(tx: Tx, new: Template) -> int | None:
    """The id of the new template; None when the name is taken."""
    found: int | None = tx.value(
        """
        INSERT INTO configuration_templates (tenant, name, folded, scope, vendor, model, station_id, created_at, updated_at)
        VALUES (:tenant, :name, :folded, :scope, :vendor, :model, :station_id, :at, :at)
        ON CONFLICT (tenant, folded) DO NOTHING RETURNING id""",
        name=new.name,
        folded=new.name.casefold(),
        scope=new.scope,
        vendor=new.vendor,
        model=new.model,
        station_id=new.station_id,
        at=tx.now,
    )
    return found


def touch_template(tx: Tx, template_id: int) -> None:
    """It was changed."""
    tx.run(
        "UPDATE configuration_templates SET updated_at = :at WHERE tenant = :tenant AND id = :template_id",
        template_id=template_id,
        at=tx.now,
    )


def delete_template(tx: Tx, template_id: int) -> None:
    """Take a template away, with its settings."""
    for table in ("configuration_template_settings", "configuration_template_chargers"):
        tx.run(f"DELETE FROM {table} WHERE tenant = :tenant AND template_id = :template_id", template_id=template_id)  # noqa: S608
    tx.run("DELETE FROM configuration_templates WHERE tenant = :tenant AND id = :template_id", template_id=template_id)


def settings_of(tx: ReadTx, template_id: int) -> dict[str, str]:
    """A template's values by variable."""
    rows = tx.all(
        "SELECT variable, value FROM configuration_template_settings WHERE tenant = :tenant AND template_id = :template_id"
        " ORDER BY folded",
        template_id=template_id,
    )
    return {row["variable"]: row["value"] for row in rows}


def save_settings(tx: Tx, template_id: int, settings: Mapping[str, str]) -> None:
    """Add settings to a template, or change them."""
    tx.many(
        """
        INSERT INTO configuration_template_settings (template_id, folded, tenant, variable, value)
        VALUES (:template_id, :folded, :tenant, :variable, :value)
        ON CONFLICT (template_id, folded) DO UPDATE SET variable = excluded.variable, value = excluded.value""",
        [
            {"template_id": template_id, "folded": variable.casefold(), "variable": variable, "value": value}
            for variable, value in settings.items()
        ],
    )


def delete_setting(tx: Tx, template_id: int, variable: str) -> bool:
    """Take a setting out of a template; False where there was none."""
    touched = tx.run(
        "DELETE FROM configuration_template_settings WHERE tenant = :tenant AND template_id = :template_id AND folded = :folded",
        template_id=template_id,
        folded=variable.casefold(),
    )
    return touched > 0


def chargers_of(tx: ReadTx, template_id: int) -> list[str]:
    """The chargers that a template names."""
    rows = tx.all(
        "SELECT charger_id FROM configuration_template_chargers WHERE tenant = :tenant AND template_id = :template_id"
        " ORDER BY charger_id",
        template_id=template_id,
    )
    return [row["charger_id"] for row in rows]


def name_charger(tx: Tx, template_id: int, charger_id: str) -> None:
    """Have a template name a charger."""
    tx.run(
        "INSERT INTO configuration_template_chargers (template_id, charger_id, tenant) VALUES (:template_id, :charger_id, :tenant)"
        " ON CONFLICT DO NOTHING",
        template_id=template_id,
        charger_id=charger_id,
    )


def drop_charger(tx: Tx, template_id: int, charger_id: str) -> bool:
    """Have a template not name a charger any more; False where it did not."""
    touched = tx.run(
        "DELETE FROM configuration_template_chargers"
        " WHERE tenant = :tenant AND template_id = :template_id AND charger_id = :charger_id",
        template_id=template_id,
        charger_id=charger_id,
    )
    return touched > 0


_OF_CHARGER = """
SELECT t.id, t.name, t.scope, t.vendor, t.model, t.station_id, t.created_at, t.updated_at, s.variable, s.value
FROM configuration_templates t JOIN configuration_template_settings s ON s.template_id = t.id
WHERE t.tenant = :tenant AND s.tenant = :tenant AND (
    t.scope = 'all'
    OR (t.scope = 'station' AND t.station_id = :station_id)
    OR (t.scope = 'model' AND t.vendor = :vendor AND t.model IN ('', :model))
    OR (t.scope = 'chargers' AND EXISTS (
        SELECT 1 FROM configuration_template_chargers n
        WHERE n.tenant = :tenant AND n.template_id = t.id AND n.charger_id = :charger_id)))
ORDER BY t.id, s.folded"""


def of_charger(tx: ReadTx, charger_id: str, *, station_id: int | None, vendor: str, model: str) -> list[tuple[Template, str, str]]:
    """What templates want of such a charger: each with a variable and its value."""
    rows = tx.all(_OF_CHARGER, charger_id=charger_id, station_id=station_id or 0, vendor=vendor.casefold(), model=model.casefold())
    return [(TEMPLATES.noun(row), row["variable"], row["value"]) for row in rows]


def bump(tx: Tx) -> None:
    """Templates have changed: every charger has to be looked at again."""
    tx.run(
        "INSERT INTO configuration_marks (tenant, mark) VALUES (:tenant, 1)"
        " ON CONFLICT (tenant) DO UPDATE SET mark = configuration_marks.mark + 1"
    )


def mark(tx: ReadTx) -> int:
    """How often that happened."""
    found: int | None = tx.value("SELECT mark FROM configuration_marks WHERE tenant = :tenant")
    return found or 0
