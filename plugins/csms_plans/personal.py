"""What this plugin holds of a driver: subscriptions, and what was paid for them, which is kept for the books."""

from __future__ import annotations

from typing import Any

from csms.hooks import ReadTx, Statement

_PARTS = {
    "subscriptions": "SELECT s.id, p.name AS plan, s.version, s.state, s.pay_by, s.currency, s.starts_at, s.created_at, s.paused_at, s.resume_at,"
    " s.cancelled_at, s.cancelled_by, s.ended_at, s.reason, s.mandate_ref, s.mandate_state FROM plugin_plans_subscriptions s"
    " JOIN plugin_plans_plans p ON p.tenant = s.tenant AND p.id = s.plan_id"
    " WHERE s.tenant = :tenant AND s.driver_id = :driver_id ORDER BY s.id",
    "periods": "SELECT d.subscription_id, d.number, p.name AS plan, d.version, d.kind, d.state, d.starts_at, d.ends_at, d.amount_minor,"
    " d.payment_id, d.paid_at, d.carried_wh, d.carried_transactions, d.left_wh, d.left_transactions FROM plugin_plans_periods d"
    " JOIN plugin_plans_subscriptions s ON s.tenant = d.tenant AND s.id = d.subscription_id"
    " JOIN plugin_plans_plans p ON p.tenant = d.tenant AND p.id = d.plan_id"
    " WHERE d.tenant = :tenant AND s.driver_id = :driver_id ORDER BY d.subscription_id, d.number",
}

ERASURE = (
    Statement(
        "UPDATE plugin_plans_subscriptions SET cancelled_by = '', mandate_url = '', error = '', revision = revision + 1"
        " WHERE tenant = :tenant AND driver_id = :driver_id"
    ),
    Statement(
        "UPDATE plugin_plans_periods SET pay_url = '' WHERE tenant = :tenant AND pay_url <> '' AND subscription_id IN"
        " (SELECT id FROM plugin_plans_subscriptions WHERE tenant = :tenant AND driver_id = :driver_id)"
    ),
)
"""What a subscription cost and when stays, for the books. What holds ends by ``driver_erased``, which asks the ledger and the gateway."""


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """Everything, by name."""
    return {name: list(tx.all(sql, driver_id=driver_id)) for name, sql in _PARTS.items()}
