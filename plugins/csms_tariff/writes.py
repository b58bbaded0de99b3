"""Statements that change the plugin's tables. Each set is one transaction; what must hold meanwhile is in the statements themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import msgspec

from csms.api.shapes import show
from csms.hooks import Conflict, Event, PluginContext, Statement, TenantId

from .model import Holiday
from .rules import Rules

SLACK_MS = 60_000
"""So long after it was to begin a version may still be written: asking and writing take a moment."""

Table = Literal["plugin_tariff_tariffs", "plugin_tariff_assignments", "plugin_tariff_calendars", "plugin_tariff_promo_codes"]


def revised() -> Statement:
    """Tell every server that what it has read no longer holds."""
    return Statement(
        "INSERT INTO plugin_tariff_state (tenant, revision) VALUES (:tenant, 1)"
        " ON CONFLICT (tenant) DO UPDATE SET revision = plugin_tariff_state.revision + 1"
    )


async def write(context: PluginContext, tenant: TenantId, *changes: Statement | Event, why: str) -> tuple[int, ...]:
    """Do all changes. Raises ``Conflict`` with ``why`` where one could not be done as it was meant."""
    try:
        return await context.store.write(revised(), *changes, tenant=tenant)
    except Conflict:
        raise Conflict(why) from None


async def add(
    context: PluginContext, tenant: TenantId, table: Table, make: Callable[[int], Sequence[Statement | Event]], *, why: str
) -> int:
    """Add a row under the next free id. Raises ``Conflict`` with ``why`` where it is not for the id that it cannot be added."""
    try:
        return await context.store.add(table, lambda number: (revised(), *make(number)), tenant=tenant)
    except Conflict:
        raise Conflict(why) from None


# --- tariffs and versions -------------------------------------------------------------------------------------------------------


def insert_tariff(number: int, *, name: str, description: str, currency: str, tax_inclusive: bool) -> Statement:
    """A tariff; its name must be free."""
    return Statement(
        "INSERT INTO plugin_tariff_tariffs (id, tenant, name, description, currency, tax_inclusive, created_at, changed_at)"
        " VALUES (:id, :tenant, :name, :description, :currency, :tax_inclusive, :now, :now) ON CONFLICT DO NOTHING",
        {"id": number, "name": name, "description": description, "currency": currency, "tax_inclusive": int(tax_inclusive)},
        expects=1,
    )


def insert_version(
    tariff_id: int, number: int, *, valid_from_at: int, rules: Rules, note: str, by: str, first: bool = False
) -> Statement:
    """A version. Only a tariff's first may begin in the past, for nothing was priced by it yet."""
    return Statement(
        "INSERT INTO plugin_tariff_versions (tariff_id, number, tenant, valid_from_at, rules, note, created_by, created_at)"
        " SELECT id, CAST(:number AS BIGINT), tenant, CAST(:valid_from_at AS BIGINT), :rules, :note, :by, CAST(:now AS BIGINT)"
        " FROM plugin_tariff_tariffs WHERE tenant = :tenant AND id = :tariff_id AND archived_at IS NULL"
        " AND (:first = 1 OR :valid_from_at >= :now - :slack) ON CONFLICT DO NOTHING",
        {
            "tariff_id": tariff_id,
            "number": number,
            "valid_from_at": valid_from_at,
            "rules": json_of(rules),
            "note": note,
            "by": by,
            "first": int(first),
            "slack": SLACK_MS,
        },
        expects=1,
    )


def update_version(tariff_id: int, number: int, *, valid_from_at: int, rules: Rules, note: str, by: str) -> Statement:
    """Change a version that is not in force yet."""
    return Statement(
        "UPDATE plugin_tariff_versions SET valid_from_at = :valid_from_at, rules = :rules, note = :note, created_by = :by"
        " WHERE tenant = :tenant AND tariff_id = :tariff_id AND number = :number AND valid_from_at > :now"
        " AND :valid_from_at >= :now - :slack AND NOT EXISTS (SELECT 1 FROM plugin_tariff_versions other"
        " WHERE other.tenant = :tenant AND other.tariff_id = :tariff_id AND other.valid_from_at = :valid_from_at"
        " AND other.number <> :number)",
        {
            "tariff_id": tariff_id,
            "number": number,
            "valid_from_at": valid_from_at,
            "rules": json_of(rules),
            "note": note,
            "by": by,
            "slack": SLACK_MS,
        },
        expects=1,
    )


