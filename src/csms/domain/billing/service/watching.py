"""Running charges under watch: what limits them, that one was reached, and when to look again. All of it is stored: it survives restarts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from csms.core.ids import TenantId
from csms.core.ledger import HELD, PREPAYMENT, AccountRef, wallet_key
from csms.core.ports import ReadTx, Row, Tx
from csms.core.pricing import SO_FAR, Charge
from csms.domain.billing.limits import IDLE_MS, Limit
from csms.domain.billing.model import (
    AMOUNT,
    DURATION,
    ENERGY,
    FUNDS,
    OF_DRIVER,
    OF_PAYMENT,
    OF_TENANT,
    OF_WALLET,
    BillingSettings,
    ChargeLimitReached,
    CostUpdated,
    bill_key,
    hold_key,
    low_wallet_key,
)
from csms.domain.billing.store import due as due_store
from csms.domain.billing.store import settings as settings_store
from csms.domain.billing.store import watching as store
from csms.domain.transactions.service.consumption import charges_of
from csms.domain.wallets import service as wallets

from . import funds
from .making import let_go

FIRST_REPEAT_MS, LONGEST_REPEAT_MS = 30_000, 600_000
"""A charger that did not stop is asked again, less and less often."""
SLICE = 100


@attrs.frozen(slots=True, kw_only=True)
class Watched:
    """A running charge as it is to be looked at. ``spendable`` is what its driver may still spend beside what is held for it, None where
    that is no matter; ``hold_missing``: nothing was held yet for it."""

    row: Row
    charge: Charge
    settings: BillingSettings
    limits: tuple[Limit, ...]
    held_minor: int = 0
    spendable: int | None = None
    hold_missing: bool = False

    @property
    def id(self) -> int:
        """The transaction's."""
        return int(self.row["id"])

    @property
    def driver_id(self) -> int | None:
        """Who charges."""
        driver_id: int | None = self.row["driver_id"]
        return driver_id

    def keys(self, tenant: TenantId) -> list[str]:
        """Everything that looking at it changes."""
        keys = [bill_key(self.id)]
        return keys if self.driver_id is None else [*keys, wallet_key(tenant, self.driver_id), low_wallet_key(self.driver_id)]


def due(tx: ReadTx, limit: int) -> list[Watched]:
    """Running charges of the tenant that are due to be looked at. Nothing where nothing is billed."""
    settings = settings_store.settings(tx)
    rows = store.due(tx, limit) if settings.enabled else ()
    charges: Mapping[int, Charge] = charges_of(tx, [row["id"] for row in rows], purpose=SO_FAR)
    return [_watched(tx, row, charges[row["id"]], settings) for row in rows if row["id"] in charges]


def _watched(tx: ReadTx, row: Row, charge: Charge, settings: BillingSettings) -> Watched:
    driver_id, payment_id = row["driver_id"], row["payment_id"]
    accepted = row["token_status"] in ("", "Accepted")
    held, spendable = 0, None
    limits: list[Limit] = []
    for kind, whose, most in (
        (AMOUNT, OF_DRIVER if payment_id is None else OF_PAYMENT, row["amount_minor"]),
        (ENERGY, OF_DRIVER if payment_id is None else OF_PAYMENT, row["energy_wh"]),
        (DURATION, OF_DRIVER, None if row["duration_s"] is None else row["duration_s"] * 1000),
        (AMOUNT, OF_TENANT, settings.limit_minor),
        (ENERGY, OF_TENANT, settings.limit_energy_wh),
        (DURATION, OF_TENANT, None if settings.limit_duration_s is None else settings.limit_duration_s * 1000),
    ):
        if most is not None:
            limits.append(Limit(kind=kind, whose=whose, most=most))
    if payment_id is not None:
        paid = wallets.balance(tx, AccountRef(kind=PREPAYMENT, unit=charge.currency, name=str(payment_id)))
        if paid > 0:
            limits.append(Limit(kind=AMOUNT, whose=OF_PAYMENT, most=paid))
    elif driver_id is not None and accepted and (settings.stop_at_funds or settings.low_balance_minor):
        account = AccountRef(kind=HELD, unit=charge.currency, name=hold_key(row["id"]), driver_id=driver_id)
        held = wallets.balance(tx, account)
        spendable = funds.available(tx, driver_id, charge.currency) - store.cost_of(tx, driver_id, row["id"])
        if settings.stop_at_funds and not wallets.allowances(tx, driver_id):
            limits.append(Limit(kind=FUNDS, whose=OF_WALLET, most=max(0, held + spendable)))
    return Watched(
        row=row,
        charge=charge,
        settings=settings,
        limits=tuple(limits),
        held_minor=held,
        spendable=spendable,
        hold_missing=row["hold_minor"] is None and settings.holds,
    )


