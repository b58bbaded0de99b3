"""What this slice holds of a driver as a person: to be handed out. Bills are kept when a driver is forgotten: they name nobody, and the
law asks for them; who they were of is the driver's number alone."""

from __future__ import annotations

from typing import Any

from csms.core.ports import ReadTx, Row, Tx

from .store import bills, prepaying

PAGE = 500


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """Everything, by name."""
    found: list[Row] = []
    while some := bills.of_driver(tx, driver_id, found[-1]["id"] if found else 0, PAGE):
        found += some
    prepaid = prepaying.of_driver(tx, driver_id)
    return {"bills": found, "prepaid_charges": prepaid}


def erase(tx: Tx, driver_id: int) -> None:
    """Forget what promo codes a driver used, and what they were told."""
    tx.run(
        "UPDATE charge_wishes SET promo_code = '' WHERE tenant = :tenant AND promo_code <> '' AND transaction_id IN"
        " (SELECT id FROM transactions WHERE tenant = :tenant AND driver_id = :driver_id)",
        driver_id=driver_id,
    )
    tx.run(
        "UPDATE prepaid_charges SET promo_code = '' WHERE tenant = :tenant AND driver_id = :driver_id AND promo_code <> ''",
        driver_id=driver_id,
    )
    tx.run("DELETE FROM low_wallets WHERE tenant = :tenant AND driver_id = :driver_id", driver_id=driver_id)
