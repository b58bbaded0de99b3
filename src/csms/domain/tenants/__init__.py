"""Tenants: whose data a row is."""
