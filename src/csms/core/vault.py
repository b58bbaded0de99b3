"""Secrets at rest: what seals them, and what is said when one does not open."""

from __future__ import annotations

from typing import Protocol

from .errors import CsmsError


class NoKey(CsmsError):
    """A sealed secret does not open with the keys that there are."""


class Vault(Protocol):
    """Encrypts secrets that the store keeps (AES-256-GCM); what only needs comparing is hashed instead."""

    def seal(self, text: str, /) -> str:
        """Encrypt, for a column of text."""
        ...

    def open(self, sealed: str, /) -> str:
        """Decrypt. Raises ``NoKey``."""
        ...

    def is_current(self, sealed: str, /) -> bool:
        """Whether it is sealed with the key that seals now."""
        ...


class NoVault:
    """Where there are no keys: nothing can be kept secret, so nothing is kept."""

    def seal(self, text: str, /) -> str:
        """Refuse. Raises ``NoKey``."""
        raise NoKey("this process has no keys to encrypt secrets with")

    def open(self, sealed: str, /) -> str:
        """Refuse. Raises ``NoKey``."""
        raise NoKey("this process has no keys to open secrets with")

    def is_current(self, sealed: str, /) -> bool:
        """Nothing is."""
        return False
