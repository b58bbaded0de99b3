"""Invoices as rows: written once, with their number; only what became of one is ever changed (``BECAME``)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import attrs
import msgspec

from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.invoices.model import Content, InvoiceItem, InvoicesQuery, Supply
from csms.domain.listing import Listing, newest, stretch, whether

BECAME = ("status", "due_minor", "credited_minor", "paid_at", "changed_at")
"""What of an invoice may change; everything else is for good."""

_FIELDS = tuple(field.name for field in attrs.fields(InvoiceItem))
COLUMNS = ", ".join(f"i.{name}" for name in _FIELDS)
_decode = msgspec.json.Decoder(Content).decode
_encode = msgspec.json.Encoder().encode

LISTING = Listing(
    columns=COLUMNS,
    source="invoices i WHERE i.tenant = :tenant",
    filters={
        "kind": "i.kind = :kind",
        "status": "i.status = :status",
        "driver_id": "i.driver_id = :driver_id",
        "original_id": "i.original_id = :original_id",
        "number": "i.number = :number",
        "period": "i.period = :period",
        "bill_id": "i.id IN (SELECT n.invoice_id FROM invoice_bills n WHERE n.tenant = :tenant AND n.bill_id = :bill_id)",
        "transaction_id": "i.id IN (SELECT n.invoice_id FROM invoice_bills n WHERE n.tenant = :tenant"
        " AND n.transaction_id = :transaction_id)",
        "is_open": "i.due_minor > 0",
        "is_paid": "i.due_minor = 0",
        "is_business": "i.recipient_tax_id <> ''",
        "is_consumer": "i.recipient_tax_id = ''",
        "from_at": "i.issued_at >= :from_at",
        "to_at": "i.issued_at < :to_at",
    },
    search="lower(i.number) LIKE :search ESCAPE '!' OR lower(i.recipient_name) LIKE :search ESCAPE '!'"
    " OR lower(i.recipient_tax_id) LIKE :search ESCAPE '!'",
    unique="i.id",
)


def item(row: Row) -> InvoiceItem:
    """The noun of a row."""
    return InvoiceItem(**row)


def _whether(query: InvoicesQuery) -> dict[str, bool]:
    return {**whether(query.open, "is_open", "is_paid"), **whether(query.business, "is_business", "is_consumer")}


def invoices(tx: ReadTx, query: InvoicesQuery) -> Stretch[InvoiceItem]:
    """Invoices, the newest first. One statement. Raises ``Invalid`` for the cursor."""
    return stretch(tx, LISTING, query, item, **_whether(query))


def first_invoices(tx: ReadTx, query: InvoicesQuery, limit: int) -> list[InvoiceItem]:
    """The newest invoices of a filter: for the command line."""
    return newest(tx, LISTING, query, item, limit, **_whether(query))


def by_id(tx: ReadTx, invoice_id: int) -> InvoiceItem | None:
    """The invoice of that id; None also for a number that can be no id."""
    if not 0 < invoice_id < 2**63:
        return None
    row = tx.one(f"SELECT {COLUMNS} FROM invoices i WHERE i.tenant = :tenant AND i.id = :id", id=invoice_id)  # noqa: S608
    return None if row is None else item(row)


def about(tx: ReadTx, invoice_id: int) -> list[InvoiceItem]:
    """Credit notes and supplementary invoices about an invoice, the oldest first."""
    rows = tx.all(
        f"SELECT {COLUMNS} FROM invoices i WHERE i.tenant = :tenant AND i.original_id = :id ORDER BY i.id",  # noqa: S608
        id=invoice_id,
    )
    return [item(row) for row in rows]


def content(tx: ReadTx, invoice_id: int) -> Content | None:
    """Everything that an invoice says."""
    text = tx.value("SELECT content FROM invoices WHERE tenant = :tenant AND id = :id", id=invoice_id)
    return None if text is None else _decode(text)


def guest_of(tx: ReadTx, invoice_id: int) -> int | None:
    """The payment of the guest whose charge an invoice is for; None where that was a driver's, or nobody paid for it beforehand."""
    found: int | None = tx.value(
        "SELECT b.payment_id FROM invoice_bills i JOIN bills b ON b.tenant = i.tenant AND b.id = i.bill_id"
        " WHERE i.tenant = :tenant AND i.invoice_id = :id AND b.driver_id IS NULL AND b.payment_id IS NOT NULL ORDER BY b.id LIMIT 1",
        id=invoice_id,
    )
    return found


