"""SQL of recurring payments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import msgspec

from csms.core.paging import Stretch
from csms.core.payments import MandateWanted
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, stretch
from csms.domain.payments.model import KeptMandate, MandatesQuery

_COLUMNS = (
    "id, driver_id, gateway_id, reference, mandate_ref, state, amount_minor, currency, pay_url, paid_count, next_charge_at, ends_at,"
    " wanted_change, error, reference_kind, reference_id, created_at, changed_at"
)
_OF_CUSTOMER = ("customer_name", "customer_email", "customer_phone")

LISTING = Listing(
    columns=_COLUMNS,
    source="mandates WHERE tenant = :tenant",
    filters={"state": "state = :state", "driver_id": "driver_id = :driver_id"},
    search="lower(reference) LIKE :search ESCAPE '!' OR lower(mandate_ref) LIKE :search ESCAPE '!'",
    unique="id",
)


def mandates(tx: ReadTx, query: MandatesQuery) -> Stretch[KeptMandate]:
    """Recurring payments of the tenant, the newest first."""
    return stretch(tx, LISTING, query, _mandate)


def _mandate(row: Row) -> KeptMandate:
    return KeptMandate(**row)


def mandate(tx: ReadTx, mandate_id: int) -> KeptMandate | None:
    """One recurring payment."""
    row = tx.one(f"SELECT {_COLUMNS} FROM mandates WHERE tenant = :tenant AND id = :mandate_id", mandate_id=mandate_id)  # noqa: S608
    return None if row is None else _mandate(row)


def by_reference(tx: ReadTx, reference: str) -> KeptMandate | None:
    """The one that was asked for under a reference."""
    row = tx.one(f"SELECT {_COLUMNS} FROM mandates WHERE tenant = :tenant AND reference = :reference", reference=reference)  # noqa: S608
    return None if row is None else _mandate(row)


def by_ref(tx: ReadTx, mandate_ref: str, gateway_id: int | None = None) -> KeptMandate | None:
    """The one that a gateway knows by this id."""
    one = "" if gateway_id is None else " AND gateway_id = :gateway_id"
    more = {} if gateway_id is None else {"gateway_id": gateway_id}
    row = tx.one(
        f"SELECT {_COLUMNS} FROM mandates WHERE tenant = :tenant AND mandate_ref = :mandate_ref{one} ORDER BY id DESC",  # noqa: S608
        mandate_ref=mandate_ref,
        **more,
    )
    return None if row is None else _mandate(row)


def insert(tx: Tx, driver_id: int, gateway_id: int, wanted: MandateWanted, kind: str, number: str, look_at: int) -> int:
    """Keep a recurring payment that is wanted; its id. What it says of the customer is not kept."""
    kept = {name: value for name, value in attrs.asdict(wanted).items() if name not in _OF_CUSTOMER}
    found: int = tx.value(
        "INSERT INTO mandates (tenant, driver_id, gateway_id, reference, state, amount_minor, currency, wanted, reference_kind,"
        " reference_id, look_at, created_at, changed_at) VALUES (:tenant, :driver_id, :gateway_id, :reference, 'wanted', :amount_minor,"
        " :currency, :wanted, :kind, :number, :look_at, :now, :now) RETURNING id",
        driver_id=driver_id,
        gateway_id=gateway_id,
        reference=wanted.reference,
        amount_minor=wanted.amount_minor,
        currency=wanted.currency,
        wanted=msgspec.json.encode(kept).decode(),
        kind=kind,
        number=number,
        look_at=look_at,
    )
    return found


def wanted(tx: ReadTx, mandate_id: int) -> MandateWanted | None:
    """What was wanted, without the customer."""
    text = tx.value("SELECT wanted FROM mandates WHERE tenant = :tenant AND id = :mandate_id", mandate_id=mandate_id)
    return None if text is None else MandateWanted(**msgspec.json.decode(text))


def update(tx: Tx, mandate_id: int, **values: Any) -> None:
    """Change columns of a recurring payment; the names are of our own code."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(
        f"UPDATE mandates SET {sets}, changed_at = :now WHERE tenant = :tenant AND id = :mandate_id",  # noqa: S608
        mandate_id=mandate_id,
        **values,
    )


def looks(tx: ReadTx, mandate_id: int) -> int:
    """How often the gateway was asked about it since it last changed."""
    found: int | None = tx.value("SELECT looks FROM mandates WHERE tenant = :tenant AND id = :mandate_id", mandate_id=mandate_id)
    return found or 0


def due(tx: ReadTx, limit: int) -> Sequence[Row]:
    """``tenant`` and ``id`` of those about which gateways are to be asked, of all tenants, the longest due first."""
    return tx.system("mandates of all tenants are looked after").all(
        "SELECT tenant, id FROM mandates WHERE look_at IS NOT NULL AND look_at <= :now ORDER BY look_at LIMIT :limit", limit=limit
    )


def running_of(tx: ReadTx, driver_id: int) -> list[int]:
    """The recurring payments of a driver that are not over."""
    rows = tx.all(
        "SELECT id FROM mandates WHERE tenant = :tenant AND driver_id = :driver_id AND state NOT IN ('cancelled', 'completed', 'failed')"
        " ORDER BY id",
        driver_id=driver_id,
    )
    return [row["id"] for row in rows]
