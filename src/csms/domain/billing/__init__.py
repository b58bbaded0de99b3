"""Billing: what transactions cost, how that is settled, and what stops the running ones at their limits."""
