"""The hooks of the SMS channel."""

from __future__ import annotations

from collections.abc import Iterable

from csms.api.routes import Routes
from csms.hooks import Channel, PluginContext, hookimpl

from .channel import SmsChannel
from .model import Settings
from .routes import routes


@hookimpl
def register_settings() -> type[Settings]:
    """``[plugins.settings.sms]``."""
    return Settings


@hookimpl
def register_channels(context: PluginContext) -> Iterable[Channel]:
    """The channel ``sms``."""
    return [SmsChannel(context)]


@hookimpl
def register_routes(context: PluginContext) -> Iterable[Routes]:
    """Where delivery reports come in."""
    return [routes(context)]
