"""A bill is settled: one write that stores its price, takes allowances and money, and tells of it; or that finds it stale."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.errors import CsmsError
from csms.core.ids import TenantId
from csms.core.ledger import CHARGE_DEDUCT, CORRECTION, HELD, PREPAYMENT, AccountRef, prepayment_key, wallet_key
from csms.core.money import major
from csms.core.ports import Row, Tx
from csms.core.pricing import AllowanceUse, Covered, Price, Share, TaxLine
from csms.domain.billing.model import NOT_BILLABLE, PRICED, SETTLED, UNBILLED, Bill, Used, bill_key, hold_key, low_wallet_key
from csms.domain.billing.store import bills as store
from csms.domain.billing.store import due
from csms.domain.wallets import service as wallets

from . import crediting, funds, moving, telling
from .making import basis_of, fresh, let_go, why_not

DONE, STALE, WAITS = "done", "stale", "waits"
"""What became of an attempt: it is as it should be; something changed meanwhile, and everything is to be asked again; nobody has a
price."""

UNPRICED_MS, RAREST_MS = 3_600_000, 7 * 86_400_000
"""What has no price is asked about again when prices change, or after so long: the longer it waits, the more rarely."""
NO_PRICE = "nobody has a price for it"
NOBODY = "nobody is known who could owe it: it has no driver and no payment"
ANOTHERS = "another driver charged, or nothing was taken, and this one was never asked to pay"


class CannotSettle(CsmsError):
    """What was said of a charge cannot be settled."""


@attrs.frozen(slots=True, kw_only=True)
class Offer:
    """What plugins said of a bill that was due: ``basis`` and ``course`` are what of its transaction was shown to them. ``price`` None: nobody
    has one.

    ``covered`` and ``uses`` are of the charge as a whole: what earlier bills of it took is among them.
    """

    bill_id: int
    transaction_id: int
    driver_id: int | None
    payment_id: int | None
    basis: str
    course: str = ""
    price: Price | None
    covered: Covered | None = None
    uses: tuple[AllowanceUse, ...] = ()

    def keys(self, tenant: TenantId) -> list[str]:
        """Everything that settling it changes."""
        keys = [bill_key(self.transaction_id)]
        if self.driver_id is not None:
            keys += [wallet_key(tenant, self.driver_id), low_wallet_key(self.driver_id)]
        if self.payment_id is not None:
            keys.append(prepayment_key(tenant, str(self.payment_id)))
        return keys


@attrs.frozen(slots=True, kw_only=True)
class Target:
    """What a driver's bills of a transaction are to come to together."""

    price: Price | None
    uses: tuple[AllowanceUse, ...]
    energy_wh: int


def settle(tx: Tx, offer: Offer) -> str:
    """Settle a bill: ``DONE``, ``STALE`` or ``WAITS``. Raises ``CannotSettle``, or what the ledger refuses; nothing is written then."""
    tx.claim(*offer.keys(tx.tenant))
    known = store.of_transaction(tx, offer.transaction_id)
    bill = next((each for each in known if each.id == offer.bill_id), None)
    if bill is None or bill.state not in (UNBILLED, PRICED):
        return DONE
    facts = due.transaction(tx, offer.transaction_id)
    if facts is None or basis_of(facts) != offer.basis:
        return STALE
    if not bill.number:
        bill = attrs.evolve(bill, driver_id=facts["driver_id"], payment_id=facts["payment_id"])
    before = [each for each in known if each.state == SETTLED and each.driver_id == bill.driver_id]
    original = next(each for each in known if each.id == offer.bill_id)
    if not bill.number and not facts["energy_wh"]:
        return _costs_nothing(tx, original, bill, facts)
    mine = bill.driver_id == facts["driver_id"] and bool(facts["energy_wh"])
    if not mine and not before:  # it seemed to be this driver's charge for a moment, while the correction waited
        store.save(
            tx, original, attrs.evolve(bill, state=NOT_BILLABLE, note=ANOTHERS, due_at=None, unpriced=False, changed_at=tx.now)
        )
        return DONE
    if mine and offer.price is None:
        return _wait(tx, original, bill)
    target = Target(
        price=offer.price if mine else None, uses=offer.uses if mine else (), energy_wh=facts["energy_wh"] or 0 if mine else 0
    )
    priced = _priced(tx, bill, before, target, offer)
    if priced.driver_id is None and priced.payment_id is None and priced.total_minor > 0 and not before:
        store.save(tx, original, attrs.evolve(priced, state=PRICED, note=NOBODY, due_at=None))
        return DONE
    if not _still_allowed(tx, priced):
        return STALE
    _settle(tx, original, priced, before)
    return DONE


def _costs_nothing(tx: Tx, original: Bill, bill: Bill, facts: Row) -> str:
    after = attrs.evolve(bill, state=NOT_BILLABLE, note=why_not(facts), due_at=None, unpriced=False, changed_at=tx.now)
    store.save(tx, original, after)
    let_go(tx, bill.transaction_id)
    tx.emit(telling.not_billable(after))
    return DONE


