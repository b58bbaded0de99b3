"""SQL of the payments slice."""
