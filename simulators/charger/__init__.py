"""One simulated charger, OCPP 1.6 or 2.0.1: a box with connectors, cars that charge at it, and a connection that may fail."""

from __future__ import annotations

from .car import Car, Supply
from .charger import Charger
from .connector import Tag
from .dial import Address, parse_url
from .profile import Profile

__all__ = ["Address", "Car", "Charger", "Profile", "Supply", "Tag", "parse_url"]
