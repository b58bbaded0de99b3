"""SQL of the analytics slice."""
