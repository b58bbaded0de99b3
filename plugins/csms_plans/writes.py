"""Statements that change the plugin's tables. Each set is one transaction; what must hold meanwhile is in the statements themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import attrs
import msgspec

from csms.hooks import Conflict, Event, Fee, PluginContext, Statement, TenantId

from .model import PENDING, PeriodRow, SubscriptionRow
from .terms import Terms

Table = Literal["plugin_plans_plans", "plugin_plans_subscriptions"]


async def write(context: PluginContext, tenant: TenantId, *changes: Statement | Event, why: str) -> None:
    """Do all changes. Raises ``Conflict`` with ``why`` where one could not be done as it was meant."""
    try:
        await context.store.write(*changes, tenant=tenant)
    except Conflict:
        raise Conflict(why) from None


async def add(
    context: PluginContext, tenant: TenantId, table: Table, make: Callable[[int], Sequence[Statement | Event]], *, why: str
) -> int:
    """Add a row under the next free id. Raises ``Conflict`` with ``why`` where it is not for the id that it cannot be added."""
    try:
        return await context.store.add(table, make, tenant=tenant)
    except Conflict:
        raise Conflict(why) from None


def fee_text(fee: Fee | None) -> str:
    """A fee in one column."""
    return "" if fee is None else msgspec.json.encode([fee.amount_minor, fee.net_minor, fee.taxes, fee.tax_code]).decode()


# --- plans ----------------------------------------------------------------------------------------------------------------------


def insert_plan(number: int, *, name: str, description: str, currency: str) -> Statement:
    """A plan; its name must be free."""
    return Statement(
        "INSERT INTO plugin_plans_plans (id, tenant, name, description, currency, version, created_at, changed_at)"
        " VALUES (:id, :tenant, :name, :description, :currency, 1, :now, :now) ON CONFLICT DO NOTHING",
        {"id": number, "name": name, "description": description, "currency": currency},
        expects=1,
    )


def insert_version(plan_id: int, number: int, *, terms: Terms, note: str, by: str) -> Statement:
    """A version of a plan."""
    return Statement(
        "INSERT INTO plugin_plans_versions (plan_id, number, tenant, terms, note, created_by, created_at)"
        " VALUES (:plan_id, :number, :tenant, :terms, :note, :by, :now) ON CONFLICT DO NOTHING",
        {"plan_id": plan_id, "number": number, "terms": msgspec.json.encode(terms).decode(), "note": note, "by": by},
        expects=1,
    )


def sell_version(plan_id: int, number: int) -> Statement:
    """Let a plan be sold with the version after the one before."""
    return Statement(
        "UPDATE plugin_plans_plans SET version = :number, changed_at = :now"
        " WHERE tenant = :tenant AND id = :plan_id AND version = :number - 1 AND archived_at IS NULL",
        {"plan_id": plan_id, "number": number},
        expects=1,
    )


def update_plan(plan_id: int, *, name: str, description: str) -> Statement:
    """Another name or description; the name must be free."""
    return Statement(
        "UPDATE plugin_plans_plans SET name = :name, description = :description, changed_at = :now"
        " WHERE tenant = :tenant AND id = :plan_id AND archived_at IS NULL AND NOT EXISTS (SELECT 1 FROM plugin_plans_plans other"
        " WHERE other.tenant = :tenant AND other.name = :name AND other.id <> :plan_id AND other.archived_at IS NULL)",
        {"plan_id": plan_id, "name": name, "description": description},
        expects=1,
    )


def archive_plan(plan_id: int) -> Statement:
    """Let nobody new take it."""
    return Statement(
        "UPDATE plugin_plans_plans SET archived_at = :now, changed_at = :now"
        " WHERE tenant = :tenant AND id = :plan_id AND archived_at IS NULL",
        {"plan_id": plan_id},
        expects=1,
    )


# --- subscriptions --------------------------------------------------------------------------------------------------------------


def insert_subscription(number: int, **said: Any) -> Statement:
    """A subscription that waits for its first period, to a plan that the driver has not."""
    usual: dict[str, Any] = {
        "state": PENDING,
        "doing": "",
        "period": 0,
        "tries": 0,
        "pauses": 0,
        "cancelled_by": "",
        "credits": 0,
        "reason": "",
        "told_period": 0,
        "mandates": 0,
        "mandate_ref": "",
        "mandate_state": "",
        "mandate_url": "",
        "mandate_minor": 0,
        "last_payment_id": 0,
        "errors": 0,
        "error": "",
        "revision": 1,
    }
    values = {**usual, "id": number, **said}
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    return Statement(
        f"INSERT INTO plugin_plans_subscriptions (tenant, created_at, changed_at, {names})"  # noqa: S608 (our own names)
        f" VALUES (:tenant, :now, :now, {places}) ON CONFLICT DO NOTHING",
        values,
        expects=1,
    )


def update(row: SubscriptionRow, **changes: Any) -> Statement:
    """Change a subscription that is still as it was read."""
    values = {name: int(value) if isinstance(value, bool) else value for name, value in changes.items()}
    sets = ", ".join(f"{name} = :{name}" for name in values)
    return Statement(
        f"UPDATE plugin_plans_subscriptions SET {sets}, revision = revision + 1, changed_at = :now"  # noqa: S608 (our own names)
        " WHERE tenant = :tenant AND id = :id AND revision = :revision",
        {**values, "id": row.id, "revision": row.revision},
        expects=1,
    )


def wake(subscription_id: int) -> Statement:
    """Have a subscription looked at as soon as may be."""
    return Statement(
        "UPDATE plugin_plans_subscriptions SET due_at = :now, revision = revision + 1"
        " WHERE tenant = :tenant AND id = :id AND ended_at IS NULL",
        {"id": subscription_id},
    )


# --- periods --------------------------------------------------------------------------------------------------------------------

_FEES = ("less", "credit")


def insert_period(period: PeriodRow) -> Statement:
    """A period of a subscription."""
    values = _columns({field.name: getattr(period, field.name) for field in attrs.fields(PeriodRow)})
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    return Statement(
        f"INSERT INTO plugin_plans_periods (tenant, {names}) VALUES (:tenant, {places}) ON CONFLICT DO NOTHING",  # noqa: S608
        values,
        expects=1,
    )


def update_period(period: PeriodRow, **changes: Any) -> Statement:
    """Change a period that is still in the state in which it was read."""
    values = _columns(changes)
    sets = ", ".join(f"{name} = :{name}" for name in values)
    return Statement(
        f"UPDATE plugin_plans_periods SET {sets} WHERE tenant = :tenant AND subscription_id = :of_subscription"  # noqa: S608
        " AND number = :of_number AND state = :was",
        {**values, "of_subscription": period.subscription_id, "of_number": period.number, "was": period.state},
        expects=1,
    )


def forget_payment(subscription_id: int, payment_id: int) -> Statement:
    """A payment that was asked for came to its end: another one may be asked for."""
    return Statement(
        "UPDATE plugin_plans_periods SET payment_id = NULL, pay_url = '', asked_minor = 0"
        " WHERE tenant = :tenant AND subscription_id = :id AND payment_id = :payment_id",
        {"id": subscription_id, "payment_id": payment_id},
    )


def _columns(said: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in said.items():
        if name == "fee":
            taxes = msgspec.json.encode(value.taxes).decode()
            values |= {"amount_minor": value.amount_minor, "net_minor": value.net_minor, "taxes": taxes, "tax_code": value.tax_code}
        elif name in _FEES:
            values[name] = fee_text(value)
        else:
            values[name] = int(value) if isinstance(value, bool) else value
    return values
