"""The store: SQLite or PostgreSQL behind ``write``, ``read`` and ``append``; migrations, consumers of events, retention and backup."""

from .database import StoreDatabase
from .opening import open_database
from .sole import sole_server

__all__ = ["StoreDatabase", "open_database", "sole_server"]
