"""Keeping chargers up: firmware images, updates and campaigns; diagnostics and logs."""