def delete_version(tariff_id: int, number: int) -> Statement:
    """Take back a version that is not in force yet and not the only one."""
    return Statement(
        "DELETE FROM plugin_tariff_versions WHERE tenant = :tenant AND tariff_id = :tariff_id AND number = :number"
        " AND valid_from_at > :now AND (SELECT count(*) FROM plugin_tariff_versions other"
        " WHERE other.tenant = :tenant AND other.tariff_id = :tariff_id) > 1",
        {"tariff_id": tariff_id, "number": number},
        expects=1,
    )


def update_tariff(tariff_id: int, *, name: str, description: str) -> Statement:
    """Another name or description; the name must be free."""
    return Statement(
        "UPDATE plugin_tariff_tariffs SET name = :name, description = :description, changed_at = :now"
        " WHERE tenant = :tenant AND id = :tariff_id AND archived_at IS NULL AND NOT EXISTS (SELECT 1"
        " FROM plugin_tariff_tariffs other WHERE other.tenant = :tenant AND other.name = :name AND other.id <> :tariff_id"
        " AND other.archived_at IS NULL)",
        {"tariff_id": tariff_id, "name": name, "description": description},
        expects=1,
    )


def archive_tariff(tariff_id: int) -> Statement:
    """Let it apply to nothing that starts later."""
    return Statement(
        "UPDATE plugin_tariff_tariffs SET archived_at = :now, changed_at = :now"
        " WHERE tenant = :tenant AND id = :tariff_id AND archived_at IS NULL",
        {"tariff_id": tariff_id},
        expects=1,
    )


def json_of(value: Any) -> str:
    """As it is stored."""
    return msgspec.json.encode(show(value)).decode()


# --- assignments ----------------------------------------------------------------------------------------------------------------


def insert_assignment(number: int, **said: Any) -> Statement:
    """An assignment of a tariff that is not archived."""
    return Statement(
        "INSERT INTO plugin_tariff_assignments (id, tenant, tariff_id, level, station_id, charger_id, evse, connector,"
        " driver_group, valid_from_at, valid_until_at, created_at) SELECT CAST(:id AS BIGINT), tenant, id, :level,"
        " CAST(:station_id AS BIGINT), :charger_id, CAST(:evse AS BIGINT), CAST(:connector AS BIGINT), :driver_group,"
        " CAST(:valid_from_at AS BIGINT), CAST(:valid_until_at AS BIGINT), CAST(:now AS BIGINT) FROM plugin_tariff_tariffs"
        " WHERE tenant = :tenant AND id = :tariff_id AND archived_at IS NULL ON CONFLICT DO NOTHING",
        {"id": number, **said},
        expects=1,
    )


def end_assignment(assignment_id: int, *, begun: bool) -> Statement:
    """End an assignment now, or take back one that has not begun: what it priced stays explained."""
    if begun:
        return Statement(
            "UPDATE plugin_tariff_assignments SET valid_until_at = :now WHERE tenant = :tenant AND id = :id"
            " AND valid_from_at < :now AND (valid_until_at IS NULL OR valid_until_at > :now)",
            {"id": assignment_id},
            expects=1,
        )
    return Statement(
        "DELETE FROM plugin_tariff_assignments WHERE tenant = :tenant AND id = :id AND valid_from_at >= :now",
        {"id": assignment_id},
        expects=1,
    )


# --- calendars ------------------------------------------------------------------------------------------------------------------


def insert_calendar(number: int, name: str) -> Statement:
    """A calendar; its name must be free."""
    return Statement(
        "INSERT INTO plugin_tariff_calendars (id, tenant, name, created_at) VALUES (:id, :tenant, :name, :now)"
        " ON CONFLICT DO NOTHING",
        {"id": number, "name": name},
        expects=1,
    )


def holidays(calendar_id: int, after: str, days: Iterable[Holiday]) -> list[Statement]:
    """The holidays after a day; those until then stay as they are."""
    cleared = Statement(
        "DELETE FROM plugin_tariff_holidays WHERE tenant = :tenant AND calendar_id = :calendar_id AND day > :after",
        {"calendar_id": calendar_id, "after": after},
    )
    added = [
        Statement(
            "INSERT INTO plugin_tariff_holidays (calendar_id, day, tenant, name) VALUES (:calendar_id, :day, :tenant, :name)",
            {"calendar_id": calendar_id, "day": each.day, "name": each.name},
        )
        for each in days
        if each.day > after
    ]
    return [cleared, *added]


