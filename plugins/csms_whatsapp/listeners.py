"""The hooks of the WhatsApp channel."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from csms.api.routes import Routes
from csms.hooks import Channel, Delivered, Event, NeverSent, NotSent, PluginContext, hookimpl

from .channel import WhatsAppChannel
from .model import Settings, WhatsAppHeard
from .routes import routes
from .talking import STATUS, answer


@hookimpl
def register_settings() -> type[Settings]:
    """``[plugins.settings.whatsapp]``."""
    return Settings


@hookimpl
def register_migrations() -> Path:
    """Which messages were heard."""
    return Path(__file__).parent / "migrations"


@hookimpl
def register_events() -> Iterable[type[Event]]:
    """What people write."""
    return [WhatsAppHeard]


@hookimpl
async def whatsapp_heard(event: WhatsAppHeard, delivery: Delivered, context: PluginContext) -> None:
    """Do what somebody wrote and answer. What was cut off is not done again, for it may have been done: they are told how things are."""
    words = await answer(context, event.phone, event.text if delivery.attempt == 1 else STATUS)
    try:
        await WhatsAppChannel(context).reply(event.phone, words)
    except (NotSent, NeverSent) as problem:
        context.log.warning("whatsapp.reply_not_sent", reason=str(problem))


@hookimpl
def register_channels(context: PluginContext) -> Iterable[Channel]:
    """The channel ``whatsapp``."""
    return [WhatsAppChannel(context)]


@hookimpl
def register_routes(context: PluginContext) -> Iterable[Routes]:
    """The webhook."""
    return [routes(context)]
