"""The commands that plan ahead: triggers, reservations, local lists, smart charging."""

from __future__ import annotations

import attrs

from csms.core.charging import PURPOSES, UNITS, ChargingProfile
from csms.core.ids import Place
from csms.core.reports import Token, TokenVerdict

from .command import Command

# --- remote trigger -------------------------------------------------------------------------------------------------------------

TRIGGERS = (
    "BootNotification",
    "Heartbeat",
    "StatusNotification",
    "MeterValues",
    "FirmwareStatusNotification",
    "DiagnosticsStatusNotification",
    "LogStatusNotification",
    "SignChargingStationCertificate",
    "TransactionEvent",
)
"""What a charger can be made to say: 2.0.1's MessageTriggerEnumType, and 1.6's DiagnosticsStatusNotification."""


@attrs.frozen(slots=True)
class TriggerMessage(Command):
    """TriggerMessage (1.6 §5.17; 2.0.1 F06), or 1.6's ExtendedTriggerMessage where only that knows the message, or ``extended`` asks."""

    title = "make the charger say something now"

    message: str = attrs.field(validator=attrs.validators.in_(TRIGGERS))
    place: Place | None = None
    extended: bool = False


# --- reservations ---------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class ReserveNow(Command):
    """ReserveNow (1.6 §5.13; 2.0.1 H01). The whole charger as ``place`` keeps any one connector free; ``parent`` is a group's token.

    ``reservation_id`` 0 has csms number a new reservation; the number of one that stands changes it.
    """

    title = "reserve a connector for a token"

    reservation_id: int = 0
    place: Place
    token: Token
    expires_at: int
    parent: str = ""


@attrs.frozen(slots=True)
class CancelReservation(Command):
    """CancelReservation (1.6 §5.1; 2.0.1 H02)."""

    title = "cancel a reservation"

    reservation_id: int


# --- local authorization list ---------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True)
class GetLocalListVersion(Command):
    """GetLocalListVersion (1.6 §5.10; 2.0.1 D02). The answer's detail has ``version``; 0 is an empty list."""

    idempotent = True
    title = "ask for the version of the local list"


@attrs.frozen(slots=True)
class LocalListEntry:
    """A token of a local list and its verdict; None takes the token off the list (1.6 §7.4)."""

    token: Token
    verdict: TokenVerdict | None = None


@attrs.frozen(slots=True)
class SendLocalList(Command):
    """SendLocalList (1.6 §5.15; 2.0.1 D01): ``full`` replaces the whole list, else these entries change it."""

    title = "send the local list"

    version: int
    entries: tuple[LocalListEntry, ...] = ()
    full: bool = True


# --- smart charging -------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True)
class SetChargingProfile(Command):
    """SetChargingProfile (1.6 §5.16; 2.0.1 K01)."""

    title = "set a charging profile"

    place: Place
    profile: ChargingProfile


@attrs.frozen(slots=True, kw_only=True)
class ClearChargingProfile(Command):
    """ClearChargingProfile (1.6 §5.5; 2.0.1 K10): those that meet every criterion given, or all."""

    title = "clear charging profiles"

    profile_id: int | None = None
    place: Place | None = None
    purpose: str = attrs.field(default="", validator=attrs.validators.in_(("", *PURPOSES)))
    stack_level: int | None = None


@attrs.frozen(slots=True)
class GetCompositeSchedule(Command):
    """GetCompositeSchedule (1.6 §5.7; 2.0.1 K08). Detail: ``evse``, ``start``, ``duration_s``, ``unit``, ``periods`` (``start_s``,
    ``limit``, ``phases``), ``min_rate``."""

    idempotent = True
    title = "ask how much may be drawn in the time to come"

    place: Place
    duration_s: int = attrs.field(validator=attrs.validators.ge(1))
    unit: str = attrs.field(default="", validator=attrs.validators.in_(("", *UNITS)))
