"""Drivers, tokens and what drivers see of themselves, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from csms.api.routes import Routes
from csms.domain.documents.desk import Desk
from csms.domain.drivers.model import ActivitySource

from . import me, people, places, tokens


def routes(sources: Mapping[str, ActivitySource]) -> list[Routes]:
    """Routes of this slice; ``sources`` are what timelines are made of, by kind, from the slices that know something about drivers."""
    return [people.routes(sources), tokens.routes(), tokens.group_routes(), tokens.grant_routes(), me.routes(sources)]


def place_routes(desk: Desk) -> Routes:
    """Where drivers find stations; ``desk`` makes the links to the pictures of them."""
    return places.routes(desk)
