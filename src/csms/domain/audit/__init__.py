"""Audit: who did what to what, and what was answered under an idempotency key."""