def _wait(tx: Tx, original: Bill, bill: Bill) -> str:
    """Nobody has a price: it is not free, so it waits; what is held for it is not kept from its driver meanwhile."""
    wait_ms = min(max(UNPRICED_MS, tx.now - bill.created_at), RAREST_MS)
    after = attrs.evolve(
        bill, state=UNBILLED, note=NO_PRICE, unpriced=True, due_at=tx.now + wait_ms, attempts=0, error="", changed_at=tx.now
    )
    store.save(tx, original, after)
    let_go(tx, bill.transaction_id)
    return WAITS


# --- what it comes to -----------------------------------------------------------------------------------------------------------


def _priced(tx: Tx, bill: Bill, before: Sequence[Bill], target: Target, offer: Offer) -> Bill:
    """The bill with its own part of what the charge comes to. Raises ``CannotSettle``."""
    price = target.price
    currency = price.currency if price is not None else before[0].currency
    if price is not None and (price.total_minor < 0 or price.net_minor < 0):
        raise CannotSettle(f"a charge cannot cost less than nothing: {major(price.total_minor, currency)} {currency}")
    if any(each.currency != currency for each in before):
        raise CannotSettle(f"it was billed in {before[0].currency} and is priced in {currency} now")
    wanted_net, wanted_taxes, shares = (0, (), ()) if price is None else (price.net_minor, price.taxes, price.shares)
    back = crediting.given(before)
    if back.total_minor and (0 if price is None else price.total_minor) <= back.total_minor:
        # credit notes gave back more than it costs: what is left of the bills comes back, and no more
        wanted_net, wanted_taxes = back.net_minor, back.taxes
        shares = crediting.shares_given(before, back.total_minor)
    net = wanted_net - sum(each.net_minor for each in before)
    taxes = _taxes_less(wanted_taxes, [tax for each in before for tax in each.taxes])
    tax = sum(each.amount_minor for each in taxes)
    return attrs.evolve(
        bill,
        currency=currency,
        net_minor=net,
        tax_minor=tax,
        total_minor=net + tax,
        energy_wh=target.energy_wh - sum(each.energy_wh for each in before),
        tariff="" if price is None else price.tariff,
        price=price,
        taxes=taxes,
        shares=_shares_less(shares, [share for each in before for share in each.shares]),
        uses=_uses_less(target.uses, [use for each in before for use in each.uses]),
        covered=offer.covered if price is not None else None,
        basis=offer.basis,
        course=offer.course,
        attempts=0,
        error="",
        unpriced=False,
        changed_at=tx.now,
        priced_at=tx.now,
    )


def _taxes_less(wanted: Sequence[TaxLine], given: Sequence[TaxLine]) -> tuple[TaxLine, ...]:
    left = {(each.name, each.rate_percent): [0, 0] for each in (*wanted, *given)}
    for sign, lines in ((1, wanted), (-1, given)):
        for each in lines:
            sums = left[each.name, each.rate_percent]
            sums[0] += sign * each.taxable_minor
            sums[1] += sign * each.amount_minor
    return tuple(
        TaxLine(name=name, rate_percent=rate, taxable_minor=taxable, amount_minor=amount)
        for (name, rate), (taxable, amount) in left.items()
        if taxable or amount or (not given and wanted)
    )


def _shares_less(wanted: Sequence[Share], given: Sequence[Share]) -> tuple[Share, ...]:
    left: dict[str, int] = {}
    about = {each.party: each.about for each in (*given, *wanted)}
    for sign, shares in ((1, wanted), (-1, given)):
        for each in shares:
            left[each.party] = left.get(each.party, 0) + sign * each.amount_minor
    return tuple(Share(party=party, amount_minor=amount, about=about[party]) for party, amount in left.items() if amount)


def _uses_less(wanted: Sequence[AllowanceUse], given: Sequence[Used]) -> tuple[Used, ...]:
    left: dict[tuple[int, str], int] = {}
    for wish in wanted:
        left[wish.account_id, wish.unit] = left.get((wish.account_id, wish.unit), 0) + wish.amount
    for used in given:
        left[used.account_id, used.unit] = left.get((used.account_id, used.unit), 0) - used.amount
    return tuple(Used(account_id=account_id, unit=unit, amount=amount) for (account_id, unit), amount in left.items() if amount)


def _still_allowed(tx: Tx, bill: Bill) -> bool:
    """Whether the allowances that it is to take from still have as much."""
    taken = [use for use in bill.uses if use.amount > 0]
    if not taken:
        return True
    if bill.driver_id is None:
        return False
    left = {each.account_id: each for each in wallets.allowances(tx, bill.driver_id)}
    return all(
        use.account_id in left and left[use.account_id].unit == use.unit and left[use.account_id].balance >= use.amount
        for use in taken
    )


