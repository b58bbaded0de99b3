"""SQL of payments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import msgspec

from csms.core.paging import Stretch
from csms.core.payments import PaymentOffer
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, newest, stretch
from csms.domain.payments.model import Asking, Customer, NewPayment, OwnPaymentsQuery, Payment, PaymentsQuery

_COLUMNS = (
    "id, driver_id, gateway_id, way, purpose, reference_kind, reference_id, amount_minor, currency, description, state, pay_url,"
    " image_url, checkout, method, method_id, mandate_id, paid_minor, refunded_minor, error, created_at, opened_at, expires_at, paid_at,"
    " ended_at, reference, offer_ref"
)
_ASKING = "customer, return_url, tries, close_wanted, looks, look_at"

LISTING = Listing(
    columns=_COLUMNS,
    source="payments WHERE tenant = :tenant",
    filters={
        "state": "state = :state",
        "purpose": "purpose = :purpose",
        "way": "way = :way",
        "driver_id": "driver_id = :driver_id",
        "gateway_id": "gateway_id = :gateway_id",
        "reference_kind": "reference_kind = :reference_kind",
        "reference_id": "reference_id = :reference_id",
        "from_at": "created_at >= :from_at",
        "to_at": "created_at < :to_at",
    },
    search="lower(description) LIKE :search ESCAPE '!' OR lower(reference) LIKE :search ESCAPE '!' OR lower(offer_ref) LIKE :search"
    " ESCAPE '!' OR reference_id LIKE :search ESCAPE '!' OR EXISTS (SELECT 1 FROM gateway_payments g WHERE g.tenant = :tenant AND"
    " g.payment_id = payments.id AND lower(g.payment_ref) LIKE :search ESCAPE '!')",
    unique="id",
)


def payments(tx: ReadTx, query: PaymentsQuery | OwnPaymentsQuery, *, driver_id: int | None = None) -> Stretch[Payment]:
    """Payments of the tenant, the newest first; with ``driver_id`` only that driver's."""
    return stretch(tx, LISTING, query, _payment, **({} if driver_id is None else {"driver_id": driver_id}))


def listed(tx: ReadTx, query: PaymentsQuery, limit: int) -> list[Payment]:
    """The same for the command line."""
    return newest(tx, LISTING, query, _payment, limit)


def payment(tx: ReadTx, payment_id: int) -> Payment | None:
    """One payment."""
    row = tx.one(f"SELECT {_COLUMNS} FROM payments WHERE tenant = :tenant AND id = :payment_id", payment_id=payment_id)  # noqa: S608
    return None if row is None else _payment(row)


def by_key(tx: ReadTx, key: str) -> Payment | None:
    """The payment that was asked for under a key."""
    row = tx.one(f"SELECT {_COLUMNS} FROM payments WHERE tenant = :tenant AND key = :key", key=key)  # noqa: S608 (our own text)
    return None if row is None else _payment(row)


def asking(tx: ReadTx, payment_id: int) -> Asking | None:
    """A payment as whoever speaks to its gateway needs it."""
    row = tx.one(
        f"SELECT {_COLUMNS}, {_ASKING} FROM payments WHERE tenant = :tenant AND id = :payment_id",  # noqa: S608 (our own text)
        payment_id=payment_id,
    )
    if row is None:
        return None
    more = {name: row[name] for name in ("return_url", "tries", "looks", "look_at")}
    plain = {name: value for name, value in row.items() if name not in _ASKING.split(", ")}
    customer = Customer(**msgspec.json.decode(row["customer"]))
    return Asking(payment=_payment(plain), customer=customer, close_wanted=bool(row["close_wanted"]), **more)


def guest(tx: ReadTx, payment_id: int) -> Customer | None:
    """Who pays a payment without an account, as far as they can be reached; None where a driver pays it, or that was forgotten."""
    sql = "SELECT customer FROM payments WHERE tenant = :tenant AND id = :payment_id AND driver_id IS NULL"
    row = tx.one(sql, payment_id=payment_id)
    known = None if row is None else Customer(**msgspec.json.decode(row["customer"]))
    return known if known is not None and known.is_reached else None


def _payment(row: Row) -> Payment:
    return Payment(**{**row, "checkout": msgspec.json.decode(row["checkout"], type=dict[str, str])})


