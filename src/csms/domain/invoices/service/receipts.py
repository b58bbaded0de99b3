"""Documents for what is no charge: receipts for money that came into a wallet, and invoices for fees that were taken from it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from csms.core.ledger import PLAN_FEE, REFUND, REVENUE, TAX, WALLET
from csms.core.money import major
from csms.core.ports import Tx
from csms.domain.invoices.composing import with_tax
from csms.domain.invoices.model import (
    CREDIT_NOTE,
    INVOICE,
    ISSUED,
    PAID,
    RECEIPT,
    ContentLine,
    ContentTax,
    Original,
    Settled,
    State,
    Supply,
    invoices_key,
)
from csms.domain.invoices.store import invoices as store
from csms.domain.payments import service as payments
from csms.domain.payments.model import PLAN, TOP_UP
from csms.domain.wallets import service as wallets

from . import opening, paying, telling

ADVANCES = (TOP_UP, PLAN)
"""What is paid for later: the money is the driver's own until then, so a receipt is due, and no invoice yet."""
CENT = Decimal("0.01")


def receive(tx: Tx, payment_id: int, amount_minor: int) -> int | None:
    """Issue the receipt for a payment into a wallet: its id; None where none is due. One payment has one receipt."""
    payment = payments.need_payment(tx, payment_id)
    if payment.purpose not in ADVANCES or payment.driver_id is None or amount_minor <= 0:
        return None
    book = opening.series(tx, RECEIPT)
    tx.claim(book.key)
    if (known := store.receipt_of(tx, payment_id)) is not None:
        return known
    line = _line(payment.description or "Money for the wallet", "", amount_minor, payment.currency)
    said = opening.draft(
        tx,
        book,
        opening.recipient(tx, payment.driver_id, book.supplier),
        payment.currency,
        amount_minor,
        0,
        lines=(line,),
        settled=Settled(wallet_minor=amount_minor, method=payment.method),
        notes=(f"Payment {payment.reference}",),
    )
    made = opening.issued(
        tx, book, said, driver_id=payment.driver_id, status=PAID, by="", paid_at=payment.paid_at or tx.now, payment_id=payment_id
    )
    return made.id


def charge_fee(tx: Tx, movement_id: int) -> int | None:
    """Issue the invoice for a fee, such as a plan's, that a movement took from a wallet, or the credit note for one that it gave back.

    Its id; None where none is due. One movement has one document.
    """
    movement = wallets.need_movement(tx, movement_id)
    wallet = next((each for each in movement.entries if each.kind == WALLET), None)
    net = sum(each.amount for each in movement.entries if each.kind == REVENUE)
    if movement.kind not in (PLAN_FEE, REFUND) or wallet is None or not net or (net > 0) != (wallet.amount < 0):
        return None
    back = net < 0
    book = opening.series(tx, CREDIT_NOTE if back else INVOICE)
    tx.claim(book.key, invoices_key(wallet.driver_id, None))
    if (known := store.fee_of(tx, movement_id)) is not None:
        return known
    total, net = abs(wallet.amount), abs(net)
    taxes = tuple(_tax(each.name, abs(each.amount), net) for each in movement.entries if each.kind == TAX)
    original = store.fee_about(tx, movement.reference_kind, movement.reference_id) if back else None
    party = opening.recipient(tx, wallet.driver_id, book.supplier)
    code = movement.tax_code or book.settings.tax_code
    away = any(each.name.upper() == "IGST" for each in taxes)
    place = State(party.state_code, party.state) if away else State(book.supplier.state_code, book.supplier.state)
    said = opening.draft(
        tx,
        book,
        party,
        wallet.unit,
        total,
        total - net,
        place_of_supply=place.name,
        place_code=place.code,
        lines=(_line(movement.description or "Fee", code, net, wallet.unit),),
        taxes=taxes,
        supplies=(_supply(taxes, net, place, code),),
        settled=Settled(wallet_minor=total),
        original=None if original is None else Original(id=original.id, number=original.number, issued_at=original.issued_at),
        reason=movement.description if back else "",
    )
    made = opening.issued(
        tx,
        book,
        said,
        driver_id=wallet.driver_id,
        status=ISSUED if back else PAID,
        by="",
        paid_at=None if back else movement.at,
        movement_id=movement_id,
    )
    if not back:
        tx.emit(telling.issued(made, sends_pdf=book.settings.send_pdf))
        return made.id
    tx.emit(telling.credited(made, original_number="" if original is None else original.number, reason=said.reason))
    if original is not None:
        paying.refresh(tx, original.id)
    return made.id


def _line(description: str, tax_code: str, amount_minor: int, currency: str) -> ContentLine:
    return ContentLine(
        description=description,
        tax_code=tax_code,
        quantity=Decimal(1),
        unit="1",
        rate=major(amount_minor, currency),
        taxable_minor=amount_minor,
    )


def _tax(name: str, amount_minor: int, net_minor: int) -> ContentTax:
    """A tax whose rate nobody says: it is what it comes to."""
    rate = (Decimal(100 * amount_minor) / net_minor).quantize(CENT, ROUND_HALF_UP).normalize()
    return ContentTax(name=name, rate_percent=rate, taxable_minor=net_minor, amount_minor=amount_minor)


def _supply(taxes: Sequence[ContentTax], net_minor: int, place: State, code: str) -> Supply:
    rate = sum((each.rate_percent for each in taxes), Decimal(0))
    made = Supply(tax_code=code, place=place.code or place.name, rate_percent=rate, energy_wh=0, taxable_minor=net_minor)
    for tax in taxes:
        made = with_tax(made, tax.name, tax.amount_minor)
    return made
