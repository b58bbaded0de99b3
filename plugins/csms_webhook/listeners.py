"""The hooks of the webhook."""

from __future__ import annotations

from csms.hooks import Delivered, PluginContext, hookimpl

from .flows import post
from .model import Settings


@hookimpl
def register_settings() -> type[Settings]:
    """``[plugins.settings.webhook]``."""
    return Settings


@hookimpl
async def event_occurred(delivery: Delivered, context: PluginContext) -> None:
    """Post the event, if it is one of those asked for."""
    settings: Settings = context.settings
    if not settings.events or delivery.event.type in settings.events:
        await post(delivery, context)
