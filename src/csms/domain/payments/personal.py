"""What payments know of a driver, and how it is forgotten: amounts and ids of gateways stay, for the books must add up."""

from __future__ import annotations

from typing import Any

from csms.core.ports import ReadTx, Tx

from .model import mandate_key, payment_key
from .service import asking
from .service.crediting import methods_key
from .service.mandates import want_change
from .store import mandates as mandates_store
from .store import methods as methods_store
from .store import payments as payments_store

_PARTS = {
    "payments": "SELECT id, way, purpose, reference_kind, reference_id, amount_minor, currency, description, customer, state, method,"
    " paid_minor, refunded_minor, created_at, paid_at, ended_at, offer_ref FROM payments"
    " WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id",
    "payment_attempts": "SELECT g.payment_id, g.payment_ref, g.state, g.amount_minor, g.currency, g.method, g.shown, g.paid_at"
    " FROM gateway_payments g JOIN payments p ON p.tenant = g.tenant AND p.id = g.payment_id"
    " WHERE g.tenant = :tenant AND p.driver_id = :driver_id ORDER BY g.id",
    "refunds": "SELECT id, payment_id, amount_minor, currency, reason, state, refund_ref, created_at, ended_at FROM refunds"
    " WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id",
    "payment_disputes": "SELECT x.payment_id, x.dispute_ref, x.state, x.reason, x.amount_minor, x.currency, x.raised_at, x.ended_at"
    " FROM payment_disputes x JOIN payments p ON p.tenant = x.tenant AND p.id = x.payment_id"
    " WHERE x.tenant = :tenant AND p.driver_id = :driver_id ORDER BY x.id",
    "payment_methods": "SELECT id, method, shown, is_preferred, created_at, used_at, removed_at FROM saved_methods"
    " WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id",
    "mandates": "SELECT id, reference, mandate_ref, state, amount_minor, currency, paid_count, reference_kind, reference_id, created_at"
    " FROM mandates WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id",
}


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """Everything, by name; the tokens of saved methods are the gateway's and not handed out."""
    return {name: list(tx.all(sql, driver_id=driver_id)) for name, sql in _PARTS.items()}


def erase(tx: Tx, driver_id: int) -> None:
    """Forget who paid. What can still be paid is cancelled, recurring payments end, saved methods are forgotten."""
    payments, mandates = payments_store.unpaid_of(tx, driver_id), mandates_store.running_of(tx, driver_id)
    keys = [*(payment_key(each) for each in payments), *(mandate_key(each) for each in mandates)]
    tx.claim(*sorted([*keys, methods_key(tx.tenant, driver_id)]))
    for each in payments:
        asking.cancel(tx, each)
    for each in mandates:
        want_change(tx, each, "cancel")
    methods_store.remove(tx, driver_id)
    tx.run(
        "UPDATE payments SET customer = '{}', return_url = '' WHERE tenant = :tenant AND driver_id = :driver_id",
        driver_id=driver_id,
    )
    tx.run(
        "UPDATE gateway_payments SET shown = '' WHERE tenant = :tenant AND payment_id IN"
        " (SELECT id FROM payments WHERE tenant = :tenant AND driver_id = :driver_id)",
        driver_id=driver_id,
    )
