"""Upkeep over HTTP: configuration, availability and maintenance, resets, firmware, diagnostics."""

from __future__ import annotations

from csms.api.routes import Routes
from csms.domain.upkeep.flows.resets import Running
from csms.domain.upkeep.model.settings import FileSettings, UpkeepSettings

from . import availability, campaigns, configuration, images, resets, templates, updates, uploads


def upkeep_routes(files: FileSettings, upkeep: UpkeepSettings, running: Running) -> list[Routes]:
    """Routes of this slice. ``running`` knows the transactions that a reset would cut off."""
    return [
        configuration.routes(upkeep),
        templates.routes(),
        availability.routes(upkeep),
        resets.routes(upkeep, running),
        images.routes(files),
        updates.routes(files),
        campaigns.routes(),
        uploads.routes(files),
    ]