def receipt_of(tx: ReadTx, payment_id: int) -> int | None:
    """The receipt of a payment."""
    found: int | None = tx.value("SELECT id FROM invoices WHERE tenant = :tenant AND payment_id = :id", id=payment_id)
    return found


def of_driver(tx: ReadTx, driver_id: int, after: int, limit: int) -> Sequence[Row]:
    """A driver's invoices by id, a page after one, as rows."""
    return tx.all(
        "SELECT * FROM invoices WHERE tenant = :tenant AND driver_id = :driver_id AND id > :after ORDER BY id LIMIT :limit",
        driver_id=driver_id,
        after=after,
        limit=limit,
    )


def fee_of(tx: ReadTx, movement_id: int) -> int | None:
    """The invoice for a fee, by the movement that took it."""
    found: int | None = tx.value("SELECT id FROM invoices WHERE tenant = :tenant AND movement_id = :id", id=movement_id)
    return found


def fee_about(tx: ReadTx, reference_kind: str, reference_id: str) -> InvoiceItem | None:
    """The last invoice for a fee of something, such as a subscription."""
    row = tx.one(
        f"SELECT {COLUMNS} FROM ledger_movements m JOIN invoices i ON i.movement_id = m.id AND i.tenant = m.tenant"  # noqa: S608
        " WHERE m.tenant = :tenant AND i.tenant = :tenant AND i.kind = 'invoice' AND m.reference_kind = :reference_kind"
        " AND m.reference_id = :reference_id AND m.reference_id <> '' ORDER BY i.id DESC LIMIT 1",
        reference_kind=reference_kind,
        reference_id=reference_id,
    )
    return None if row is None else item(row)


# --- issued ---------------------------------------------------------------------------------------------------------------------


def next_number(tx: Tx, kind: str, year: int) -> int:
    """Take the next number of a series; its key must be claimed."""
    last = tx.value(
        "INSERT INTO invoice_series (tenant, kind, year, last) VALUES (:tenant, :kind, :year, 1)"
        " ON CONFLICT (tenant, kind, year) DO UPDATE SET last = invoice_series.last + 1 RETURNING last",
        kind=kind,
        year=year,
    )
    return int(last)


_INSERT = (
    "INSERT INTO invoices (tenant, kind, year, sequence, prefix, number, driver_id, recipient_name, recipient_tax_id, transaction_id,"
    " original_id, payment_id, movement_id, period, currency, net_minor, tax_minor, total_minor, digest, content, issued_at, issued_by, status, due_minor, paid_at,"
    " changed_at) VALUES (:tenant, :kind, :year, :sequence, :prefix, :number, :driver_id, :recipient_name, :recipient_tax_id, :transaction_id,"
    " :original_id, :payment_id, :movement_id, :period, :currency, :net_minor, :tax_minor, :total_minor, :digest, :content, :now, :issued_by, :status, :due_minor,"
    " :paid_at, :now) RETURNING id"
)


def insert(tx: Tx, said: Content, **values: Any) -> int:
    """The id of a new invoice."""
    text = _encode(said)
    return int(
        tx.value(
            _INSERT,
            kind=said.kind,
            number=said.number,
            recipient_name=said.recipient.name,
            recipient_tax_id=said.recipient.tax_id,
            original_id=None if said.original is None else said.original.id,
            period=said.period,
            currency=said.currency,
            net_minor=said.net_minor,
            tax_minor=said.tax_minor,
            total_minor=said.total_minor,
            digest=hashlib.sha256(text).hexdigest(),
            content=text.decode(),
            **values,
        )
    )


