"""What this plugin holds of a driver: the codes that were entered and used. That a code was used is counted for as long as there is the code."""

from __future__ import annotations

from typing import Any

from csms.hooks import ReadTx, Statement

_PARTS = {
    "promo_codes": "SELECT c.code, c.name, h.added_at FROM plugin_tariff_promo_holders h"
    " JOIN plugin_tariff_promo_codes c ON c.tenant = h.tenant AND c.id = h.promo_code_id"
    " WHERE h.tenant = :tenant AND h.driver_id = :driver_id ORDER BY h.added_at, c.id",
    "promo_code_uses": "SELECT c.code, c.name, u.transaction_id, u.used_at FROM plugin_tariff_promo_uses u"
    " JOIN plugin_tariff_promo_codes c ON c.tenant = u.tenant AND c.id = u.promo_code_id"
    " WHERE u.tenant = :tenant AND u.driver_id = :driver_id ORDER BY u.used_at, u.transaction_id",
}

ERASURE = (
    Statement("DELETE FROM plugin_tariff_promo_holders WHERE tenant = :tenant AND driver_id = :driver_id"),
    Statement(
        "UPDATE plugin_tariff_promo_uses SET driver_id = NULL WHERE tenant = :tenant AND driver_id = :driver_id"
        " AND promo_code_id IN (SELECT id FROM plugin_tariff_promo_codes WHERE tenant = :tenant)"  # by an index that there is
    ),
)
"""The codes are other drivers', too, and stay; their uses count on, and are nobody's."""


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """Everything, by name."""
    return {name: list(tx.all(sql, driver_id=driver_id)) for name, sql in _PARTS.items()}
