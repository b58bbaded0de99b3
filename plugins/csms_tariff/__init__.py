"""Prices charges by versioned tariffs."""

from __future__ import annotations

from .listeners import (
    driver_erased,
    energy_price_told,
    price_charge,
    register_commands,
    register_events,
    register_jobs,
    register_migrations,
    register_routes,
    register_settings,
)

__all__ = [
    "driver_erased",
    "energy_price_told",
    "price_charge",
    "register_commands",
    "register_events",
    "register_jobs",
    "register_migrations",
    "register_routes",
    "register_settings",
]