def differs(tx: Tx, facts: Row, before: Sequence[Bill], offer: Offer) -> bool:
    """Whether what was said of a charge now is otherwise than what its driver's bills of it, ``before``, came to. Raises ``CannotSettle``."""
    target = Target(price=offer.price, uses=offer.uses, energy_wh=facts["energy_wh"] or 0)
    part = _priced(tx, fresh(tx, facts, 1, offer.driver_id), before, target, offer)
    taxes = any(each.taxable_minor or each.amount_minor for each in part.taxes)
    return bool(part.net_minor or part.energy_wh or taxes or part.shares or part.uses)


# --- how it is settled ----------------------------------------------------------------------------------------------------------


def _settle(tx: Tx, original: Bill, bill: Bill, before: Sequence[Bill]) -> None:
    available, in_hold = None, 0
    if bill.driver_id is not None:
        available = funds.available(tx, bill.driver_id, bill.currency)
        held = AccountRef(kind=HELD, unit=bill.currency, name=hold_key(bill.transaction_id), driver_id=bill.driver_id)
        in_hold = wallets.balance(tx, held)
    ways = _taken(tx, bill, in_hold, available or 0) if bill.total_minor >= 0 else _given_back(tx, bill, before)
    moving.charge(tx, bill, ways, kind=CORRECTION if bill.total_minor < 0 else CHARGE_DEDUCT)
    moving.share_out(tx, bill)
    moving.use_allowances(tx, bill)
    let_go(tx, bill.transaction_id)
    after = attrs.evolve(
        bill,
        state=SETTLED,
        note="",
        prepaid_minor=ways.prepaid_minor,
        wallet_minor=ways.wallet_minor + ways.held_minor,
        owed_minor=ways.owed_minor,
        waived_minor=ways.waived_minor,
        written_off_minor=ways.written_off_minor,
        open_minor=max(0, ways.owed_minor),
        due_at=None,
        settled_at=tx.now,
        paid_at=None if ways.owed_minor > 0 else tx.now,
    )
    store.save(tx, original, after)
    if not after.number or after.net_minor or after.tax_minor or after.uses:
        tx.emit(telling.settled(after))
    if after.open_minor:
        tx.emit(telling.left_open(after))
    if bill.driver_id is not None and available is not None:
        left = available + in_hold - ways.held_minor - ways.wallet_minor
        funds.watch_threshold(tx, bill.driver_id, left, transaction_id=bill.transaction_id)


def _taken(tx: Tx, bill: Bill, in_hold: int, available: int) -> moving.Ways:
    """From where a bill's total comes: what was paid for it, what is held, what is in the wallet; the rest is owed."""
    left = bill.total_minor
    prepaid = held = wallet = 0
    if bill.payment_id is not None:
        there = wallets.balance(tx, AccountRef(kind=PREPAYMENT, unit=bill.currency, name=str(bill.payment_id)))
        prepaid = min(left, max(0, there))
        left -= prepaid
    if bill.driver_id is not None:
        held = min(left, in_hold)
        left -= held
        wallet = min(left, max(0, available))
        left -= wallet
    owed = left if bill.driver_id is not None else 0
    return moving.Ways(prepaid_minor=prepaid, held_minor=held, wallet_minor=wallet, owed_minor=owed, waived_minor=left - owed)


def _given_back(tx: Tx, bill: Bill, before: Sequence[Bill]) -> moving.Ways:
    """To where a correction's credit goes: the last that was taken comes back first. What is owed becomes less; what was paid of a debt
    since goes to the wallet, and of what was written off less was lost. What credit notes gave back does not come back again."""
    left = -bill.total_minor
    opened = 0
    back = crediting.given(before)
    for each in reversed(before):
        part = min(left, each.open_minor)
        if part:
            settled = attrs.evolve(
                each, open_minor=each.open_minor - part, changed_at=tx.now, paid_at=tx.now if part == each.open_minor else None
            )
            store.save(tx, each, settled)
            if not settled.open_minor:
                tx.emit(telling.paid(settled))
            opened += part
            left -= part
    lossless = max(0, _sum(before, "written_off_minor") + _sum(before, "waived_minor") - back.lost_minor)
    lost = min(left, lossless, max(0, _sum(before, "written_off_minor")))
    left -= lost
    later = _sum(before, "owed_minor") - _sum(before, "open_minor") - _sum(before, "written_off_minor") - back.opened_minor
    paid_by_driver = max(0, _sum(before, "wallet_minor") + later) if bill.driver_id is not None else 0
    from_wallet = min(left, max(0, paid_by_driver - back.returned_minor))
    left -= from_wallet
    prepaid = min(left, max(0, _sum(before, "prepaid_minor") - max(0, back.returned_minor - paid_by_driver)))
    left -= prepaid
    waived = min(left, lossless - lost, max(0, _sum(before, "waived_minor")))
    left -= waived
    if left:
        raise CannotSettle(f"{left} {bill.currency} would be given back that were never taken")
    return moving.Ways(
        prepaid_minor=-prepaid, wallet_minor=-from_wallet, owed_minor=-opened - lost, written_off_minor=-lost, waived_minor=-waived
    )


def _sum(bills: Sequence[Bill], name: str) -> int:
    return int(sum(getattr(each, name) for each in bills))
