"""A stub of Razorpay's HTTP API: orders, payments, refunds, QR codes, links, saved methods, subscriptions, webhooks; with faults."""

from .server import RazorpayStub

__all__ = ["RazorpayStub"]
