"""Sends messages by e-mail."""
