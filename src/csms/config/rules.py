"""What a configured value may be; every rule can say in words what it allows."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Protocol

import attrs


class Rule(Protocol):
    """An attrs validator that knows, in words, what it allows."""

    @property
    def allowed(self) -> str:
        """What is allowed, to stand after "must be"."""
        ...

    def __call__(self, instance: Any, attribute: Any, value: Any) -> None:
        """Raise ``ValueError`` when the value is not allowed."""
        ...


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


@attrs.frozen
class Between:
    """A number between two bounds, both allowed."""

    low: float
    high: float

    @property
    def allowed(self) -> str:
        """Both bounds."""
        return f"{_number(self.low)} to {_number(self.high)}"

    def __call__(self, instance: Any, attribute: Any, value: Any) -> None:
        """Refuse a number outside the bounds."""
        if not self.low <= value <= self.high:
            raise ValueError(f"must be {self.allowed}")


def _quoted(options: tuple[str, ...]) -> str:
    return ", ".join(f'"{option}"' for option in options)


@attrs.frozen
class OneOf:
    """One word of a closed list."""

    options: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """Every option, quoted."""
        return f"one of {_quoted(self.options)}"

    def __call__(self, instance: Any, attribute: Any, value: Any) -> None:
        """Refuse any other word."""
        if value not in self.options:
            raise ValueError(f"must be {self.allowed}")


@attrs.frozen
class SomeOf:
    """A list, not empty and without repeats, of words of a closed list."""

    options: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """Every option, quoted."""
        return f"a list of one or more of {_quoted(self.options)}"

    def __call__(self, instance: Any, attribute: Any, value: Any) -> None:
        """Refuse an empty list, a repeat and any other word."""
        if not value or len(set(value)) < len(value) or not set(value) <= set(self.options):
            raise ValueError(f"must be {self.allowed}")


@attrs.frozen
class Pattern:
    """Text of a certain form; ``allowed`` describes the form. ``each`` applies it to every member of a list without repeats."""

    form: str
    allowed: str
    each: bool = False

    def __call__(self, instance: Any, attribute: Any, value: Any) -> None:
        """Refuse text of another form, and repeats in a list."""
        texts = value if self.each else (value,)
        if len(set(texts)) < len(texts) or not all(re.fullmatch(self.form, text) for text in texts):
            raise ValueError(f"must be {self.allowed}")


@attrs.frozen
class Networks:
    """A list of IP networks or addresses."""

    allowed: str = 'a list of networks such as "10.0.0.0/8" or "::1"'

    def __call__(self, instance: Any, attribute: Any, value: Any) -> None:
        """Refuse a list with anything else in it."""
        for text in value:
            try:
                ipaddress.ip_network(text)
            except ValueError:
                raise ValueError(f"must be {self.allowed}") from None


DATABASE_URL = Pattern(
    r"sqlite:///(?!:memory:)[^?#]+|postgresql://\S+", "sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME"
)
REDIS_URL = Pattern(r"|rediss?://\S+", 'redis://HOST:PORT/NUMBER, rediss://HOST:PORT/NUMBER, or ""')
PUBLIC_URL = Pattern(
    r"|https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._~-]+)*",
    'http(s)://HOST, with a port or path if need be and no slash at its end, or ""',
)
ORIGINS = Pattern(
    r"\*|https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:\d{1,5})?",
    'a list of origins such as "https://console.example.org", without a path',
    each=True,
)
AUTHORITY = Pattern(r"|[A-Za-z0-9_.-]+", '"built-in", the name of a plugin, or ""')
ORGANIZATION = Pattern(r"|[^\x00-\x1f\x7f]{1,64}", "a name of at most 64 characters")
URL_PATH = Pattern(r"/|(/[A-Za-z0-9._~-]+)+", "a path such as /ocpp, without a slash at its end")
ADDRESS = Pattern(r"[A-Za-z0-9._:%-]+", "an address or host name to listen on, such as 127.0.0.1, 0.0.0.0 or ::")
PLUGIN_NAMES = Pattern(r"[A-Za-z0-9_.-]+", "a list of plugin names without repeats", each=True)
CALL_NAMES = Pattern(r"[A-Z][A-Za-z]+", "a list of OCPP message names without repeats", each=True)
