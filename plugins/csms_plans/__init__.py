"""Plans: what drivers subscribe to, and the allowances that go with it."""

from __future__ import annotations

from .listeners import (
    cover_charge,
    driver_erased,
    mandate_changed,
    payment_cancelled,
    payment_expired,
    payment_failed,
    payment_paid,
    register_commands,
    register_events,
    register_jobs,
    register_migrations,
    register_personal_data,
    register_routes,
    register_settings,
)

__all__ = [
    "cover_charge",
    "driver_erased",
    "mandate_changed",
    "payment_cancelled",
    "payment_expired",
    "payment_failed",
    "payment_paid",
    "register_commands",
    "register_events",
    "register_jobs",
    "register_migrations",
    "register_personal_data",
    "register_routes",
    "register_settings",
]
