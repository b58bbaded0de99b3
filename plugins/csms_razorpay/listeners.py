"""The hooks of the plugin."""

from __future__ import annotations

from csms.hooks import PluginContext, hookimpl

from .model import Settings
from .provider import RazorpayProvider


@hookimpl
def register_settings() -> type[Settings]:
    """``[plugins.settings.razorpay]``."""
    return Settings


@hookimpl
def register_payment_providers(context: PluginContext) -> tuple[RazorpayProvider, ...]:
    """The provider ``razorpay``."""
    return (RazorpayProvider(context),)
