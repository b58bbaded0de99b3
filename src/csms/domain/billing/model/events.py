"""The events that tell of bills, of wallets that run low, and of charges that reach a limit."""

from __future__ import annotations

import attrs

from csms.core.events import Event, event
from csms.core.nouns import noun

from .words import bill_key, low_wallet_key


@attrs.frozen(slots=True, kw_only=True)
class AboutBill(Event):
    """What every event about a bill says. Of a correction the amounts are the difference, below zero where something is given back.

    ``prepaid_minor``, ``wallet_minor``, ``owed_minor`` and ``waived_minor`` say how it was settled and add up to ``total_minor``;
    ``open_minor`` is what its driver still owes of it. ``payment_id`` is the payment that started the charge.
    """

    bill_id: int
    transaction_id: int
    number: int
    kind: str
    state: str
    driver_id: int | None
    charger_id: str
    station_id: int | None
    payment_id: int | None
    started_at: int
    ended_at: int
    energy_wh: int
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    prepaid_minor: int
    wallet_minor: int
    owed_minor: int
    waived_minor: int
    open_minor: int
    tariff: str

    @property
    def key(self) -> str:
        """Everything about the bills of one transaction comes in order."""
        return bill_key(self.transaction_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class BillSettled(AboutBill):
    """A transaction was billed, and that is in the ledger: paid, or what is open of it as a debt. Told once per transaction."""

    type = "bill_settled"


@event
@attrs.frozen(slots=True, kw_only=True)
class BillOpen(AboutBill):
    """Somewhat of a bill could not be taken from anywhere, and its driver owes it."""

    type = "bill_open"


@event
@attrs.frozen(slots=True, kw_only=True)
class BillPaid(AboutBill):
    """Nothing of a bill is open any more that was: its driver paid, or it was written off (``written_off_minor``) or corrected."""

    type = "bill_paid"

    written_off_minor: int


@event
@attrs.frozen(slots=True, kw_only=True)
class BillCredited(AboutBill):
    """A credit note by hand gave back ``given_minor`` of a bill, with tax. Of all that was given back so far ``credited_minor`` is the amount,
    and ``credited_net_minor`` its part without tax; the other amounts are of the charge as it was billed."""

    type = "bill_credited"

    given_minor: int
    credited_minor: int
    credited_net_minor: int


@event
@attrs.frozen(slots=True, kw_only=True)
class BillCorrected(AboutBill):
    """A transaction that was billed turned out otherwise, and the difference is in the ledger; ``number`` counts its corrections."""

    type = "bill_corrected"


@event
@attrs.frozen(slots=True, kw_only=True)
class BillNotBillable(AboutBill):
    """A transaction costs nothing, for the reason in ``note``: what was held or paid for it is free."""

    type = "bill_not_billable"

    note: str


@event
@attrs.frozen(slots=True, kw_only=True)
class BillFailed(AboutBill):
    """A transaction could not be billed, however often it was tried; somebody has to look (``error``)."""

    type = "bill_failed"

    error: str
    attempts: int


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargeLimitReached(Event):
    """A running transaction reached a limit, and its charger is asked to stop it. ``limit`` is ``amount``, ``energy``, ``duration`` or
    ``funds``, ``whose`` is ``driver``, ``tenant``, ``payment`` or ``wallet``."""

    type = "charge_limit_reached"

    transaction_id: int
    charger_id: str
    driver_id: int | None
    limit: str
    whose: str
    most: int
    so_far: int
    energy_wh: int
    cost_minor: int | None
    currency: str

    @property
    def key(self) -> str:
        """As the bills of the transaction."""
        return bill_key(self.transaction_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class WalletLow(Event):
    """What a driver may spend fell below the tenant's threshold. Told once until it is above again."""

    type = "wallet_low"

    driver_id: int
    available_minor: int
    threshold_minor: int
    currency: str
    transaction_id: int | None

    @property
    def key(self) -> str:
        """One driver's in order."""
        return low_wallet_key(self.driver_id)


@event
@noun(kw_only=True)
class CostUpdated(Event):
    """What a running transaction costs so far. Volatile: told whenever the watch prices it."""

    type = "cost_updated"
    durable = False

    transaction_id: int
    charger_id: str
    evse: int
    driver_id: int | None
    amount_minor: int
    currency: str
    energy_wh: int
    priced_until_at: int | None

    @property
    def key(self) -> str:
        """As the bills of the transaction."""
        return bill_key(self.transaction_id)
