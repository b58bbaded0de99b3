"""Takes payments through Razorpay."""

from __future__ import annotations

from .listeners import register_payment_providers, register_settings

__all__ = ["register_payment_providers", "register_settings"]
