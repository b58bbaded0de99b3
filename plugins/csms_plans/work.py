"""A subscription in the hands of whoever brings it on: what is known of it, its writes, and what the ledger does for it."""

from __future__ import annotations

from typing import Any

import attrs

from csms.hooks import TX, WH, Event, Fee, PluginContext, ReadTx, Statement, TenantId

from . import facts, store, writes
from .model import OPEN, REFERENCE, REGULAR, Known, PeriodRow, Settings, SubscriptionRow
from .periods import DAY_MS, left_of, part_of, unused
from .terms import Terms

HOUR_MS = 3_600_000


@attrs.frozen(slots=True)
class Work:
    """A subscription as it was read. Whoever writes reads it anew before going on."""

    context: PluginContext
    tenant: TenantId
    known: Known
    now: int

    @property
    def row(self) -> SubscriptionRow:
        """The subscription."""
        return self.known.row

    @property
    def settings(self) -> Settings:
        """The plugin's settings."""
        found: Settings = self.context.settings
        return found

    async def write(self, *changes: Statement | Event, **row: Any) -> bool:
        """Change the subscription and do what goes with it; it is looked at again at once, unless ``due_at`` says otherwise. True.

        Raises ``Conflict`` where somebody else changed it meanwhile.
        """
        await self.context.store.write(
            writes.update(self.row, **{"due_at": self.now, "errors": 0, "error": "", **row}), *changes, tenant=self.tenant
        )
        return True

    async def rest(self, due_at: int | None) -> bool:
        """Nothing is to be done until then. False."""
        if self.row.due_at != due_at:
            await self.context.store.write(writes.update(self.row, due_at=due_at), tenant=self.tenant)
        return False

    def about(self, *, ends_at: int | None, **more: Any) -> dict[str, Any]:
        """What every event about it says."""
        said = {
            "subscription_id": self.row.id,
            "driver_id": self.row.driver_id,
            "plan_id": self.row.plan_id,
            "plan_name": self.known.plan_name,
            "ends_at": ends_at,
        }
        return {**said, **more}

    def grace_ms(self, period: PeriodRow, terms: Terms) -> int:
        """How long it goes on after a period though the next is not paid."""
        days = self.settings.grace_days if terms.grace_days is None else terms.grace_days
        return min(days * DAY_MS, period.ends_at - period.starts_at)

    # --- what the ledger does -----------------------------------------------------------------------------------------------------

    async def collect(self, period: PeriodRow, plan_name: str) -> bool:
        """Take a period's fee; False where the funds do not reach."""
        return await self.context.ledger.collect_fee(
            self.row.driver_id,
            amount_minor=period.fee.amount_minor,
            net_minor=period.fee.net_minor,
            taxes=period.fee.taxes,
            less=period.less,
            tax_code=period.fee.tax_code,
            key=period.name,
            description=f"{plan_name}, period {period.number}",
            reference_kind=REFERENCE,
            reference_id=str(self.row.id),
            tenant=self.tenant,
        )

    async def give_back(self, period: PeriodRow, fee: Fee) -> None:
        """Give (part of) a period's fee back, once."""
        if fee.amount_minor:
            await self.context.ledger.give_back(
                self.row.driver_id,
                fee,
                key=f"{period.name}:credit",
                description=f"unused part of {self.known.plan_name}, period {period.number}",
                reference_kind=REFERENCE,
                reference_id=str(self.row.id),
                tenant=self.tenant,
            )

    async def grant(self, period: PeriodRow, *, wh: int, transactions: int, key: str, plan: str, until_at: int) -> dict[str, int]:
        """Grant allowances under a period's name; the columns with their accounts."""
        accounts = {}
        for column, unit, amount in (("energy_account", WH, wh), ("transactions_account", TX, transactions)):
            if amount:
                made = await self.context.ledger.grant(
                    self.row.driver_id,
                    unit=unit,
                    amount=amount,
                    name=period.name,
                    key=f"{period.name}:{key}:{unit}",
                    description=f"{plan}, period {period.number}",
                    expires_at=until_at,
                    tenant=self.tenant,
                )
                accounts[column] = made.account_id
        return accounts

    async def empty(self, period: PeriodRow | None, key: str) -> tuple[int, int]:
        """Take back what is left of a period, and how much that was: energy and transactions."""
        if period is None or period.state != OPEN:
            return 0, 0
        left = []
        for account_id, unit in ((period.energy_account, WH), (period.transactions_account, TX)):
            left.append(
                0
                if account_id is None
                else await self.context.ledger.withdraw(
                    account_id,
                    key=f"{period.name}:{key}:{unit}",
                    description=f"left of {self.known.plan_name}, period {period.number}",
                    tenant=self.tenant,
                )
            )
        return left[0], left[1]


def credit_of(period: PeriodRow, terms: Terms, left: tuple[int, int], at: int) -> Fee | None:
    """What of a period's fee is given back when it ends before its time: as its time or as what it includes, whichever less is left."""
    if period.kind == "trial" or not period.fee.amount_minor:
        return None
    part = left_of(period.starts_at, period.ends_at, at)
    if terms.unlimited == "no":
        part = min(part, unused(terms.energy_wh, left[0]), unused(terms.transactions, left[1]))
    net_minor = part_of(period.fee.net_minor, part)
    taxes = tuple((name, part_of(tax, part)) for name, tax in period.fee.taxes)
    made = attrs.evolve(period.fee, amount_minor=net_minor + sum(tax for _, tax in taxes), net_minor=net_minor, taxes=taxes)
    return made if made.amount_minor else None


def next_sold(tx: ReadTx, known: Known) -> tuple[int, int, str, Terms, Fee]:
    """What follows at the renewal: plan, version, name, terms and the fee for this driver."""
    row = known.row
    plan = store.need_plan(tx, row.next_plan_id or row.plan_id)
    if row.next_plan_id is not None and store.taken_elsewhere(tx, row):
        plan = store.need_plan(tx, row.plan_id)
    fee = plan.terms.fee(row.currency, facts.customer_state(tx, row.driver_id))
    return plan.id, plan.version, plan.name, plan.terms, fee


def carries(known: Known) -> bool:
    """Whether what is left of the period that holds may go over into the one that comes."""
    current, coming = known.current, known.coming
    return (
        current is not None
        and coming is not None
        and (current.kind, coming.kind) == (REGULAR, REGULAR)
        and (current.plan_id == coming.plan_id)
    )
