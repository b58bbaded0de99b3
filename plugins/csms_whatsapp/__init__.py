"""Sends and hears messages by WhatsApp."""
