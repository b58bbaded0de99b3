"""The file server: a small ASGI application that streams files to and from chargers, for whom a signed link is the credential.

It is no Quart application because Quart collects a request's body in memory however slowly it is read, where a charger may send a hundred
megabytes; here a full buffer stops the reading of the socket. ``server`` answers requests, ``sending`` and ``receiving`` move the bytes,
``ranges`` and ``multipart`` read what HTTP says about them, ``pace`` leaves room for the chargers' messages.
"""

from .receiving import Store
from .sending import Offer
from .server import Desk, FileServer, hypercorn_config
from .wire import Tally

__all__ = ["Desk", "FileServer", "Offer", "Store", "Tally", "hypercorn_config"]
