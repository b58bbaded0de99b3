"""Posts every event, signed, to a URL."""

from __future__ import annotations

from .listeners import event_occurred, register_settings

__all__ = ["event_occurred", "register_settings"]
