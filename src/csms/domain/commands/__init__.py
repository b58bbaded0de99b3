"""Commands: what was asked of chargers, one or many at once, and what became of it."""