def insert(tx: Tx, new: NewPayment, *, currency: str, gateway_id: int, customer: Customer, look_at: int) -> int:
    """Keep a payment that is wanted; its id."""
    found: int = tx.value(
        "INSERT INTO payments (tenant, driver_id, gateway_id, key, way, purpose, reference_kind, reference_id, amount_minor, currency,"
        " description, customer, return_url, method_id, mandate_id, state, look_at, expires_at, created_at) VALUES (:tenant, :driver_id,"
        " :gateway_id, :key, :way, :purpose, :reference_kind, :reference_id, :amount_minor, :currency, :description, :customer,"
        " :return_url, :method_id, :mandate_id, 'created', :look_at, :expires_at, :now) RETURNING id",
        currency=currency,
        gateway_id=gateway_id,
        customer=msgspec.json.encode(attrs.asdict(customer)).decode(),
        look_at=look_at,
        **{
            name: getattr(new, name)
            for name in (
                "driver_id",
                "key",
                "way",
                "purpose",
                "reference_kind",
                "reference_id",
                "amount_minor",
                "description",
                "return_url",
                "method_id",
                "mandate_id",
                "expires_at",
            )
        },
    )
    return found


def update(tx: Tx, payment_id: int, **values: Any) -> None:
    """Change columns of a payment; the names are of our own code."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(f"UPDATE payments SET {sets} WHERE tenant = :tenant AND id = :payment_id", payment_id=payment_id, **values)  # noqa: S608


def save_offer(tx: Tx, payment_id: int, offer: PaymentOffer) -> None:
    """Keep what the gateway made of it."""
    update(
        tx,
        payment_id,
        offer_ref=offer.gateway_id,
        pay_url=offer.pay_url,
        image_url=offer.image_url,
        checkout=msgspec.json.encode(dict(offer.checkout)).decode(),
        error="",
    )


def count_paid(tx: Tx, payment_id: int, amount_minor: int) -> None:
    """So much more was paid."""
    tx.run(
        "UPDATE payments SET paid_minor = paid_minor + :amount WHERE tenant = :tenant AND id = :payment_id",
        payment_id=payment_id,
        amount=amount_minor,
    )


def count_refunded(tx: Tx, payment_id: int, amount_minor: int) -> None:
    """So much more goes back, or less where it came to nothing."""
    tx.run(
        "UPDATE payments SET refunded_minor = refunded_minor + :amount WHERE tenant = :tenant AND id = :payment_id",
        payment_id=payment_id,
        amount=amount_minor,
    )


# --- found by what gateways say -------------------------------------------------------------------------------------------------


def by_reference(tx: ReadTx, gateway_id: int, reference: str) -> int | None:
    """The payment of a reference of ours."""
    sql = "SELECT id FROM payments WHERE tenant = :tenant AND gateway_id = :gateway_id AND reference = :reference"
    found: int | None = tx.value(sql, gateway_id=gateway_id, reference=reference)
    return found


def by_offer(tx: ReadTx, gateway_id: int, offer_ref: str) -> int | None:
    """The payment of an offer of the gateway's."""
    sql = "SELECT id FROM payments WHERE tenant = :tenant AND gateway_id = :gateway_id AND offer_ref = :offer_ref"
    found: int | None = tx.value(sql, gateway_id=gateway_id, offer_ref=offer_ref)
    return found


# --- rounds ---------------------------------------------------------------------------------------------------------------------


def due(tx: ReadTx, limit: int) -> Sequence[Row]:
    """``tenant`` and ``id`` of payments about which gateways are to be asked, of all tenants, the longest due first."""
    return tx.system("payments of all tenants are looked after").all(
        "SELECT tenant, id FROM payments WHERE look_at IS NOT NULL AND look_at <= :now ORDER BY look_at LIMIT :limit", limit=limit
    )


def unpaid_at(tx: ReadTx, gateway_id: int) -> int:
    """How many payments at an account can still be paid."""
    found: int = tx.value(
        "SELECT count(*) FROM payments WHERE tenant = :tenant AND gateway_id = :gateway_id AND state IN ('created', 'open')",
        gateway_id=gateway_id,
    )
    return found


def unpaid_of(tx: ReadTx, driver_id: int) -> list[int]:
    """The payments of a driver that can still be paid."""
    rows = tx.all(
        "SELECT id FROM payments WHERE tenant = :tenant AND driver_id = :driver_id AND state IN ('created', 'open') ORDER BY id",
        driver_id=driver_id,
    )
    return [row["id"] for row in rows]
