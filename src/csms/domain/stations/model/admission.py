"""What decides how a charger is let in: its keys, and the settings of the installation."""

from __future__ import annotations

from typing import Protocol

import attrs

from csms.core.ids import TenantId


@attrs.frozen(slots=True, kw_only=True)
class Gate:
    """What the handshake must know about a charger, in one read.

    ``sealed`` is its hashed key or ``""`` (see ``keys``), ``offered`` those that open as well, the oldest first.
    """

    charger_id: str
    tenant: TenantId
    approval: str
    registration: str
    sealed: str = attrs.field(default="", repr=False)
    offered: tuple[str, ...] = attrs.field(default=(), repr=False)
    security_profile: int | None = None
    security_profile_used: int | None = None
    heartbeat_interval_s: int | None = None
    answers_pings: bool | None = None
    subprotocol_fallback: str = ""
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    time_zone: str = "UTC"
    closed: bool = False
    """Whether its tenant is closed."""


@attrs.frozen(slots=True, kw_only=True)
class KeyOffer:
    """A key that a charger was offered and may show from then on; ``expires_at`` None is never."""

    id: int
    charger_id: str
    sealed: str = attrs.field(repr=False)
    offered_at: int
    expires_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class BootPolicy:
    """The decision that ``service.boot`` takes: the intervals to tell, in seconds (``retry`` is for a charger that is not accepted)."""

    heartbeat_interval_s: int
    retry_interval_s: int


class OcppSettings(Protocol):
    """What this slice needs of the configuration; ``config.OcppConfig`` has it."""

    @property
    def authentication(self) -> bool:
        """Whether a charger must show its key."""
        ...

    @property
    def unknown_chargers(self) -> str:
        """``rejected``, ``pending`` or ``accepted``: what becomes of a charger that nobody added."""
        ...

    @property
    def min_security_profile(self) -> int:
        """The least security profile of chargers that have none of their own, where there is authentication."""
        ...

    @property
    def tls_client_organizations(self) -> tuple[str, ...]:
        """The organizations whose client certificates count; empty for all that the trusted authorities vouch for."""
        ...

    @property
    def heartbeat_interval_s(self) -> int:
        """The interval told at an accepted boot."""
        ...

    @property
    def retry_interval_s(self) -> int:
        """The wait told at any other boot."""
        ...
