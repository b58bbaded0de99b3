"""Passwords: argon2id in threads of their own limiter, the same work whether there is such a user or not."""

from __future__ import annotations

import base64

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from csms.core.errors import Invalid
from csms.core.ports import Blocking

LONGEST = 200
"""Characters; what is longer only costs time."""

COMMON = frozenset(
    [
        "password12",
        "password123",
        "password1234",
        "passw0rd123",
        "123456789",
        "1234567890",
        "12345678910",
        "0123456789",
        "1111111111",
        "qwertyuiop",
        "qwerty12345",
        "1q2w3e4r5t",
        "qwerty1234",
        "iloveyou12",
        "administrator",
        "changeme123",
        "letmein123",
        "welcome123",
        "adminadmin",
        "admin12345",
        "abcd123456",
        "abc1234567",
        "aaaaaaaaaa",
        "0000000000",
        "9876543210",
        "0987654321",
        "password!1",
        "football123",
        "superman123",
        "sunshine123",
        "princess123",
    ]
)
"""What is tried first, among passwords of a length that would do."""


class Passwords:
    """Hashes and verifies. ``memory_kib`` and ``passes`` are argon2's costs; hashes made with others are still understood."""

    def __init__(self, blocking: Blocking, *, memory_kib: int, passes: int) -> None:
        self._blocking = blocking
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        zeros = [base64.b64encode(bytes(length)).rstrip(b"=").decode() for length in (16, 32)]
        self._nobody = f"$argon2id$v=19$m={memory_kib},t={passes},p=1${zeros[0]}${zeros[1]}"

    async def hash(self, password: str) -> str:
        """A salted hash."""
        return await self._blocking.run("hash", self._hasher.hash, password)

    async def verify(self, hashed: str, password: str) -> bool:
        """Whether this is the password; with ``""`` for a hash the same work is done for nothing."""
        matched = await self._blocking.run("hash", self._matches, hashed or self._nobody, password[: LONGEST + 1])
        return matched and bool(hashed)

    def outdated(self, hashed: str) -> bool:
        """Whether it should be hashed anew, with the present costs."""
        return self._hasher.check_needs_rehash(hashed)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False


def check(password: str, *, least: int, about: tuple[str, ...] = ()) -> None:
    """Refuse a password that is too easily guessed; ``about`` is what others know of its owner. Raises ``Invalid``."""
    if not least <= len(password) <= LONGEST:
        raise Invalid(f"a password has {least} to {LONGEST} characters", field="password")
    plain = password.casefold()
    if plain in COMMON or len(set(plain)) < 4:
        raise Invalid("this password is among the first that anybody tries", field="password")
    if plain in {known.casefold() for each in about for known in (each, each.partition("@")[0]) if known}:
        raise Invalid("a password is not what one is called", field="password")
