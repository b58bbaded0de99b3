"""Nouns and events of the profiles slice: templates, assignments, what a charger holds and can hold, and who charges there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import attrs

from csms.core.charging import ChargingProfile
from csms.core.events import ChargerEvent, event
from csms.core.ids import Place
from csms.core.ports import ReadTx

WANTED = "wanted"
"""It shall be at the charger and is, as far as we know, not there yet."""
INSTALLED = "installed"
REFUSED = "refused"
"""It is not at the charger: ``status`` is the charger's word, or why it was not sent."""
UNCERTAIN = "uncertain"
"""It was sent, and we do not know what became of it."""
CLEARED = "cleared"
"""It is no longer at the charger; ``status`` says why."""
STATES = (WANTED, INSTALLED, REFUSED, UNCERTAIN, CLEARED)

REPLACED, TRANSACTION_ENDED, EXPIRED, UNWANTED, CHARGER_REMOVED = (
    "Replaced",
    "TransactionEnded",
    "Expired",
    "Unwanted",
    "ChargerRemoved",
)
"""Why something is cleared, besides the charger's own ``Accepted`` or ``Unknown``."""

LARGEST = 2**31 - 1
"""The largest integer that OCPP's JSON schemas and every charger can be trusted with."""
LARGEST_EVSE = 999


def template_key(tenant: int, name: str) -> str:
    """The write key of one template; names compare case-insensitively."""
    return f"profile-template:{tenant}:{name.casefold()}"


def mark_key(tenant: int) -> str:
    """The write key of the tenant's counter of changes (see ``store.bump``)."""
    return f"profile-mark:{tenant}"


@attrs.frozen(slots=True, kw_only=True)
class Template:
    """A charging profile with a name, which can be sent to any charger. Its ``profile`` has id 0 and no transaction."""

    id: int
    name: str
    description: str
    profile: ChargingProfile
    created_at: int
    changed_at: int
    assignments: int = 0


@attrs.frozen(slots=True, kw_only=True)
class Target:
    """Where a template is wanted: exactly one of a charger, a station's chargers, or all chargers of a model."""

    charger_id: str | None = None
    station_id: int | None = None
    model: str | None = None

    @property
    def rank(self) -> int:
        """The nearer word wins where two templates claim one slot: a charger's own, its station's, its model's."""
        return 0 if self.charger_id is not None else 1 if self.station_id is not None else 2

    def __str__(self) -> str:
        if self.charger_id is not None:
            return f"charger {self.charger_id}"
        return f"station {self.station_id}" if self.station_id is not None else f"model {self.model}"


@attrs.frozen(slots=True, kw_only=True)
class Assignment:
    """A template that is wanted somewhere, at one EVSE or (0) the whole charger.

    A TxProfile goes to every transaction there (``evse`` 0: at any EVSE); all others stay installed. ``again_at_boot``: the
    chargers are known to forget what 1.6 (errata 3.37) has them keep, so it is sent again after every boot.
    """

    id: int
    template_id: int
    template: str
    profile: ChargingProfile
    target: Target
    evse: int
    again_at_boot: bool
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class Held:
    """A charging profile and how it stands with one charger.

    ``profile`` is what is wanted there and ``sent`` what was sent last, its limits in a unit that the charger knows. ``leaving``:
    it shall go. ``try_at`` is when we try (again) to bring that about by ourselves; None is never. ``sent_no`` numbers what was
    sent to the charger; ``clearing_at`` is when it was asked to clear it, while its answer is not known.
    """

    id: int
    charger_id: str
    evse: int
    profile: ChargingProfile
    sent: ChargingProfile | None
    template_id: int | None
    assignment_id: int | None
    transaction_id: int | None
    state: str
    status: str
    leaving: bool
    attempts: int
    try_at: int | None
    sent_no: int
    sent_at: int | None
    answered_at: int | None
    clearing_at: int | None
    created_at: int
    template: str = ""

    @property
    def place(self) -> Place:
        """Where it is for."""
        return Place(self.evse, min(self.evse, 1))

    @property
    def effective(self) -> ChargingProfile:
        """What the charger holds if it holds it: what was sent, else what is wanted."""
        return self.sent or self.profile

    @property
    def slot(self) -> tuple[str, int, int]:
        """A charger holds one profile of a purpose and stack level at a place (1.6 §3.13.2)."""
        return self.profile.purpose, self.profile.stack_level, self.evse


@attrs.frozen(slots=True, kw_only=True)
class Limits:
    """What a charger can hold (1.6 §9.4); None, or no units, where it did not say. ``read_at`` None: it was not asked yet."""

    max_stack_level: int | None = None
    units: frozenset[str] = frozenset()
    max_periods: int | None = None
    max_installed: int | None = None
    read_at: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class Charge:
    """A transaction that goes on, as far as its profiles need to know. ``reference`` is the charger's own id (2.x)."""

    transaction_id: int
    evse: int
    started_at: int
    reference: str = ""


Charges = Callable[[ReadTx, str], Sequence[Charge]]
"""The transactions that go on at a charger; the slice above knows, and tells through this."""


@attrs.frozen(slots=True, kw_only=True)
class Rules:
    """What verbs and flows of this slice need to know beyond the store."""

    charges: Charges
    voltage_v: int = 230


# --- events ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class AboutProfile(ChargerEvent):
    """What every event about a charging profile says. ``template`` is ``""`` for one that has no name."""

    evse: int
    profile_id: int
    purpose: str
    stack_level: int
    transaction_id: int | None
    template: str


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargingProfileInstalled(AboutProfile):
    """A charger accepted a charging profile (1.6 §5.16), by itself or with a remote start."""

    type: ClassVar[str] = "charging_profile_installed"


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargingProfileRefused(AboutProfile):
    """A charger did not take a charging profile, or could not have: ``status`` is its word, or what forbids it."""

    type: ClassVar[str] = "charging_profile_refused"

    status: str


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargingProfileCleared(AboutProfile):
    """A charger no longer holds a charging profile. ``reason``: it was cleared (``Accepted``), was not there (``Unknown``), or
    ``Replaced``, ``TransactionEnded``, ``Expired``, ``ChargerRemoved``."""

    type: ClassVar[str] = "charging_profile_cleared"

    reason: str


def about(held: Held) -> dict[str, object]:
    """The fields that every event about a profile has."""
    return {
        "charger_id": held.charger_id,
        "evse": held.evse,
        "profile_id": held.profile.id,
        "purpose": held.profile.purpose,
        "stack_level": held.profile.stack_level,
        "transaction_id": held.transaction_id,
        "template": held.template,
    }
