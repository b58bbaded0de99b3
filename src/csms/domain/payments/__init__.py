"""Payments: money that comes in and goes back through payment gateways, each movement of it once."""
