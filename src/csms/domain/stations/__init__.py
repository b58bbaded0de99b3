"""Stations: sites, the chargers on them, how they are let in, what they are and how they are."""
