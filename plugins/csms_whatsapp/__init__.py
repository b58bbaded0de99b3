"""Sends and hears messages by WhatsApp."""

from __future__ import annotations

from .listeners import (
    register_channels,
    register_events,
    register_migrations,
    register_routes,
    register_settings,
    whatsapp_heard,
)

__all__ = [
    "register_channels",
    "register_events",
    "register_migrations",
    "register_routes",
    "register_settings",
    "whatsapp_heard",
]
