"""Transactions: what chargers say of charging, made one truth per charge, and the meter readings that belong to it."""