def insert_supplies(tx: Tx, invoice_id: int, supplies: Sequence[Supply]) -> None:
    """What the tax office wants to know of an invoice."""
    if supplies:
        tx.many(
            "INSERT INTO invoice_supplies (tenant, invoice_id, line, tax_code, place, rate_percent, energy_wh, taxable_minor, igst_minor,"
            " cgst_minor, sgst_minor, other_minor) VALUES (:tenant, :invoice_id, :line, :tax_code, :place, :rate_percent, :energy_wh,"
            " :taxable_minor, :igst_minor, :cgst_minor, :sgst_minor, :other_minor)",
            [
                {
                    **attrs.asdict(each),
                    "rate_percent": f"{each.rate_percent.normalize():f}",
                    "invoice_id": invoice_id,
                    "line": line,
                }
                for line, each in enumerate(supplies, 1)
            ],
        )


def became(tx: Tx, invoice_id: int, **values: Any) -> None:
    """Write what became of an invoice: fields of ``BECAME`` only."""
    assert set(values) <= set(BECAME)
    assigned = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(
        f"UPDATE invoices SET {assigned}, changed_at = :now WHERE tenant = :tenant AND id = :id",  # noqa: S608 - names of BECAME
        id=invoice_id,
        **values,
    )


def credited(tx: ReadTx, invoice_id: int) -> int:
    """What credit notes gave back of an invoice."""
    found = tx.value(
        "SELECT sum(total_minor) FROM invoices WHERE tenant = :tenant AND original_id = :id AND kind = 'credit_note'", id=invoice_id
    )
    return int(found or 0)


# --- bills on them --------------------------------------------------------------------------------------------------------------


def put_bills(tx: Tx, invoice_id: int, bills: Sequence[tuple[int, int]]) -> None:
    """Say that bills, each with its transaction, are on an invoice; they wait no more."""
    tx.many(
        "INSERT INTO invoice_bills (tenant, bill_id, invoice_id, transaction_id)"
        " VALUES (:tenant, :bill_id, :invoice_id, :transaction_id)",
        [{"bill_id": bill_id, "invoice_id": invoice_id, "transaction_id": transaction_id} for bill_id, transaction_id in bills],
    )
    forget_waiting(tx, [bill_id for bill_id, _ in bills])


def placed(tx: ReadTx, bill_ids: Sequence[int]) -> dict[int, int]:
    """The invoices of bills that are on one. One statement."""
    names = {f"id_{number}": each for number, each in enumerate(bill_ids)}
    listed = ", ".join(f":{name}" for name in names) or "NULL"
    rows = tx.all(f"SELECT bill_id, invoice_id FROM invoice_bills WHERE tenant = :tenant AND bill_id IN ({listed})", **names)  # noqa: S608
    return {row["bill_id"]: row["invoice_id"] for row in rows}


def bill_ids(tx: ReadTx, invoice_id: int) -> list[int]:
    """The bills on an invoice."""
    rows = tx.all("SELECT bill_id FROM invoice_bills WHERE tenant = :tenant AND invoice_id = :id ORDER BY bill_id", id=invoice_id)
    return [row["bill_id"] for row in rows]


def invoices_of(tx: ReadTx, transaction_id: int) -> list[int]:
    """Invoices and credit notes with bills of a transaction, the oldest first."""
    rows = tx.all(
        "SELECT DISTINCT invoice_id FROM invoice_bills WHERE tenant = :tenant AND transaction_id = :id ORDER BY invoice_id",
        id=transaction_id,
    )
    return [row["invoice_id"] for row in rows]


def open_of(tx: ReadTx, invoice_id: int) -> tuple[int, int | None]:
    """What of an invoice's bills is open, and when the last of them was paid."""
    row = tx.one(
        "SELECT sum(b.open_minor) AS due, max(b.paid_at) AS paid_at FROM invoice_bills n JOIN bills b ON b.id = n.bill_id"
        " WHERE n.tenant = :tenant AND b.tenant = :tenant AND n.invoice_id = :id",
        id=invoice_id,
    )
    assert row is not None
    return int(row["due"] or 0), row["paid_at"]