@attrs.frozen(slots=True, kw_only=True)
class Seen:
    """What a look at a running charge came to: its cost by now, where anybody prices it, when to look again, and a limit it reached."""

    cost_minor: int | None = None
    currency: str = ""
    priced_until_at: int | None = None
    again_ms: int = IDLE_MS
    reached: Limit | None = None
    so_far: int = 0
    error: str = ""


def note(tx: Tx, watched: Watched, seen: Seen) -> bool:
    """Store what a look came to; whether the charger is to be asked to stop. A limit is told once, a stop asked for until it comes."""
    tx.claim(*watched.keys(tx.tenant))
    row = store.one(tx, watched.id)
    if row is None:
        return False  # it ended meanwhile
    values: dict[str, Any] = {"look_at": tx.now + seen.again_ms, "error": seen.error[:500]}
    if seen.cost_minor is not None:
        values |= {"cost_minor": seen.cost_minor, "currency": seen.currency, "priced_at": tx.now}
        tx.emit(
            CostUpdated(
                transaction_id=watched.id,
                charger_id=row["charger_id"],
                evse=row["evse"],
                driver_id=watched.driver_id,
                amount_minor=seen.cost_minor,
                currency=seen.currency,
                energy_wh=watched.charge.energy_wh,
                priced_until_at=seen.priced_until_at,
            )
        )
        if watched.driver_id is not None and watched.spendable is not None:
            left = watched.spendable + min(0, watched.held_minor - seen.cost_minor)
            funds.watch_threshold(tx, watched.driver_id, left, transaction_id=watched.id)
    limit = seen.reached
    if limit is not None:
        values |= {
            "reached": limit.kind,
            "asks": row_asks(row) + 1,
            "asked_at": tx.now,
            "look_at": tx.now + min(FIRST_REPEAT_MS << min(row_asks(row), 10), LONGEST_REPEAT_MS),
        }
        if not row["reached"]:
            tx.emit(_reached(watched, row, seen, limit))
    store.save(tx, watched.id, **values)
    return limit is not None


def row_asks(row: Row) -> int:
    """How often the charger was asked to stop it."""
    return int(row["asks"] or 0)


def _reached(watched: Watched, row: Row, seen: Seen, limit: Limit) -> ChargeLimitReached:
    in_seconds = limit.kind == DURATION
    return ChargeLimitReached(
        transaction_id=watched.id,
        charger_id=row["charger_id"],
        driver_id=watched.driver_id,
        limit=limit.kind,
        whose=limit.whose,
        most=limit.most // 1000 if in_seconds else limit.most,
        so_far=seen.so_far // 1000 if in_seconds else seen.so_far,
        energy_wh=watched.charge.energy_wh,
        cost_minor=seen.cost_minor,
        currency=seen.currency or watched.charge.currency,
    )


def tidy(tx: Tx) -> int:
    """Forget watches of transactions that are over; how many. Job: run until it says 0.

    What is held for one that will never be billed, because billing was switched off when it ended, is free.
    """
    some: Sequence[Row] = store.over(tx, due_store.mark(tx), SLICE)
    tx.claim(*sorted(bill_key(row["transaction_id"]) for row in some))
    for row in some:
        if row["is_billed"]:
            store.forget(tx, row["transaction_id"])
        else:
            let_go(tx, row["transaction_id"])
    return len(some)
