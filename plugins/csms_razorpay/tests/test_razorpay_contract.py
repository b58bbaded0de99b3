"""Razorpay does what every gateway must."""

from __future__ import annotations

from csms.testing.providers import ProviderContract


class TestRazorpay(ProviderContract):
    """With the stub of Razorpay, and the fixture ``gateway`` of this folder."""
