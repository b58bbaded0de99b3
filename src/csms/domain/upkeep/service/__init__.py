"""Verbs of the upkeep slice, one module per noun."""
