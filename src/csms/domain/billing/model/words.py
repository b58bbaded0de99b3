"""States of bills, why they are in them, and the write keys of billing."""

from __future__ import annotations

UNBILLED, PRICED, SETTLED, BILLING_FAILED, NOT_BILLABLE = "UNBILLED", "PRICED", "SETTLED", "BILLING_FAILED", "NOT_BILLABLE"
STATES = (UNBILLED, PRICED, SETTLED, BILLING_FAILED, NOT_BILLABLE)
"""UNBILLED is to be priced, or has no price yet. PRICED has one, and nobody is known who could owe it: no driver and no payment.
SETTLED is in the ledger, be it paid or owed. BILLING_FAILED was tried too often; NOT_BILLABLE costs nothing."""

CHARGE, CORRECTION = "charge", "correction"
KINDS = (CHARGE, CORRECTION)

BILL_REFERENCE = "bill"
"""The ``reference_kind`` of payments for bills."""

EACH, MONTHLY, MANUAL = "each", "monthly", "manual"
INVOICE_MODES = (EACH, MONTHLY, MANUAL)
"""When invoices are made of settled bills: one for each, one a month for each driver, or when somebody asks."""

AMOUNT, ENERGY, DURATION, FUNDS = "amount", "energy", "duration", "funds"
OF_DRIVER, OF_TENANT, OF_PAYMENT, OF_WALLET = "driver", "tenant", "payment", "wallet"


def bill_key(transaction_id: int) -> str:
    """The write key of all bills of a transaction."""
    return f"bill:{transaction_id}"


def hold_key(transaction_id: int) -> str:
    """How the hold for a transaction is called in the ledger."""
    return f"charge:{transaction_id}"


def low_wallet_key(driver_id: int) -> str:
    """The write key of having told a driver that their wallet is low."""
    return f"low_wallet:{driver_id}"


def settings_key(tenant: int) -> str:
    """The write key of a tenant's billing settings."""
    return f"billing_settings:{tenant}"
