"""Flows of the upkeep slice: ask chargers, follow up, and keep files."""
