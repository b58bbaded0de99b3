"""Sends messages by SMS through an HTTP gateway."""
