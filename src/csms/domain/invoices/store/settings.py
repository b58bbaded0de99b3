"""What tenants want of invoices, and in whose name drivers want them, as rows."""

from __future__ import annotations

from csms.core.ports import ReadTx, Tx
from csms.domain.invoices.model import SETTINGS, USUAL, InvoiceSettings, Recipient

_NAMES = ", ".join(SETTINGS)


def settings(tx: ReadTx) -> InvoiceSettings:
    """The tenant's settings."""
    row = tx.one(f"SELECT {_NAMES}, changed_at FROM invoice_settings WHERE tenant = :tenant")  # noqa: S608 - our own names
    return USUAL if row is None else InvoiceSettings(**{**row, "send_pdf": bool(row["send_pdf"])})


def save(tx: Tx, wanted: InvoiceSettings) -> None:
    """Store the tenant's settings."""
    values = {name: getattr(wanted, name) for name in SETTINGS}
    tx.run(
        f"INSERT INTO invoice_settings (tenant, {_NAMES}, changed_at)"  # noqa: S608 - our own names
        f" VALUES (:tenant, {', '.join(':' + name for name in SETTINGS)}, :now)"
        f" ON CONFLICT (tenant) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in SETTINGS)}, changed_at = excluded.changed_at",
        **{**values, "send_pdf": int(wanted.send_pdf)},
    )


def kind_with(tx: ReadTx, prefix: str) -> str | None:
    """The kind whose numbers began with a prefix before; None where none did."""
    found: str | None = tx.value("SELECT kind FROM invoices WHERE tenant = :tenant AND prefix = :prefix LIMIT 1", prefix=prefix)
    return found


def recipient(tx: ReadTx, driver_id: int) -> Recipient | None:
    """In whose name a driver wants invoices; None where in their own."""
    row = tx.one(
        "SELECT name, tax_id, address, state FROM invoice_recipients WHERE tenant = :tenant AND driver_id = :driver_id",
        driver_id=driver_id,
    )
    return None if row is None else Recipient(**row)


def save_recipient(tx: Tx, driver_id: int, wanted: Recipient) -> None:
    """Store in whose name a driver wants invoices."""
    tx.run(
        "INSERT INTO invoice_recipients (tenant, driver_id, name, tax_id, address, state, changed_at)"
        " VALUES (:tenant, :driver_id, :name, :tax_id, :address, :state, :now)"
        " ON CONFLICT (tenant, driver_id) DO UPDATE SET name = excluded.name, tax_id = excluded.tax_id, address = excluded.address,"
        " state = excluded.state, changed_at = excluded.changed_at",
        driver_id=driver_id,
        name=wanted.name,
        tax_id=wanted.tax_id,
        address=wanted.address,
        state=wanted.state,
    )


def forget_recipient(tx: Tx, driver_id: int) -> None:
    """Invoices are in the driver's own name again."""
    tx.run("DELETE FROM invoice_recipients WHERE tenant = :tenant AND driver_id = :driver_id", driver_id=driver_id)
