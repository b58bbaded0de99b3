"""What happened to chargers, as durable events."""

from __future__ import annotations

from typing import ClassVar

import attrs

from csms.core.events import ChargerEvent, event
from csms.core.ids import Place


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
class ChargerRemoved(ChargerEvent):
    """A charger was taken away; its history stays. ``station_id`` is where it stood."""

    type: ClassVar[str] = "charger_removed"

    station_id: int | None


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
