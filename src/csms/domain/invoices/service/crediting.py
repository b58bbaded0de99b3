"""Credit notes by hand: something of an invoice is given back, though the charge itself was right."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import attrs

from csms.core.errors import Invalid, Refused
from csms.core.ledger import (
    ADJUSTMENTS,
    CORRECTION,
    PARTNER,
    PREPAYMENT,
    RECEIVABLE,
    REVENUE,
    SHARE,
    TAX,
    WALLET,
    AccountRef,
    Leg,
    NewMovement,
    prepayment_key,
    wallet_key,
)
from csms.core.money import major, written
from csms.core.ports import Tx
from csms.core.pricing import TaxLine
from csms.domain.billing.model import Bill, bill_key
from csms.domain.billing.service import Credit, credited
from csms.domain.billing.service.moving import WRITTEN_OFF
from csms.domain.billing.store import bills as bills_store
from csms.domain.invoices.model import (
    CREDIT_NOTE,
    INVOICE,
    ISSUED,
    Content,
    ContentLine,
    ContentTax,
    Credited,
    InvoiceItem,
    NewCreditNote,
    Original,
    Settled,
    Supply,
)
from csms.domain.invoices.store import invoices as store
from csms.domain.invoices.store import settlements
from csms.domain.wallets import service as wallets

from . import opening, telling
from .paying import need_invoice, refresh

_AMOUNTS = ("igst_minor", "cgst_minor", "sgst_minor", "other_minor")


@attrs.frozen(slots=True)
class Slice:
    """A part of an invoice, from what was given back before to what is then: cut so that all parts together are the whole."""

    before: int
    after: int
    total: int

    def of(self, amount: int) -> int:
        """This part of an amount, in whole minor units."""
        return _share(amount, self.after, self.total) - _share(amount, self.before, self.total)


def _share(amount: int, part: int, total: int) -> int:
    sign = -1 if amount < 0 else 1
    return sign * ((2 * abs(amount) * part + total) // (2 * total))


@attrs.frozen(slots=True, kw_only=True)
class Back:
    """To where it goes: what is open becomes less, of what was lost less is, and the rest is the driver's again, or the payment's."""

    opened: tuple[tuple[Bill, int], ...]
    lost: int
    returned: int
    payment_id: int | None

    @property
    def opened_minor(self) -> int:
        """What is not owed any more."""
        return sum(part for _, part in self.opened)


def credit(tx: Tx, invoice_id: int, wanted: NewCreditNote, *, by: str) -> InvoiceItem:
    """Give back a part of an invoice, or all that is left of it; the credit note.

    Revenue, taxes and partners' shares go back in proportion. What is still owed becomes less first; the rest goes to the driver's wallet, or
    for a guest to the payment, from where it can be refunded. Raises ``NotFound``, ``Refused`` where nothing is left, ``Invalid``.
    """
    known = need_invoice(tx, invoice_id)
    if known.kind != INVOICE:
        raise Refused(f"{known.number} is a {known.kind.replace('_', ' ')}: credit notes are about invoices")
    said = store.content(tx, invoice_id)
    assert said is not None
    bills = bills_store.some(tx, store.bill_ids(tx, invoice_id))
    book = opening.series(tx, CREDIT_NOTE)
    keys = {book.key, known.key, *(bill_key(each.transaction_id) for each in bills)}
    if known.driver_id is not None:
        keys.add(wallet_key(tx.tenant, known.driver_id))
    keys |= {prepayment_key(tx.tenant, str(each.payment_id)) for each in bills if each.payment_id is not None}
    tx.claim(*sorted(keys))
    before = store.credited(tx, invoice_id)
    left = known.total_minor - before
    if left <= 0:
        raise Refused(f"all of {known.number} was given back already")
    amount = left if wanted.amount_minor is None else wanted.amount_minor
    if amount > left:
        raise Invalid(f"{written(left, known.currency)} of {known.number} is left to be given back", field="amount_minor")
    part = Slice(before, before + amount, known.total_minor)
    back = _back(tx, known, bills, amount)
    made = _issue(tx, book, known, said, part, back, _taken_back(bills, part), wanted.reason, by)
    _post(tx, known, made, back, by)
    _tell_bills(tx, made, bills, back)
    refresh(tx, invoice_id)
    return made


def _tell_bills(tx: Tx, made: InvoiceItem, bills: Sequence[Bill], back: Back) -> None:
    """Each bill counts as so much less from now on: what was open of it first, then what was lost, then what was paid, bill by bill."""
    said = store.content(tx, made.id)
    assert said is not None
    opened = {bill.id: part for bill, part in back.opened}
    parts = []
    lost_left, back_left = back.lost, back.returned
    for bill in bills:
        room = max(0, bill.total_minor - bill.credited_minor - opened.get(bill.id, 0))
        lost = min(lost_left, room, max(0, bill.waived_minor + bill.written_off_minor - bill.credited_lost_minor))
        returned = min(back_left, room - lost)
        lost_left, back_left = lost_left - lost, back_left - returned
        parts.append([bill.id, opened.get(bill.id, 0), lost, returned])
    if parts:  # what a correction lost that is on another invoice
        parts[-1][2] += lost_left
        parts[-1][3] += back_left
    done = 0
    for bill_id, open_minor, lost, returned in parts:
        total = open_minor + lost + returned
        part = Slice(done, done + total, made.total_minor)
        done += total
        if not total:
            continue
        taxes = tuple(
            TaxLine(
                name=each.name,
                rate_percent=each.rate_percent,
                taxable_minor=part.of(each.taxable_minor),
                amount_minor=part.of(each.amount_minor),
            )
            for each in said.taxes
        )
        net = total - sum(each.amount_minor for each in taxes)
        credit_part = Credit(net_minor=net, taxes=taxes, opened_minor=open_minor, lost_minor=lost)
        credited(tx, bill_id, credit_part, source=f"credit_note:{made.id}")


def _back(tx: Tx, known: InvoiceItem, bills: Sequence[Bill], amount: int) -> Back:
    left = amount
    opened = []
    for bill in bills:
        part = min(left, bill.open_minor)
        if part:
            opened.append((bill, part))
            left -= part
    every = [
        each for bill in bills for each in bills_store.of_transaction(tx, bill.transaction_id) if each.driver_id == known.driver_id
    ]
    lost_in_all = sum(each.waived_minor + each.written_off_minor for each in {one.id: one for one in every}.values())
    notes = [store.content(tx, each.id) for each in store.about(tx, known.id) if each.kind == CREDIT_NOTE]
    lost_before = sum(each.settled.waived_minor for each in notes if each is not None and not each.charged)
    lost = min(left, max(0, lost_in_all - lost_before))
    left -= lost
    payment_id = next((each.payment_id for each in bills if each.payment_id is not None), None)
    if left and known.driver_id is None and payment_id is None:
        raise Refused(f"nobody is known to whom {written(left, known.currency)} could be given back")
    return Back(opened=tuple(opened), lost=lost, returned=left, payment_id=payment_id)


def _taken_back(bills: Sequence[Bill], part: Slice) -> tuple[Credited, ...]:
    sums: dict[str, int] = {}
    for share in (share for bill in bills for share in bill.shares):
        sums[share.party[:100]] = sums.get(share.party[:100], 0) + share.amount_minor
    return tuple(Credited(party=party, amount_minor=part.of(amount)) for party, amount in sums.items() if part.of(amount))


def _issue(
    tx: Tx,
    book: opening.Series,
    known: InvoiceItem,
    original: Content,
    part: Slice,
    back: Back,
    taken_back: tuple[Credited, ...],
    reason: str,
    by: str,
) -> InvoiceItem:
    amount = part.after - part.before
    taxes = tuple(
        ContentTax(
            name=each.name,
            rate_percent=each.rate_percent,
            taxable_minor=part.of(each.taxable_minor),
            amount_minor=part.of(each.amount_minor),
        )
        for each in original.taxes
    )
    tax = sum(each.amount_minor for each in taxes)
    line = ContentLine(
        description=f"Credit on {known.number}: {reason}",
        tax_code=original.lines[0].tax_code if original.lines else "",
        quantity=Decimal(1),
        unit="1",
        rate=major(amount - tax, known.currency),
        taxable_minor=amount - tax,
    )
    said = opening.draft(
        tx,
        book,
        original.recipient,
        known.currency,
        amount,
        tax,
        place_of_supply=original.place_of_supply,
        place_code=original.place_code,
        lines=(line,),
        taxes=taxes,
        supplies=_supplies(original.supplies, part, taxes, amount - tax),
        settled=Settled(
            owed_minor=back.opened_minor,
            waived_minor=back.lost,
            wallet_minor=back.returned if known.driver_id is not None else 0,
            prepaid_minor=back.returned if known.driver_id is None else 0,
        ),
        original=Original(id=known.id, number=known.number, issued_at=known.issued_at),
        reason=reason,
        taken_back=taken_back,
    )
    made = opening.issued(tx, book, said, driver_id=known.driver_id, status=ISSUED, by=by, transaction_id=known.transaction_id)
    for each in taken_back:
        settlements.insert_part(
            tx,
            f"credit_note:{made.id}",
            each.party,
            currency=known.currency,
            station_id=None,
            settled_at=tx.now,
            energy_wh=0,
            net_minor=-(amount - tax),
            tax_minor=-tax,
            electricity_minor=0,
            share_minor=-each.amount_minor,
        )
    tx.emit(telling.credited(made, original_number=known.number, reason=reason))
    return made


def _supplies(supplies: Sequence[Supply], part: Slice, taxes: Sequence[ContentTax], net: int) -> tuple[Supply, ...]:
    """The part of each, energy apart: it was supplied. The last makes up for what rounding each by itself leaves."""

    def amounts(each: Supply) -> dict[str, Any]:
        return {name: part.of(getattr(each, name)) for name in (*_AMOUNTS, "taxable_minor")}

    cut = [attrs.evolve(each, energy_wh=0, **amounts(each)) for each in supplies]
    if not cut:
        return ()
    wanted = dict.fromkeys(_AMOUNTS, 0)
    for tax in taxes:
        name = {"IGST": "igst_minor", "CGST": "cgst_minor", "SGST": "sgst_minor", "UTGST": "sgst_minor"}.get(
            tax.name.upper(), "other_minor"
        )
        wanted[name] += tax.amount_minor
    fixed: dict[str, Any] = {
        name: getattr(cut[-1], name) + amount - sum(getattr(each, name) for each in cut) for name, amount in wanted.items()
    }
    cut[-1] = attrs.evolve(cut[-1], taxable_minor=cut[-1].taxable_minor + net - sum(each.taxable_minor for each in cut), **fixed)
    return tuple(cut)


def _post(tx: Tx, known: InvoiceItem, made: InvoiceItem, back: Back, by: str) -> None:
    unit = known.currency
    said = store.content(tx, made.id)
    assert said is not None
    legs = [Leg(AccountRef(kind=REVENUE, unit=unit), -said.net_minor)]
    legs += [Leg(AccountRef(kind=TAX, unit=unit, name=each.name), -each.amount_minor) for each in said.taxes]
    legs.append(Leg(AccountRef(kind=ADJUSTMENTS, unit=unit, name=WRITTEN_OFF), back.lost))
    if known.driver_id is not None:
        legs.append(Leg(AccountRef(kind=RECEIVABLE, unit=unit, driver_id=known.driver_id), back.opened_minor))
        legs.append(Leg(AccountRef(kind=WALLET, unit=unit, driver_id=known.driver_id), back.returned))
    elif back.returned:
        legs.append(Leg(AccountRef(kind=PREPAYMENT, unit=unit, name=str(back.payment_id)), back.returned))
    _move(tx, CORRECTION, f"credit_note:{made.id}", legs, f"{made.number} on {known.number}: {said.reason}", made.id, by)
    shares = [Leg(AccountRef(kind=PARTNER, unit=unit, name=each.party), -each.amount_minor) for each in said.taken_back]
    shares.append(Leg(AccountRef(kind=REVENUE, unit=unit), sum(each.amount_minor for each in said.taken_back)))
    _move(tx, SHARE, f"credit_note:{made.id}:share", shares, f"shares in {made.number}", made.id, by)


def _move(tx: Tx, kind: str, key: str, legs: Sequence[Leg], description: str, invoice_id: int, by: str) -> None:
    moved = tuple(leg for leg in legs if leg.amount)
    if moved:
        wallets.post(
            tx,
            NewMovement(
                kind=kind,
                key=key,
                legs=moved,
                description=description[:300],
                reference_kind="invoice",
                reference_id=str(invoice_id),
                by=by,
            ),
        )
