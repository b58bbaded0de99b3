"""Promo codes: whether one may be used, and the statement that counts its use."""

from __future__ import annotations

from csms.hooks import Charge, Statement

from .model import PromoCode


def refusal(code: PromoCode | None, at: int, tariff_id: int | None) -> str:
    """Why a code cannot be used then and there, however often it was; ``""`` where it can."""
    if code is None:
        return "there is no such code"
    if code.closed_at is not None and at >= code.closed_at:
        return "it was closed"
    if at < code.valid_from_at:
        return "it is not valid yet"
    if code.valid_until_at is not None and at >= code.valid_until_at:
        return "it is no longer valid"
    if tariff_id is not None and code.tariff_id not in (None, tariff_id):
        return "it is for another tariff"
    return ""


def used_up(code: PromoCode, used: int, by_driver: int, driver_id: int | None) -> str:
    """Why a code cannot be used once more; ``""`` where it can."""
    if code.max_uses is not None and used >= code.max_uses:
        return "it was used as often as it may be"
    if code.max_uses_per_driver is not None:
        if driver_id is None:
            return "it is for known drivers"
        if by_driver >= code.max_uses_per_driver:
            return "the driver used it as often as one may"
    return ""


def use(code: PromoCode, charge: Charge) -> Statement:
    """Count a use. It touches a row only where the limits leave one, and the charge has not been counted."""
    return Statement(
        "INSERT INTO plugin_tariff_promo_uses (promo_code_id, transaction_id, tenant, driver_id, used_at)"
        " SELECT CAST(:code_id AS BIGINT), CAST(:transaction_id AS BIGINT), CAST(:tenant AS BIGINT), CAST(:driver_id AS BIGINT),"
        " CAST(:now AS BIGINT) WHERE (CAST(:most AS BIGINT) IS NULL OR CAST(:most AS BIGINT) >"
        " (SELECT count(*) FROM plugin_tariff_promo_uses WHERE tenant = :tenant AND promo_code_id = :code_id))"
        " AND (CAST(:most_each AS BIGINT) IS NULL OR CAST(:most_each AS BIGINT) > (SELECT count(*) FROM plugin_tariff_promo_uses"
        " WHERE tenant = :tenant AND promo_code_id = :code_id AND driver_id = :driver_id))"
        " ON CONFLICT (promo_code_id, transaction_id) DO NOTHING",
        {
            "code_id": code.id,
            "transaction_id": charge.transaction_id,
            "driver_id": charge.driver_id,
            "most": code.max_uses,
            "most_each": code.max_uses_per_driver,
        },
    )
