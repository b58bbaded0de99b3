"""How invoices, credit notes and receipts look on paper. The same facts make the same document."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from csms.core.money import major
from csms.core.units import kwh
from csms.pages import Block, Code, Column, Columns, Document, Facts, Heading, Letterhead, Note, Table, Totals

from .model import CREDIT_NOTE, CREDITED, INVOICE, PAID, RECEIPT, Content, InvoiceItem, Party
from .numbering import local
from .wording import grouped, plain

RUPEE = "INR"
TITLES = {INVOICE: "Tax invoice", CREDIT_NOTE: "Credit note", RECEIPT: "Receipt voucher"}
STATES = {"issued": "To be paid", "partly_paid": "Paid in part", "paid": "Paid", "credited": "Credited"}
METHODS = {"upi": "UPI", "card": "card", "netbanking": "net banking"}


def document(known: InvoiceItem, said: Content, *, logo: bytes | None = None, pay_url: str = "") -> Document:
    """An invoice as a document to be printed."""
    title = TITLES[said.kind] if said.kind != INVOICE or said.taxes else "Invoice"
    blocks: list[Block] = [
        Letterhead(said.supplier.name, _supplier(said.supplier), logo),
        Heading(title),
        Facts(tuple(_facts(known, said)), columns=2),
        Columns((("Billed to", _recipient(said.recipient)),)),
        Table(_columns(), tuple(_rows(said))),
        Totals(tuple(_totals(said))),
        Note(f"In words: {said.total_words}"),
    ]
    if len(said.charged) == 1:
        blocks.append(Facts(tuple(_charge(said)), columns=2))
    elif said.charged:
        blocks += [Heading("Charges", 3), Table(_charge_columns(), tuple(_charges(said)))]
    blocks += _settlement(known, said)
    blocks += [Note(each, small=True) for each in (*said.notes, said.terms) if each]
    if known.due_minor and said.kind == INVOICE and (code := _payment(known, said, pay_url)):
        blocks.append(Code(code, f"Scan to pay {grouped(known.due_minor, said.currency)}"))
    blocks.append(
        Code(_verification(known, said), f"Number, date, amount and fingerprint of this document: {known.digest[:16]}", 24.0)
    )
    return Document(
        title=f"{title} {said.number}",
        author=said.supplier.name,
        made_at=said.issued_at,
        footer=said.footer or f"{said.supplier.name} · {said.number}",
        blocks=tuple(blocks),
    )


def file_name(number: str) -> str:
    """What a document's file is called."""
    return f"{number.replace('/', '-')}.pdf"


# --- who ------------------------------------------------------------------------------------------------------------------------


def _state(party: Party) -> str:
    if not party.state:
        return ""
    return f"State: {party.state} (code {party.state_code})" if party.state_code else f"State: {party.state}"


def _tax_id(party: Party) -> str:
    return f"{party.tax_id_kind or 'Tax number'}: {party.tax_id}" if party.tax_id else ""


def _supplier(party: Party) -> tuple[str, ...]:
    lines = (*party.address.splitlines(), _tax_id(party), _state(party), " · ".join(filter(None, (party.email, party.phone))))
    return tuple(each for each in lines if each)


def _recipient(party: Party) -> tuple[str, ...]:
    return tuple(each for each in (party.name, *party.address.splitlines(), _tax_id(party), _state(party)) if each)


# --- what -----------------------------------------------------------------------------------------------------------------------


def _day(at: int, said: Content) -> str:
    return local(at, said.time_zone).strftime("%d %b %Y")


def _facts(known: InvoiceItem, said: Content) -> list[tuple[str, str]]:
    pairs = [("Number", said.number), ("Date", _day(said.issued_at, said))]
    if said.place_of_supply:
        code = f" ({said.place_code})" if said.place_code else ""
        pairs.append(("Place of supply", said.place_of_supply + code))
    if said.kind != RECEIPT:
        pairs.append(("Reverse charge", "Yes" if said.reverse_charge else "No"))
    if said.original is not None:
        pairs.append(("About", f"{said.original.number} of {_day(said.original.issued_at, said)}"))
    if said.reason:
        pairs.append(("Reason", said.reason))
    if said.period:
        pairs.append(("Month", said.period))
    if said.kind == INVOICE:
        paid = f" on {_day(known.paid_at, said)}" if known.status == PAID and known.paid_at is not None else ""
        pairs.append(("Status", STATES[known.status] + paid))
        if said.due_by_at is not None and known.due_minor:
            pairs.append(("Due by", _day(said.due_by_at, said)))
    return pairs


