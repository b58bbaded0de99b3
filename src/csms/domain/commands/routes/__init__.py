"""Commands over HTTP: to one charger, to many, and any OCPP call as it is written."""

from __future__ import annotations

from .bulks import routes as bulk_routes
from .commands import Spoken
from .commands import routes as command_routes

__all__ = ["Spoken", "bulk_routes", "command_routes"]
