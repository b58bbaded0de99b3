"""Verbs of the users slice."""
