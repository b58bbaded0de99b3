"""Support tickets: what drivers and operators write to each other."""
