"""A stub of a mail server: takes every message, keeps it as a file and shows it; with STARTTLS, AUTH, and faults."""

from .server import SmtpStub

__all__ = ["SmtpStub"]
