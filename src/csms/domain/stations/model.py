"""Nouns and events of the stations slice: sites, chargers, their places, and what became of them."""

from __future__ import annotations

from typing import ClassVar, Protocol

import attrs

from csms.core.events import Event, event
from csms.core.ids import Place, TenantId, charger_key

ACCEPTED, PENDING, REJECTED = "accepted", "pending", "rejected"
APPROVALS = (ACCEPTED, PENDING, REJECTED)
"""What an operator may decide about a charger; also what a charger may be told at boot (1.6 §7.43; 2.0.1 RegistrationStatusEnumType)."""

OPEN, GRANTED = "open", "granted"
ACCESS = (OPEN, GRANTED)
"""Whether a station takes every token of its tenant, or only those with a grant for it."""

SECURITY_PROFILES = (0, 1, 2, 3)
"""1.6 security whitepaper §2: 1 is a key (HTTP Basic), 2 a key over TLS, 3 a client certificate; 0 is none of these."""

LARGEST_PLACE = 999
"""The largest EVSE or connector number believed; a larger one is an oddity, not a new row."""


def station_key(tenant: int, station_id: int) -> str:
    """The write key of one station."""
    return f"station:{tenant}:{station_id}"


def clean(text: str, limit: int) -> str:
    """A charger's text as every engine can store it: no NUL (PostgreSQL), no lone surrogates (UTF-8), at most ``limit`` characters."""
    if len(text) > limit:
        text = text[:limit]
    if text.isprintable():
        return text
    return text.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8")


MOST_ODDITIES = 100
"""Rows of ``oddities`` that one charger may fill: field names may be its own inventions."""


@attrs.frozen(slots=True, kw_only=True)
class StationGroup:
    """Stations that share a rule, such as one campus."""

    id: int
    name: str


@attrs.frozen(slots=True, kw_only=True)
class Station:
    """A site. ``access`` is ``open`` or ``granted``; ``chargers`` counts the chargers that stand there."""

    id: int
    name: str
    address: str
    latitude: float | None
    longitude: float | None
    access: str
    station_group_id: int | None
    created_at: int
    chargers: int = 0


