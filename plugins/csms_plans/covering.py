"""What allowances pay of a charge: those of the driver that hold at its place, the first to expire first."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs

from csms.hooks import TX, WH, Allowance, AllowanceUse, Charge, Coverage, Covered, PluginContext, ReadTx, TenantId

from . import facts
from .model import ACTIVE, OPEN, PAST_DUE
from .store import terms_of
from .terms import Terms


@attrs.frozen(slots=True)
class Holding:
    """A plan of the driver that holds at the place of a charge."""

    plan: str
    terms: Terms
    accounts: tuple[int | None, int | None]


def holdings(tx: ReadTx, charge: Charge) -> list[Holding]:
    """The plans of a charge's driver that hold at its place, and did when it began. Two indexed statements at most."""
    rows = tx.all(
        "SELECT p.name, v.terms, o.energy_account, o.transactions_account FROM plugin_plans_subscriptions s"
        " JOIN plugin_plans_periods o ON o.subscription_id = s.id AND o.number = s.period AND o.tenant = :tenant"
        " JOIN plugin_plans_versions v ON v.plan_id = s.plan_id AND v.number = s.version AND v.tenant = :tenant"
        " JOIN plugin_plans_plans p ON p.id = s.plan_id AND p.tenant = :tenant"
        " WHERE s.tenant = :tenant AND s.driver_id = :driver_id AND s.ended_at IS NULL AND s.starts_at <= :started_at"
        " AND s.state IN (:active, :past_due) AND o.state = :open ORDER BY o.ends_at, s.id",
        driver_id=charge.driver_id,
        started_at=charge.started_at,
        active=ACTIVE,
        past_due=PAST_DUE,
        open=OPEN,
    )
    if not rows:
        return []
    group = facts.station_group(tx, charge.station_id)
    found = [Holding(row["name"], terms_of(row["terms"]), (row["energy_account"], row["transactions_account"])) for row in rows]
    return [each for each in found if each.terms.holds_at(charge.station_id, group, charge.charger_id)]


async def cover(context: PluginContext, charge: Charge, tenant: TenantId) -> Coverage | None:
    """What the driver's plans pay of a charge; None where none holds there."""
    if charge.driver_id is None or charge.energy_wh <= 0:
        return None
    held = await context.store.read(holdings, charge, tenant=tenant)
    if not held:
        return None
    plans = {account: each for each in held for account in each.accounts if account is not None}
    left = [each for each in await context.ledger.allowances(charge.driver_id, tenant=tenant) if each.account_id in plans]
    uses, energy_wh = shared_out(left, charge.energy_wh)
    whole = any(use.unit == TX for use in uses)
    rates = [each.terms.excess_rate for each in held if each.terms.excess_rate is not None]
    rate: Decimal | None = min(rates, default=None)
    if not uses and rate is None:
        return None
    by = list(dict.fromkeys(plans[use.account_id].plan for use in uses)) or [held[0].plan]
    return Coverage(
        covered=Covered(energy_wh=energy_wh, whole=whole, rate_per_kwh=None if whole else rate, by=", ".join(by)), uses=uses
    )


def shared_out(left: Sequence[Allowance], energy_wh: int) -> tuple[tuple[AllowanceUse, ...], int]:
    """What is taken of allowances for a charge, and how much of its energy they pay.

    They are taken in order. One transaction pays the whole charge: it is taken where it comes first, or where the energy before it does
    not reach; then no energy is.
    """
    uses: list[AllowanceUse] = []
    missing = energy_wh
    for each in left:
        if each.unit == TX and each.balance > 0:
            return (AllowanceUse(account_id=each.account_id, unit=TX, amount=1),), 0
        part = min(missing, each.balance) if each.unit == WH else 0
        if part > 0:
            uses.append(AllowanceUse(account_id=each.account_id, unit=WH, amount=part))
            missing -= part
        if not missing:
            break
    return tuple(uses), energy_wh - missing
