"""The hooks of the e-mail channel."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from csms.hooks import Channel, PluginContext, hookimpl

from .channel import EmailChannel
from .model import Settings


@hookimpl
def register_settings() -> type[Settings]:
    """``[plugins.settings.email]``."""
    return Settings


@hookimpl
def configure(context: PluginContext) -> None:
    """Refuse a file of certificates that is not there. Raises ``ValueError``."""
    settings: Settings = context.settings
    if settings.ca_file and not Path(settings.ca_file).is_file():
        raise ValueError(f"ca_file: there is no file {settings.ca_file}")


@hookimpl
def register_channels(context: PluginContext) -> Iterable[Channel]:
    """The channel ``email``."""
    return [EmailChannel(context)]
