"""Messages over HTTP: the tenant's messages and templates, the channels, and what one chooses oneself."""

from __future__ import annotations

from collections.abc import Callable

from csms.api.routes import Routes

from . import channels, messages, mine, templates, unsubscribing


def routes(ring: Callable[[], None]) -> list[Routes]:
    """Routes of this slice; ``ring`` tells that something is due."""
    return [messages.routes(ring), templates.routes(), channels.routes(), mine.routes(), unsubscribing.routes()]
