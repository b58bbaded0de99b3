"""Sends messages by e-mail."""

from __future__ import annotations

from .listeners import configure, register_channels, register_settings

__all__ = ["configure", "register_channels", "register_settings"]
