"""How a person writes a place at a charger: ``2``, ``1.2``, or a word for the whole charger."""

from __future__ import annotations

import re
from typing import Any

import click

from csms.core.ids import WHOLE_CHARGER, Place

_PLACE = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?")


def place_of(text: str, *, connector: int) -> Place | None:
    """``0`` is the whole charger, ``1.2`` connector 2 of EVSE 1, ``2`` the ``connector`` of EVSE 2; None for anything else."""
    found = _PLACE.fullmatch(text.strip())
    if found is None:
        return None
    evse = int(found[1])
    return Place(evse, int(found[2] or 0) if found[2] or not evse else connector)


class PlaceParam(click.ParamType[Place]):
    """An argument or option that is a place. ``whole`` is another word for the whole charger than 0; ``connector`` as in ``place_of``."""

    name = "place"

    def __init__(self, *, whole: str, connector: int) -> None:
        self._whole, self._connector = whole, connector

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """The place."""
        if isinstance(value, Place):
            return value
        text = str(value).strip()
        place = WHOLE_CHARGER if text.casefold() == self._whole else place_of(text, connector=self._connector)
        if place is None or (place.connector and not place.evse):
            example = "2 for connector 2 (2.x: EVSE 2), 1.2 for connector 2 of EVSE 1"
            self.fail(f"{value!r} is no place: write {self._whole} for the whole charger, {example}", param, ctx)
        return place
