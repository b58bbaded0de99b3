"""Settled bills become invoices: each by itself, a driver's month at once, or those that somebody names; corrections credit notes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import attrs

from csms.core.errors import Conflict, Invalid, NotFound
from csms.core.ports import ReadTx, Tx
from csms.domain.billing.model import EACH, MANUAL, SETTLED, Bill, bill_key
from csms.domain.billing.store import bills as bills_store
from csms.domain.billing.store import settings as billing_settings
from csms.domain.invoices import composing
from csms.domain.invoices.model import (
    CREDIT_NOTE,
    INVOICE,
    ISSUED,
    MOST_BILLS,
    PAID,
    PARTLY_PAID,
    Content,
    InvoiceItem,
    NewInvoice,
    Original,
    Settled,
    State,
    invoices_key,
)
from csms.domain.invoices.numbering import bounds, month_of
from csms.domain.invoices.store import invoices as store
from csms.domain.payments.store import payments
from csms.domain.tenants import store as tenants

from . import opening, paying, sharing, telling

CORRECTED = "the charge turned out otherwise"
DRIVERS_AT_ONCE = 50


def take(tx: Tx, bill_id: int, transaction_id: int) -> int | None:
    """A bill was settled: it waits for its invoice, or gets it; a correction of what is on one gets a credit note, or one more.

    The document that was issued, None where there was nothing to issue. Taking a bill twice changes nothing.
    """
    tx.claim(bill_key(transaction_id))
    known = bills_store.of_transaction(tx, transaction_id)
    bill = next((each for each in known if each.id == bill_id and each.state == SETTLED), None)
    if bill is None or bill_id in store.placed(tx, [bill_id]):
        return None
    mode = billing_settings.settings(tx).invoice_mode
    original = _original(tx, known, bill) if bill.number else None
    siblings = store.waiting_with(tx, transaction_id, bill.driver_id)
    alone = bill.total_minor < 0 and not [each for each in siblings if each != bill_id]
    at_once = original is not None or alone or (mode != MANUAL and (mode == EACH or bill.driver_id is None))
    if not at_once:
        sharing.note(tx, bill, known)
        if bill.total_minor or siblings:
            store.wait(tx, bill_id, transaction_id, bill.driver_id, bill.ended_at)
        return None
    chosen = [bill] if original is not None else [each for each in known if each.id in {bill_id, *siblings}]
    made = _issue(tx, chosen, original=original, by="")
    sharing.note(tx, bill, known)
    return None if made is None else made.id


def _original(tx: Tx, known: Sequence[Bill], bill: Bill) -> InvoiceItem | None:
    """The invoice that earlier bills of the transaction and driver are on."""
    earlier = [each.id for each in known if each.number < bill.number and each.driver_id == bill.driver_id]
    for invoice_id in sorted(set(store.placed(tx, earlier).values())):
        found = store.by_id(tx, invoice_id)
        if found is not None and found.kind == INVOICE:
            return found
    return None


def issue(tx: Tx, wanted: NewInvoice, *, by: str) -> InvoiceItem:
    """Put chosen bills, and corrections of them that wait, on one invoice.

    Raises ``NotFound``, ``Conflict`` for a bill that is on one already, ``Invalid`` for bills that cannot be on one together.
    """
    ids = sorted(set(wanted.bill_ids))
    found = {each.id: each for each in bills_store.some(tx, ids)}
    for bill_id in ids:
        if bill_id not in found:
            raise NotFound(f"there is no bill {bill_id}")
        if found[bill_id].state != SETTLED:
            raise Invalid(f"bill {bill_id} is {found[bill_id].state}, not settled", field="bill_ids")
    tx.claim(*sorted({bill_key(each.transaction_id) for each in found.values()}))
    for each in list(found.values()):
        for more in store.waiting_with(tx, each.transaction_id, each.driver_id):
            if more not in found:
                found |= {bill.id: bill for bill in bills_store.some(tx, [more])}
    if placed := store.placed(tx, sorted(found)):
        bill_id, invoice_id = next(iter(placed.items()))
        raise Conflict(f"bill {bill_id} is on invoice {invoice_id} already")
    chosen = sorted(found.values(), key=lambda each: (each.transaction_id, each.number))
    if len({each.driver_id for each in chosen}) > 1:
        raise Invalid("these bills are of different drivers", field="bill_ids")
    if len({each.currency for each in chosen}) > 1:
        raise Invalid("these bills are in different currencies", field="bill_ids")
    supplier = opening.series(tx, INVOICE).supplier
    if len({composing.place_of(each, supplier).name for each in chosen if not each.number}) > 1:
        raise Invalid("these charges were supplied in different places, which one invoice cannot say", field="bill_ids")
    made = _issue(tx, chosen, original=None, by=by)
    if made is None:
        raise Invalid("these bills come to nothing: there is nothing to invoice", field="bill_ids")
    return made


def collect(tx: Tx) -> int:
    """Issue what is due of bills that wait, for some drivers: in the mode ``monthly`` what ended before this month; how many bills. Job."""
    mode = billing_settings.settings(tx).invoice_mode
    if mode == MANUAL:
        return 0
    tenant = tenants.current(tx)
    assert tenant is not None
    until = None if mode == EACH else bounds(month_of(tx.now, tenant.time_zone), tenant.time_zone)[0]
    drivers = store.waiting_drivers(tx, until, DRIVERS_AT_ONCE)
    waiting = {driver_id: store.waiting_of(tx, driver_id, until, MOST_BILLS) for driver_id in drivers}
    every = [(driver_id, transaction_id) for driver_id, each in waiting.items() for _, transaction_id in each]
    keys = {bill_key(transaction_id) for _, transaction_id in every} | {invoices_key(*each) for each in every}
    tx.claim(*sorted(keys), *([opening.series(tx, INVOICE).key] if every else []))
    done = 0
    for each in waiting.values():
        done += _collect(tx, [bill_id for bill_id, _ in each], one_each=mode == EACH)
    return done


def _collect(tx: Tx, ids: Sequence[int], *, one_each: bool) -> int:
    """Invoices for a driver's bills: one for each currency and place of supply, or for each charge."""
    placed = store.placed(tx, ids)
    bills = [each for each in bills_store.some(tx, ids) if each.id not in placed]
    book = opening.series(tx, INVOICE)
    charges = [list(each) for _, each in groupby(sorted(bills, key=lambda one: (one.transaction_id, one.number)), _transaction)]

    def apart(charge: list[Bill]) -> tuple[str, ...]:
        if one_each or charge[0].driver_id is None:
            return (str(charge[0].transaction_id),)
        month = month_of(charge[0].ended_at, book.tenant.time_zone)
        return (month, charge[0].currency, composing.place_of(charge[0], book.supplier).name)

    done = 0
    for _, group in groupby(sorted(charges, key=apart), apart):
        chosen = [bill for charge in group for bill in charge]
        if sum(each.total_minor for each in chosen) < 0:
            continue  # a credit note that nobody can say what it is about: an operator issues it
        period = "" if one_each or chosen[0].driver_id is None else month_of(chosen[0].ended_at, book.tenant.time_zone)
        if _issue(tx, chosen, original=None, by="", period=period) is None:
            store.forget_waiting(tx, [each.id for each in chosen])
        done += len(chosen)
    return done


