"""The ledger's words: accounts, movements between them, and the port through which plugins move allowances.

Double entry: a movement's entries sum to zero in each unit. An amount above zero credits an account, one below debits it; so what we owe
(a driver's wallet, a tax, a partner's share) is above zero, what we have or are owed (money at a gateway, a debt) is below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

import attrs
from attrs import validators

from .errors import Refused
from .ids import TenantId

WH, TX = "WH", "TX"
"""The units of allowances: energy, and whole transactions. Every other unit is a currency (ISO 4217)."""
UNIT = r"[A-Z]{3}|WH|TX"

WALLET, HELD, PREPAYMENT, RECEIVABLE, ALLOWANCE = "wallet", "held", "prepayment", "receivable", "allowance"
GATEWAY, REVENUE, TAX, PARTNER, ADJUSTMENTS, GRANTED, ROUNDINGS, EXPENSE, INPUT_TAX = (
    "gateway",
    "revenue",
    "tax",
    "partner",
    "adjustments",
    "granted",
    "roundings",
    "expense",
    "input_tax",
)
OF_DRIVERS = (WALLET, HELD, RECEIVABLE, ALLOWANCE)
ACCOUNT_KINDS = (*OF_DRIVERS, PREPAYMENT, GATEWAY, REVENUE, TAX, PARTNER, ADJUSTMENTS, GRANTED, ROUNDINGS, EXPENSE, INPUT_TAX)
"""What accounts are for. ``held`` is money of a wallet that a running charge may come to; ``prepayment`` what was paid for one charge;
``receivable`` what a driver owes; ``allowance`` what a plan includes; ``granted`` is where allowances come from and go to; ``expense`` what
the tenant spends or loses, such as what a gateway keeps (by its name) or chargebacks; ``input_tax`` the tax on that."""

TOP_UP, CHARGE_DEDUCT, REFUND, ADJUSTMENT, HOLD, RELEASE, PAYOUT = (
    "TOP_UP",
    "CHARGE_DEDUCT",
    "REFUND",
    "ADJUSTMENT",
    "HOLD",
    "RELEASE",
    "PAYOUT",
)
PAYMENT, PLAN_FEE, GRANT, USE, EXPIRY, CORRECTION, SHARE = "PAYMENT", "PLAN_FEE", "GRANT", "USE", "EXPIRY", "CORRECTION", "SHARE"
GATEWAY_FEE, CHARGEBACK = "GATEWAY_FEE", "CHARGEBACK"
MOVEMENT_KINDS = (
    TOP_UP,
    CHARGE_DEDUCT,
    REFUND,
    ADJUSTMENT,
    HOLD,
    RELEASE,
    PAYOUT,
    PAYMENT,
    PLAN_FEE,
    GRANT,
    USE,
    EXPIRY,
    CORRECTION,
    SHARE,
    GATEWAY_FEE,
    CHARGEBACK,
)
"""What a movement is. ``PAYMENT`` is money that came in for something (a prepayment, a debt, a plan), ``TOP_UP`` for a wallet; ``USE`` takes
from an allowance; ``CORRECTION`` undoes part of a settlement; ``GATEWAY_FEE`` is what a gateway keeps of a payment, ``CHARGEBACK`` what a
payer's bank took back."""
LONGEST_TAX_CODE = 20


@attrs.frozen(slots=True, kw_only=True)
class AccountRef:
    """Which account. ``name`` tells those of one kind apart: ``razorpay``, ``CGST``, a partner, a hold's or payment's id, a plan's
    subscription; ``driver_id`` is whose it is, for the kinds of drivers."""

    kind: str = attrs.field(validator=validators.in_(ACCOUNT_KINDS))
    unit: str = attrs.field(validator=validators.matches_re(UNIT))
    name: str = attrs.field(default="", validator=validators.max_len(100))
    driver_id: int | None = None

    def __attrs_post_init__(self) -> None:
        if (self.kind in OF_DRIVERS) != (self.driver_id is not None):
            raise ValueError(f"an account of kind {self.kind} {'needs a' if self.kind in OF_DRIVERS else 'has no'} driver")


@attrs.frozen(slots=True)
class Leg:
    """One side of a movement: what it does to an account (credit above zero, debit below)."""

    account: AccountRef
    amount: int


