"""Reservations: connectors that chargers keep free for a token until it comes."""
