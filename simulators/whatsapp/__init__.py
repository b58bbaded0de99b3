"""A stub of the WhatsApp Cloud API: messages, media, delivery states and inbound messages by signed webhooks; with faults."""

from .server import WhatsAppStub

__all__ = ["WhatsAppStub"]