@attrs.frozen(slots=True, kw_only=True)
class NewMovement:
    """A movement to be made. ``key`` is its idempotency key: a movement whose key there is already is not made again.

    ``reference_kind`` and ``reference_id`` name what it is for: ``transaction``, ``payment``, ``bill``, ``subscription`` ...
    ``by`` is who wanted it, where a person did; ``tax_code`` the HSN or SAC of what it is a fee for."""

    kind: str = attrs.field(validator=validators.in_(MOVEMENT_KINDS))
    key: str = attrs.field(validator=[validators.min_len(1), validators.max_len(200)])
    legs: tuple[Leg, ...] = attrs.field(validator=validators.min_len(2))
    description: str = attrs.field(validator=validators.max_len(300))
    reference_kind: str = ""
    reference_id: str = ""
    by: str = ""
    tax_code: str = attrs.field(default="", validator=validators.max_len(LONGEST_TAX_CODE))

    def __attrs_post_init__(self) -> None:
        sums: dict[str, int] = {}
        for leg in self.legs:
            sums[leg.account.unit] = sums.get(leg.account.unit, 0) + leg.amount
        if any(sums.values()):
            raise ValueError(f"movement {self.key} does not balance: {sums}")


@attrs.frozen(slots=True, kw_only=True)
class Funds:
    """What a driver has in one currency: ``available = balance - holds + credit``. ``balance`` counts what is held, ``owed_minor`` is the
    open debt beside it. A ``frozen`` wallet pays nothing new."""

    currency: str
    balance_minor: int
    held_minor: int
    credit_minor: int
    owed_minor: int
    frozen: bool = False

    @property
    def available_minor(self) -> int:
        """What may be spent now."""
        free = self.balance_minor - self.held_minor + self.credit_minor
        return min(0, free) if self.frozen else free


@attrs.frozen(slots=True, kw_only=True)
class Allowance:
    """What a plan includes for a driver and is not used yet. ``name`` is the grant's own (a subscription and its period)."""

    account_id: int
    driver_id: int
    unit: str
    name: str
    balance: int
    granted: int
    expires_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class Fee:
    """What something like a plan costs: ``net_minor`` and ``taxes`` (by name) make up ``amount_minor``. ``tax_code`` is its HSN or SAC."""

    amount_minor: int
    net_minor: int
    taxes: tuple[tuple[str, int], ...] = ()
    tax_code: str = attrs.field(default="", validator=validators.max_len(LONGEST_TAX_CODE))


class Ledger(Protocol):
    """The ledger as plugins may use it: to read funds, to grant and take back allowances, to collect fees and give parts of them back.
    All other money moves by payments and bills."""

    async def funds(self, driver_id: int, *, tenant: TenantId) -> Funds:
        """What a driver has in the tenant's currency. Raises ``NotFound``."""
        ...

    async def allowances(self, driver_id: int, *, tenant: TenantId) -> Sequence[Allowance]:
        """What a driver may use now, the first to expire first."""
        ...

    async def grant(
        self,
        driver_id: int,
        *,
        unit: str,
        amount: int,
        name: str,
        key: str,
        description: str,
        expires_at: int | None = None,
        tenant: TenantId,
    ) -> Allowance:
        """Grant an allowance; one ``key`` grants once. Raises ``NotFound``, ``Invalid``."""
        ...

    async def withdraw(self, account_id: int, *, key: str, description: str, tenant: TenantId) -> int:
        """Take back what is left of an allowance, and how much that was; one ``key`` does so once. Raises ``NotFound``."""
        ...

    async def collect_fee(
        self,
        driver_id: int,
        *,
        amount_minor: int,
        net_minor: int,
        taxes: Sequence[tuple[str, int]],
        key: str,
        description: str,
        reference_kind: str,
        reference_id: str,
        less: Fee | None = None,
        tax_code: str = "",
        tenant: TenantId,
    ) -> bool:
        """Take a fee (a plan's price) from a driver's wallet into revenue and taxes; one ``key`` takes it once. False, with nothing taken,
        when the available funds do not reach. ``less`` is what of an earlier fee is given back in the same movement: where that is more,
        the difference goes to the wallet. ``tax_code`` is the HSN or SAC on its invoice. Raises ``NotFound``, ``Invalid``."""
        ...

    async def give_back(
        self,
        driver_id: int,
        fee: Fee,
        *,
        key: str,
        description: str,
        reference_kind: str,
        reference_id: str,
        tenant: TenantId,
    ) -> None:
        """Give (part of) a fee back to a driver's wallet, out of revenue and taxes; one ``key`` does so once. Raises ``NotFound``,
        ``Invalid``, and ``Conflict`` where something else was done under the key."""
        ...


class NoLedger:
    """``Ledger`` of a process that keeps none."""

    async def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise Refused("this process keeps no ledger")

    funds = allowances = grant = withdraw = collect_fee = give_back = _refuse


def wallet_key(tenant: int, driver_id: int) -> str:
    """The write key of everything that a driver has in the ledger; no two tenants have a driver of one id, and events know no tenant."""
    return f"wallet:{driver_id}"


def prepayment_key(tenant: int, name: str) -> str:
    """The write key of one prepayment account."""
    return f"prepayment:{tenant}:{name}"
