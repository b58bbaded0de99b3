"""Alerts: what somebody should look at, each once while it lasts."""
