"""Prices charges by versioned tariffs."""
