"""HTTP machinery without business: the server, keys, problems, bodies and the live feed."""
