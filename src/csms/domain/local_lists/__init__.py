"""Local authorization lists: what chargers know of tokens without asking us, kept in step with who may charge there."""
