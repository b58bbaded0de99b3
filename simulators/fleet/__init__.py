"""Thousands of simulated chargers in one process, drawn from a seed, and the report of what became of their messages."""
