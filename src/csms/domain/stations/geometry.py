"""Distances on the globe, and the boxes in which to look for what is near."""

from __future__ import annotations

import math

import attrs

EARTH_RADIUS_M = 6_371_008.8
"""The mean radius (IUGG R1)."""


@attrs.frozen(slots=True)
class Box:
    """Latitudes and longitudes between which something lies; where it ``wraps``, the longitudes from ``west`` on and up to ``east``."""

    south: float
    north: float
    west: float
    east: float

    @property
    def wraps(self) -> bool:
        """Whether it goes across the date line."""
        return self.west > self.east


def distance_m(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """The length of the shortest way between two points over the globe (haversine), in metres; at most 0.6 % off."""
    here, there = math.radians(latitude), math.radians(other_latitude)
    rise = math.sin((there - here) / 2) ** 2
    turn = math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, rise + math.cos(here) * math.cos(there) * turn)))


def box_around(latitude: float, longitude: float, radius_m: float) -> Box:
    """A box that holds every point within a radius. Around a pole it holds every longitude."""
    angle = radius_m / EARTH_RADIUS_M * 1.000001  # rounding must not cut off what lies on the very edge
    reach = math.degrees(angle)
    south, north = latitude - reach, latitude + reach
    if south <= -90 or north >= 90:
        return Box(max(south, -90.0), min(north, 90.0), -180.0, 180.0)
    # where a circle touches its meridians it is wider than at the latitude of its centre
    width = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(latitude)))))
    if width >= 180:
        return Box(south, north, -180.0, 180.0)
    west, east = longitude - width, longitude + width
    return Box(south, north, west + 360 if west < -180 else west, east - 360 if east > 180 else east)
