"""Prices charges by versioned tariffs."""

from __future__ import annotations

from .listeners import (
    energy_price_told,
    price_charge,
    register_commands,
    register_events,
    register_jobs,
    register_migrations,
    register_personal_data,
    register_routes,
    register_settings,
)

__all__ = [
    "energy_price_told",
    "price_charge",
    "register_commands",
    "register_events",
    "register_jobs",
    "register_migrations",
    "register_personal_data",
    "register_routes",
    "register_settings",
]
