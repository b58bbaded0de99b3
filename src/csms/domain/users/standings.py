"""What logins and API keys are worth, remembered for a short time, so that a request usually costs no look into the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import trio

from csms.core.ports import Ports

from .model import Standing

FRESH_S = 30.0
"""How long what is remembered counts: what changes by another process is heeded after so long at the latest, here at once."""
MOST = 20_000
NOTE_EVERY_MS = 300_000
"""How exactly it is kept when a login or a key was used last."""
KEYS = 0
"""Whose API keys are, all of them: ``get`` them by this owner."""

Key = tuple[str, int, int, str]
"""Its kind, its id, and the tenant that was asked for, by id and by slug."""


@attrs.frozen(slots=True)
class _Known:
    standing: Standing | None
    until: float


class Standings:
    """A bounded memory of standings by whose they are; what concerns a user is forgotten at once when it changes."""

    def __init__(self, ports: Ports, readers: trio.CapacityLimiter) -> None:
        self.ports = ports
        self.readers = readers
        self._of_owner: dict[int, dict[Key, _Known]] = {}
        self._count = 0
        self._changes = 0
        self._noted: dict[tuple[str, int], int] = {}

    async def get(self, owner: int, key: Key, look: Callable[[], Awaitable[Standing | None]]) -> Standing | None:
        """What is known, or what ``look`` finds; None is remembered, too."""
        known = self._of_owner.get(owner, {}).get(key)
        if known is not None and known.until > trio.current_time():
            return known.standing
        changes = self._changes
        found = await look()
        if changes == self._changes and (found is not None or owner != KEYS):
            self._keep(owner, key, found)  # unless it may have been read before what changed, or anybody can make up such keys
        return found

    def _keep(self, owner: int, key: Key, standing: Standing | None) -> None:
        while self._count >= MOST:
            first = next(iter(self._of_owner))
            self._count -= len(self._of_owner.pop(first))
        mine = self._of_owner.setdefault(owner, {})
        self._count += key not in mine
        mine[key] = _Known(standing, trio.current_time() + FRESH_S)

    def forget(self, owner: int) -> None:
        """Something about a user changed, and with it what the keys that they made are worth."""
        self._changes += 1
        for each in {owner, KEYS}:
            self._count -= len(self._of_owner.pop(each, {}))

    def forget_all(self) -> None:
        """Something about many changed."""
        self._changes += 1
        self._of_owner.clear()
        self._count = 0

    def notes_use(self, number: int, kind: str, now: int) -> bool:
        """Whether the use of a login or key is to be written down: once every ``NOTE_EVERY_MS``."""
        if now - self._noted.get((kind, number), 0) < NOTE_EVERY_MS:
            return False
        if len(self._noted) >= MOST:
            self._noted.clear()
        self._noted[kind, number] = now
        return True