def delete_calendar(calendar_id: int) -> list[Statement]:
    """A calendar that nothing refers to."""
    return [
        Statement("DELETE FROM plugin_tariff_holidays WHERE tenant = :tenant AND calendar_id = :id", {"id": calendar_id}),
        Statement("DELETE FROM plugin_tariff_calendars WHERE tenant = :tenant AND id = :id", {"id": calendar_id}, expects=1),
    ]


# --- promo codes ----------------------------------------------------------------------------------------------------------------


def insert_promo_code(number: int, **said: Any) -> Statement:
    """A promo code; the code must be new."""
    return Statement(
        "INSERT INTO plugin_tariff_promo_codes (id, tenant, code, name, percent, amount, off, below_minimum, tariff_id,"
        " valid_from_at, valid_until_at, max_uses, max_uses_per_driver, created_at) VALUES (:id, :tenant, :code, :name, :percent,"
        " :amount, :off, :below_minimum, :tariff_id, :valid_from_at, :valid_until_at, :max_uses, :max_uses_per_driver, :now)"
        " ON CONFLICT DO NOTHING",
        {"id": number, **said},
        expects=1,
    )


def update_promo_code(promo_code_id: int, **said: Any) -> Statement:
    """Another name, end or limits; what it takes off stays."""
    return Statement(
        "UPDATE plugin_tariff_promo_codes SET name = :name, valid_until_at = :valid_until_at, max_uses = :max_uses,"
        " max_uses_per_driver = :max_uses_per_driver WHERE tenant = :tenant AND id = :id AND closed_at IS NULL",
        {"id": promo_code_id, **said},
        expects=1,
    )


def close_promo_code(promo_code_id: int) -> Statement:
    """Let nobody use it any more."""
    return Statement(
        "UPDATE plugin_tariff_promo_codes SET closed_at = :now WHERE tenant = :tenant AND id = :id AND closed_at IS NULL",
        {"id": promo_code_id},
        expects=1,
    )


def hold(driver_id: int, promo_code_id: int) -> Statement:
    """A driver entered a code."""
    return Statement(
        "INSERT INTO plugin_tariff_promo_holders (tenant, driver_id, promo_code_id, added_at)"
        " VALUES (:tenant, :driver_id, :promo_code_id, :now) ON CONFLICT DO NOTHING",
        {"driver_id": driver_id, "promo_code_id": promo_code_id},
    )


def let_go(driver_id: int, promo_code_id: int | None = None) -> Statement:
    """A driver's code, or all of them, is not used with their charges any more."""
    return Statement(
        "DELETE FROM plugin_tariff_promo_holders WHERE tenant = :tenant AND driver_id = :driver_id"
        " AND (:all_codes = 1 OR promo_code_id = :promo_code_id)",
        {"driver_id": driver_id, "promo_code_id": promo_code_id or 0, "all_codes": int(promo_code_id is None)},
    )


# --- prices from outside --------------------------------------------------------------------------------------------------------


def insert_price(source: str, *, from_at: int, to_at: int, price: str, by: str) -> Statement:
    """A price of a source. One that has begun stays as it was told, for bills may go by it."""
    return Statement(
        "INSERT INTO plugin_tariff_prices (tenant, source, from_at, to_at, price, told_by, told_at)"
        " VALUES (:tenant, :source, :from_at, :to_at, :price, :by, :now) ON CONFLICT (tenant, source, from_at) DO UPDATE"
        " SET to_at = excluded.to_at, price = excluded.price, told_by = excluded.told_by, told_at = excluded.told_at"
        " WHERE plugin_tariff_prices.from_at > :now",
        {"source": source, "from_at": from_at, "to_at": to_at, "price": price, "by": by},
    )


def delete_prices(before_at: int) -> Statement:
    """Forget old prices."""
    return Statement(
        "DELETE FROM plugin_tariff_prices WHERE tenant = :tenant AND from_at < :before_at AND to_at < :before_at",
        {"before_at": before_at},
    )