def _columns() -> tuple[Column, ...]:
    return (
        Column("What", 4.2),
        Column("HSN/SAC", 1.1),
        Column("Quantity", 1.2, "right"),
        Column("Unit", 0.7),
        Column("Rate", 1.2, "right"),
        Column("Taxable value", 1.6, "right"),
    )


def _rows(said: Content) -> list[tuple[str, ...]]:
    return [
        (
            each.description,
            each.tax_code,
            plain(each.quantity),
            "" if each.unit == "1" else each.unit,
            plain(each.rate),
            grouped(each.taxable_minor, said.currency),
        )
        for each in said.lines
    ]


def _totals(said: Content) -> list[tuple[str, str]]:
    def amount(minor: int) -> str:
        return grouped(minor, said.currency)

    rows = []
    if said.rounding_minor:
        rows.append(("Round-off", amount(said.rounding_minor)))
    if said.kind != RECEIPT:
        rows.append(("Taxable value", amount(said.net_minor)))
    rows += [
        (f"{each.name} {plain(each.rate_percent)} % on {amount(each.taxable_minor)}", amount(each.amount_minor))
        for each in said.taxes
    ]
    return [*rows, ("Total", amount(said.total_minor))]


def _charge(said: Content) -> list[tuple[str, str]]:
    (charge,) = said.charged
    clock = "%d %b %Y, %H:%M"
    where = f"{charge.station}, {charge.charger_id}" if charge.station else charge.charger_id
    return [
        ("Charged at", where),
        ("Transaction", str(charge.transaction_id)),
        ("From", local(charge.started_at, said.time_zone).strftime(clock)),
        ("Until", f"{local(charge.ended_at, said.time_zone).strftime(clock)} ({said.time_zone})"),
        ("Energy", f"{kwh(charge.energy_wh)} kWh"),
        ("Tariff", charge.tariff),
    ]


def _charge_columns() -> tuple[Column, ...]:
    return (
        Column("No.", 0.8),
        Column("From", 1.6),
        Column("Where", 2.6),
        Column("kWh", 1, "right"),
        Column("Tax", 1.2, "right"),
        Column("Total", 1.3, "right"),
    )


def _charges(said: Content) -> list[tuple[str, ...]]:
    return [
        (
            str(each.transaction_id),
            local(each.started_at, said.time_zone).strftime("%d %b %Y %H:%M"),
            f"{each.station}, {each.charger_id}" if each.station else each.charger_id,
            kwh(each.energy_wh),
            grouped(each.tax_minor, said.currency),
            grouped(each.total_minor, said.currency),
        )
        for each in said.charged
    ]


# --- how it was paid ------------------------------------------------------------------------------------------------------------


def _settlement(known: InvoiceItem, said: Content) -> list[Block]:
    settled = said.settled
    back = said.kind == CREDIT_NOTE
    ways = (
        ("To the payment" if back else "Prepaid", settled.prepaid_minor),
        ("To the wallet" if back or said.kind == RECEIPT else "From the wallet", settled.wallet_minor),
        ("Owed no more" if back else "Left unpaid", settled.owed_minor),
        ("Not charged", settled.waived_minor),
        ("Credited since", 0 if back else known.credited_minor),
        ("Amount due", known.due_minor),
    )
    pairs = [(name, grouped(amount, said.currency)) for name, amount in ways if amount]
    pairs += [("Covered", each) for each in settled.covered]
    if settled.method:
        pairs.append(("Paid by", METHODS.get(settled.method, settled.method)))
    if not known.due_minor and said.kind == INVOICE and known.status != CREDITED:
        pairs.append(("Amount due", grouped(0, said.currency)))
    return [Facts(tuple(pairs), columns=2)] if pairs else []


def _payment(known: InvoiceItem, said: Content, pay_url: str) -> str:
    """What to scan to pay: the gateway's page, else the tenant's UPI address."""
    if pay_url:
        return pay_url
    if said.upi_id and said.currency == RUPEE:
        asked = {
            "pa": said.upi_id,
            "pn": said.supplier.name[:60],
            "am": f"{major(known.due_minor, RUPEE):f}",
            "cu": RUPEE,
            "tn": said.number,
        }
        return "upi://pay?" + urlencode(asked, quote_via=quote)
    return ""


def _verification(known: InvoiceItem, said: Content) -> str:
    """What shows that nobody changed a copy: compare with ``GET /api/v1/invoices?number=``."""
    return "\n".join(
        (
            said.supplier.tax_id or said.supplier.name,
            said.number,
            _day(said.issued_at, said),
            f"{said.currency} {major(said.total_minor, said.currency):f}",
            f"sha256:{known.digest}",
        )
    )
