"""A stub of SMS gateways: endpoints shaped like MSG91's and Twilio's, an outbox, delivery reports; with faults."""

from .server import SmsStub

__all__ = ["SmsStub"]
