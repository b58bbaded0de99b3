"""Verbs on messages: taking on, sending, and what tenants and people choose."""