def stale(tx: ReadTx, limit: int) -> list[int]:
    """Invoices whose bills owe less by now than they say."""
    rows = tx.all(
        "SELECT i.id FROM invoices i WHERE i.tenant = :tenant AND i.due_minor > 0 AND i.due_minor <> COALESCE((SELECT sum(b.open_minor)"
        " FROM invoice_bills n JOIN bills b ON b.id = n.bill_id WHERE n.tenant = :tenant AND n.invoice_id = i.id), 0)"
        " ORDER BY i.id LIMIT :limit",
        limit=limit,
    )
    return [row["id"] for row in rows]


def wait(tx: Tx, bill_id: int, transaction_id: int, driver_id: int | None, ended_at: int) -> None:
    """Say that a bill waits for an invoice."""
    tx.run(
        "INSERT INTO invoice_waiting (tenant, bill_id, transaction_id, driver_id, ended_at)"
        " VALUES (:tenant, :bill_id, :transaction_id, :driver_id, :ended_at) ON CONFLICT DO NOTHING",
        bill_id=bill_id,
        transaction_id=transaction_id,
        driver_id=driver_id,
        ended_at=ended_at,
    )


def forget_waiting(tx: Tx, bill_ids: Sequence[int]) -> None:
    """Bills do not wait any more."""
    tx.many("DELETE FROM invoice_waiting WHERE tenant = :tenant AND bill_id = :bill_id", [{"bill_id": each} for each in bill_ids])


def waiting_drivers(tx: ReadTx, until: int | None, limit: int) -> list[int | None]:
    """Drivers with bills that wait, of charges that ended before an instant."""
    before = "" if until is None else " AND ended_at < :until"
    rows = tx.all(
        f"SELECT DISTINCT driver_id FROM invoice_waiting WHERE tenant = :tenant{before} ORDER BY driver_id LIMIT :limit",  # noqa: S608
        limit=limit,
        **({} if until is None else {"until": until}),
    )
    return [row["driver_id"] for row in rows]


def waiting_of(tx: ReadTx, driver_id: int | None, until: int | None, limit: int) -> list[tuple[int, int]]:
    """A driver's bills that wait, each with its transaction, those of a transaction together."""
    whose = "driver_id IS NULL" if driver_id is None else "driver_id = :driver_id"
    before = "" if until is None else " AND ended_at < :until"
    values = {name: value for name, value in (("driver_id", driver_id), ("until", until)) if value is not None}
    rows = tx.all(
        f"SELECT bill_id, transaction_id FROM invoice_waiting WHERE tenant = :tenant AND {whose}{before}"  # noqa: S608 - our own texts
        " ORDER BY transaction_id, bill_id LIMIT :limit",
        limit=limit,
        **values,
    )
    return [(row["bill_id"], row["transaction_id"]) for row in rows]


def waiting_with(tx: ReadTx, transaction_id: int, driver_id: int | None) -> list[int]:
    """Bills of one transaction and driver that wait."""
    rows = tx.all(
        "SELECT bill_id, driver_id FROM invoice_waiting WHERE tenant = :tenant AND transaction_id = :id ORDER BY bill_id",
        id=transaction_id,
    )
    return [row["bill_id"] for row in rows if row["driver_id"] == driver_id]


def station_names(tx: ReadTx, station_ids: Sequence[int]) -> dict[int, str]:
    """Names of stations by id."""
    names = {f"id_{number}": each for number, each in enumerate(sorted(set(station_ids)))}
    if not names:
        return {}
    listed = ", ".join(f":{name}" for name in names)
    rows = tx.all(f"SELECT id, name FROM stations WHERE tenant = :tenant AND id IN ({listed})", **names)  # noqa: S608 - names of parameters
    return {row["id"]: row["name"] for row in rows}


def pay_url(tx: ReadTx, bill_ids: Sequence[int]) -> str:
    """Where what is open of bills can be paid, of the payments that somebody asked for; ``""`` where nobody did."""
    names = {f"id_{number}": str(each) for number, each in enumerate(bill_ids)}
    listed = ", ".join(f":{name}" for name in names) or "NULL"
    found = tx.value(
        "SELECT pay_url FROM payments WHERE tenant = :tenant AND reference_kind = 'bill' AND state = 'open' AND pay_url <> ''"  # noqa: S608
        f" AND reference_id IN ({listed}) ORDER BY id DESC LIMIT 1",
        **names,
    )
    return str(found or "")
