"""Errors that cross layers; each says what was wrong and what is allowed."""

from __future__ import annotations


class CsmsError(Exception):
    """The root of every error that csms raises on purpose."""


class Refused(CsmsError):
    """The request was understood and is not allowed in the present state; nothing was changed."""


class NotFound(CsmsError):
    """There is no such thing for this tenant."""


class Conflict(CsmsError):
    """Something with this identity exists already, or changed meanwhile."""


class Invalid(CsmsError):
    """A value is wrong; ``field`` names it.

    Raised by verbs for input that a person gave. A charger's input is never refused this way (HOUSE: tolerant for what we hear).
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class StoreUnavailable(CsmsError):
    """The database is away, full or read-only: nothing was written and nothing may be acknowledged."""


class WriterStopped(StoreUnavailable):
    """The writer has stopped; ``write`` raises this at once instead of waiting for ever."""


class Undecided(CsmsError):
    """Whoever should have answered a question failed, and nobody may guess the answer: ask again later."""


class NeedsKeys(CsmsError):
    """A verb touched an aggregate whose key it did not declare; the writer reruns it holding ``keys``."""

    def __init__(self, keys: frozenset[str]) -> None:
        super().__init__(f"undeclared write keys: {', '.join(sorted(keys))}")
        self.keys = keys


class CannotSay(CsmsError):
    """The charger's OCPP version has no message for this command, or not with these arguments."""
