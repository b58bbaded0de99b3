"""Drivers, tokens and what drivers see of themselves, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from csms.api.routes import Routes
from csms.domain.drivers.model import ActivitySource

from . import me, people, tokens


def routes(sources: Sequence[ActivitySource] = ()) -> list[Routes]:
    """Routes of this slice; ``sources`` are what timelines are made of, from the slices that know something about drivers."""
    return [people.routes(sources), tokens.routes(), tokens.group_routes(), tokens.grant_routes(), me.routes(sources)]
