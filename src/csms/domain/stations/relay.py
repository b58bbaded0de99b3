"""Chargers that are spoken to through something that adds to it: time limits, a memory."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.commands import Command, Outcome
from csms.core.ports import Chargers, ConnectionInfo


class Relay:
    """``Chargers`` by way of others; it changes nothing by itself."""

    def __init__(self, chargers: Chargers) -> None:
        self._chargers = chargers

    async def send(
        self, charger_id: str, command: Command, /, *, ttl_s: float | None = None, timeout_s: float | None = None
    ) -> Outcome:
        """See ``Chargers``."""
        return await self._chargers.send(charger_id, command, ttl_s=ttl_s, timeout_s=timeout_s)

    def connections(self) -> Sequence[ConnectionInfo]:
        """See ``Chargers``."""
        return self._chargers.connections()

    def connection(self, charger_id: str) -> ConnectionInfo | None:
        """See ``Chargers``."""
        return self._chargers.connection(charger_id)

    def can_say(self, charger_id: str) -> frozenset[str]:
        """See ``Chargers``."""
        return self._chargers.can_say(charger_id)

    async def drop(self, charger_id: str, reason: str) -> bool:
        """See ``Chargers``."""
        return await self._chargers.drop(charger_id, reason)

    async def admit(self, charger_id: str, registration: str) -> bool:
        """See ``Chargers``."""
        return await self._chargers.admit(charger_id, registration)


class Limited(Relay):
    """Chargers that are waited for as long as somebody said, by whatever sends without limits of its own."""

    def __init__(self, chargers: Chargers, ttl_s: float | None, timeout_s: float | None) -> None:
        super().__init__(chargers)
        self._ttl_s = ttl_s
        self._timeout_s = timeout_s

    async def send(
        self, charger_id: str, command: Command, /, *, ttl_s: float | None = None, timeout_s: float | None = None
    ) -> Outcome:
        """See ``Chargers``."""
        ttl_s = self._ttl_s if ttl_s is None else ttl_s
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        return await super().send(charger_id, command, ttl_s=ttl_s, timeout_s=timeout_s)
