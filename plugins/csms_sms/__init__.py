"""Sends messages by SMS through an HTTP gateway."""

from __future__ import annotations

from .listeners import register_channels, register_routes, register_settings

__all__ = ["register_channels", "register_routes", "register_settings"]