def _transaction(bill: Bill) -> int:
    return bill.transaction_id


def _issue(tx: Tx, bills: Sequence[Bill], *, original: InvoiceItem | None, by: str, period: str = "") -> InvoiceItem | None:
    """One document for bills of one driver; None where they come to nothing. What they come to says which it is."""
    total = sum(each.total_minor for each in bills)
    if not total:
        return None
    book = opening.series(tx, INVOICE if total > 0 else CREDIT_NOTE)
    driver_id = bills[0].driver_id
    transaction_id = bills[0].transaction_id if len({each.transaction_id for each in bills}) == 1 else None
    tx.claim(book.key, invoices_key(driver_id, transaction_id))
    about = None if original is None else store.content(tx, original.id)
    said_of = Original(id=original.id, number=original.number, issued_at=original.issued_at) if original is not None else None
    if total < 0:
        bills = [_turned(each) for each in bills]
    place = State(about.place_code, about.place_of_supply) if about is not None else composing.place_of(bills[0], book.supplier)
    code = (about.lines[0].tax_code if about is not None and about.lines else "") or book.settings.tax_code
    lines = composing.lines_of(bills, book.tenant.time_zone, code)
    net = sum(each.net_minor for each in bills)
    names = store.station_names(tx, [each.station_id for each in bills if each.station_id is not None])
    settled = composing.settled_of(bills)
    party = about.recipient if about is not None else opening.recipient(tx, driver_id, book.supplier)
    said: Content = opening.draft(
        tx,
        book,
        party,
        bills[0].currency,
        abs(total),
        sum(each.tax_minor for each in bills),
        place_of_supply=place.name,
        place_code=place.code,
        lines=lines,
        rounding_minor=net - sum(each.taxable_minor for each in lines),
        taxes=composing.taxes_of([tax for each in bills for tax in each.taxes]),
        supplies=composing.supplies_of(bills, place, code),
        tax_inclusive=any(each.price is not None and each.price.tax_inclusive for each in bills),
        charged=composing.charged_of(bills, names),
        settled=settled if book.kind == INVOICE else attrs.evolve(settled, due_minor=0),
        original=said_of,
        reason=CORRECTED if original is not None or book.kind == CREDIT_NOTE else "",
        period=period,
        notes=tuple(dict.fromkeys(note for each in bills if each.price is not None for note in each.price.notes)),
    )
    made = opening.issued(
        tx,
        book,
        said,
        driver_id=driver_id,
        transaction_id=transaction_id,
        status=status_of(said.settled, abs(total)) if book.kind == INVOICE else ISSUED,
        by=by,
        paid_at=max((each.paid_at or tx.now for each in bills), default=tx.now) if not said.settled.due_minor else None,
    )
    store.put_bills(tx, made.id, [(each.id, each.transaction_id) for each in bills])
    if book.kind == INVOICE:
        tx.emit(telling.issued(made, sends_pdf=book.settings.send_pdf if driver_id is not None else _is_mailed(tx, bills[0])))
        return made
    tx.emit(telling.credited(made, original_number="" if original is None else original.number, reason=said.reason))
    if original is not None:
        paying.refresh(tx, original.id)
    return made


def _is_mailed(tx: ReadTx, bill: Bill) -> bool:
    """Whether the guest who paid for a charge gave an e-mail address: they cannot come for their invoice."""
    guest = None if bill.payment_id is None else payments.guest(tx, bill.payment_id)
    return guest is not None and bool(guest.email)


def status_of(settled: Settled, total_minor: int) -> str:
    """What a new invoice is by how it was settled."""
    if not settled.due_minor:
        return PAID
    return PARTLY_PAID if settled.due_minor < total_minor else ISSUED


_TURNED = ("energy_wh", "net_minor", "tax_minor", "total_minor", "prepaid_minor", "wallet_minor", "owed_minor", "waived_minor")


def _turned(bill: Bill) -> Bill:
    """A correction as a credit note says it: what is given back is above zero."""
    taxes = tuple(attrs.evolve(each, taxable_minor=-each.taxable_minor, amount_minor=-each.amount_minor) for each in bill.taxes)
    return attrs.evolve(bill, taxes=taxes, **{name: -getattr(bill, name) for name in _TURNED})