@attrs.frozen(slots=True, kw_only=True)
class ChargerFacts:
    """What a charger says it is (BootNotification). ``duplicate_serial`` stands in for ``serial`` when another charger has that."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    duplicate_serial: str = ""
    firmware: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial: str = ""
    mac: str = ""
    boot_reason: str = ""
    booted_at: int | None = None


def standing(approval: str, registration: str) -> str:
    """How far a charger's registration holds: the operator's decision, at once, for a charger that has booted here; else ``""``.

    A charger learns of a decision only at its next boot, but commands and its own calls follow the decision from now on.
    """
    return approval if registration else ""


@attrs.frozen(slots=True, kw_only=True)
class Charger:
    """A charger as operators see it.

    ``approval`` is the operator's decision and ``registration`` what we last told the charger (``""``: it never booted here).
    ``heartbeat_interval_s`` None means the configured one. ``clock_drift_ms`` is how far its clock was ahead of ours, last measured.
    ``connection_id`` is ``""`` when it is not connected. ``key_origin`` is ``given``, ``first_use`` or ``""`` for no key;
    ``keys_offered`` counts keys that may take its place. ``security_profile`` is the least it may log in with (None: the
    installation's) and ``security_profile_used`` that of its latest connection.
    """

    id: str
    name: str
    station_id: int | None
    approval: str
    registration: str
    facts: ChargerFacts
    protocol: str
    heartbeat_interval_s: int | None
    answers_pings: bool | None
    subprotocol_fallback: str
    clock_drift_ms: int | None
    connection_id: str
    connected_at: int | None
    remote_address: str
    last_seen_at: int | None
    key_origin: str
    created_at: int
    keys_offered: int = 0
    security_profile: int | None = None
    security_profile_used: int | None = None

    @property
    def connected(self) -> bool:
        """Whether it has a live connection, as far as the store knows."""
        return self.connection_id != ""

    @property
    def standing(self) -> str:
        """See ``standing``."""
        return standing(self.approval, self.registration)


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


@attrs.frozen(slots=True, kw_only=True)
class KeyOffer:
    """A key that a charger was offered and may show from then on; ``expires_at`` None is never."""

    id: int
    charger_id: str
    sealed: str = attrs.field(repr=False)
    offered_at: int
    expires_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class Evse:
    """One EVSE of a charger; ``label`` is what an operator calls it, such as its eMI3 id."""

    charger_id: str
    evse: int
    label: str


@attrs.frozen(slots=True, kw_only=True)
class Connector:
    """The present status of one place: a connector, an EVSE as a whole ``(n, 0)``, or the charger as a whole ``(0, 0)``.

    ``reported_at`` is when the charger last said so, never later than ``received_at``; ``since_at`` when it became so.
    """

    charger_id: str
    place: Place
    status: str
    status_raw: str
    error_code: str
    info: str
    vendor_id: str
    vendor_error_code: str
    reported_at: int
    received_at: int
    since_at: int


@attrs.frozen(slots=True, kw_only=True)
class StatusChange:
    """One row of the status history. ``applied`` is False for what was already outdated when it came."""

    id: int
    charger_id: str
    place: Place
    status: str
    status_raw: str
    error_code: str
    info: str
    vendor_id: str
    vendor_error_code: str
    reported_at: int
    received_at: int
    applied: bool


@attrs.frozen(slots=True, kw_only=True)
class ChargerOddity:
    """Something a charger does wrong, counted."""

    charger_id: str
    rule: str
    field: str
    count: int
    example: str
    first_seen_at: int
    last_seen_at: int


@attrs.frozen(slots=True, kw_only=True)
class LoggedFrame:
    """One frame of the frame log; see ``core.ports.FrameEntry``."""

    id: int
    charger_id: str
    connection_id: str
    at: int
    direction: str
    kind: str
    message_id: str
    action: str
    text: str
    took_ms: float | None
    problem: str


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


# --- events ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class ChargerEvent(Event):
    """What the events of one charger share: they reach a consumer in order."""

    charger_id: str

    @property
    def key(self) -> str:
        """The charger's write key."""
        return charger_key(self.charger_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargerConnected(ChargerEvent):
    """A charger was let in and its connection is up."""

    type: ClassVar[str] = "charger_connected"

    connection_id: str
    protocol: str
    remote_address: str


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargerDisconnected(ChargerEvent):
    """A connection ended. ``replaced``: a newer connection of the same charger had taken over, so it is still connected."""

    type: ClassVar[str] = "charger_disconnected"

    connection_id: str
    reason: str
    replaced: bool = False


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargerBooted(ChargerEvent):
    """A charger sent BootNotification (1.6 §4.2; 2.0.1 B01) and was told ``registration``."""

    type: ClassVar[str] = "charger_booted"

    registration: str
    vendor: str
    model: str
    serial: str
    firmware: str
    previous_firmware: str
    reason: str


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargerStatusChanged(ChargerEvent):
    """The present status or error of a place became another one (1.6 §4.9; 2.0.1 G01). ``previous_status`` is ``""`` at first."""

    type: ClassVar[str] = "charger_status_changed"

    place: Place
    status: str
    previous_status: str
    error_code: str
    previous_error_code: str
    vendor_error_code: str
    info: str
    reported_at: int


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargerRegistrationChanged(ChargerEvent):
    """A charger became accepted, pending or rejected, by an operator or by policy. ``registration`` is its standing from now on."""

    type: ClassVar[str] = "charger_registration_changed"

    approval: str
    registration: str


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargerKeyChanged(ChargerEvent):
    """Another key became the charger's. ``origin`` is ``given`` by an operator, or ``offered``: the charger logged in with it."""

    type: ClassVar[str] = "charger_key_changed"

    origin: str


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargerSecurityChanged(ChargerEvent):
    """The security profile that a charger must use at least, or the one it used at its latest log-in, became another one.

    ``required`` None is the installation's; ``used`` None means that it has not connected yet.
    """

    type: ClassVar[str] = "charger_security_changed"

    required: int | None
    previous_required: int | None
    used: int | None
    previous_used: int | None
