"""Charging profiles as the API takes and shows them: instants by their names, one class for what is asked for and what is held."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from attrs import validators

from csms.core.charging import KINDS, PURPOSES, RECURRENCIES, ChargingProfile, ChargingSchedule
from csms.core.errors import Invalid
from csms.core.paging import Paged, filter_by, one_of, sorts

from .model import LARGEST, LARGEST_EVSE, STATES, Assignment, Held, Template

LONGEST_NAME, LONGEST_DESCRIPTION = 100, 1000
MOST_PERIODS = 1000


@attrs.frozen(slots=True, kw_only=True)
class ProfileContent:
    """A charging profile (1.6 §7.8; 2.0.1 K01) without its number. Of those with one purpose the highest ``stack_level`` wins.

    What is ``Recurring`` recurs ``Daily`` or ``Weekly``; the schedule of what is ``Relative`` begins with charging and has no
    ``start_at``. Limits are amperes per phase (``A``) or watts in total (``W``), with one decimal place at most.
    """

    purpose: str = attrs.field(validator=validators.in_(PURPOSES))
    kind: str = attrs.field(validator=validators.in_(KINDS))
    schedule: ChargingSchedule
    stack_level: int = attrs.field(default=0, validator=[validators.ge(0), validators.le(LARGEST)])
    recurrency: str = attrs.field(default="", validator=validators.in_(RECURRENCIES))
    valid_from_at: int | None = None
    valid_to_at: int | None = None

    @property
    def profile(self) -> ChargingProfile:
        """As a template has it, of number 0. Raises ``Invalid`` for more periods than anybody needs."""
        if len(self.schedule.periods) > MOST_PERIODS:
            raise Invalid(f"a schedule has at most {MOST_PERIODS} periods", field="profile.schedule.periods")
        return ChargingProfile(
            id=0,
            purpose=self.purpose,
            kind=self.kind,
            schedule=self.schedule,
            stack_level=self.stack_level,
            recurrency=self.recurrency,
            valid_from_at=self.valid_from_at,
            valid_to_at=self.valid_to_at,
        )


def content_of(profile: ChargingProfile) -> ProfileContent:
    """A profile without what names it at one charger."""
    return ProfileContent(
        purpose=profile.purpose,
        kind=profile.kind,
        schedule=profile.schedule,
        stack_level=profile.stack_level,
        recurrency=profile.recurrency,
        valid_from_at=profile.valid_from_at,
        valid_to_at=profile.valid_to_at,
    )


# --- templates ------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class ProfileTemplate:
    """A charging profile with a name, and how often it is assigned."""

    id: int
    name: str
    description: str
    profile: ProfileContent
    assignments: int
    created_at: int
    changed_at: int


def shown(template: Template) -> ProfileTemplate:
    """A template as people see it."""
    return ProfileTemplate(
        id=template.id,
        name=template.name,
        description=template.description,
        profile=content_of(template.profile),
        assignments=template.assignments,
        created_at=template.created_at,
        changed_at=template.changed_at,
    )


@attrs.frozen(slots=True, kw_only=True)
class ProfilesQuery(Paged):
    """Which charging profiles somebody wants."""

    sort: str = sorts("name", "created_at", "changed_at", default="name")
    assigned: bool | None = filter_by("whether it is assigned anywhere")


@attrs.frozen(slots=True, kw_only=True)
class NewProfile:
    """A charging profile under a name."""

    name: str = attrs.field(validator=validators.max_len(LONGEST_NAME))
    description: str = attrs.field(default="", validator=validators.max_len(LONGEST_DESCRIPTION))
    profile: ProfileContent


@attrs.frozen(slots=True, kw_only=True)
class ProfileChange:
    """What is to change of a charging profile; what is not given stays."""

    description: str | None = attrs.field(default=None, validator=validators.optional(validators.max_len(LONGEST_DESCRIPTION)))
    profile: ProfileContent | None = None


# --- where they are wanted ------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class ProfileAssignment:
    """A charging profile that is wanted at a charger, at a station's chargers, or at all chargers of a model."""

    id: int
    template_id: int
    template: str
    charger_id: str | None
    station_id: int | None
    model: str | None
    evse: int
    again_at_boot: bool
    created_at: int


def assignment_shown(known: Assignment) -> ProfileAssignment:
    """An assignment as people see it."""
    return ProfileAssignment(
        id=known.id,
        template_id=known.template_id,
        template=known.template,
        charger_id=known.target.charger_id,
        station_id=known.target.station_id,
        model=known.target.model,
        evse=known.evse,
        again_at_boot=known.again_at_boot,
        created_at=known.created_at,
    )


@attrs.frozen(slots=True, kw_only=True)
class AssignmentsQuery(Paged):
    """Which assignments somebody wants."""

    sort: str = sorts("created_at", "template", default="created_at")
    template_id: int | None = filter_by("of this charging profile")
    charger_id: str | None = filter_by("to this charger itself")
    station_id: int | None = filter_by("to this station")
    model: str | None = filter_by("to this model")


@attrs.frozen(slots=True, kw_only=True)
class NewAssignment:
    """Where a charging profile is wanted: exactly one of a charger, a station's chargers, or all chargers of a model.

    ``evse`` 0 is the whole charger, or any EVSE for a TxProfile. ``again_at_boot``: these chargers are known to forget profiles when they
    boot.
    """

    charger_id: str | None = None
    station_id: int | None = None
    model: str | None = attrs.field(
        default=None, validator=validators.optional(validators.and_(validators.min_len(1), validators.max_len(255)))
    )
    evse: int = attrs.field(default=0, validator=[validators.ge(0), validators.le(LARGEST_EVSE)])
    again_at_boot: bool = False


# --- what chargers hold ---------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class HeldProfile:
    """A charging profile and how it stands with one charger.

    ``profile_id`` is its number there. ``said`` is the charger's word on it, or why it is not there; ``leaving``: it shall go.
    ``assigned``: it is there because of an assignment. ``try_at`` is when bringing that about is tried again.
    """

    id: int
    charger_id: str
    evse: int
    profile_id: int
    template: str
    purpose: str
    stack_level: int
    transaction_id: int | None
    state: str
    said: str
    leaving: bool
    assigned: bool
    sent_at: int | None
    answered_at: int | None
    try_at: int | None
    created_at: int
    profile: ProfileContent


def held_shown(held: Held) -> HeldProfile:
    """What a charger holds as people see it: what was sent, else what is wanted."""
    return HeldProfile(
        id=held.id,
        charger_id=held.charger_id,
        evse=held.evse,
        profile_id=held.profile.id,
        template=held.template,
        purpose=held.profile.purpose,
        stack_level=held.profile.stack_level,
        transaction_id=held.transaction_id,
        state=held.state,
        said=held.status,
        leaving=held.leaving,
        assigned=held.assignment_id is not None,
        sent_at=held.sent_at,
        answered_at=held.answered_at,
        try_at=held.try_at,
        created_at=held.created_at,
        profile=content_of(held.effective),
    )


@attrs.frozen(slots=True, kw_only=True)
class HeldQuery(Paged):
    """Which of the profiles that chargers hold, or shall, somebody wants."""

    sort: str = sorts("created_at", "charger_id", "stack_level", default="created_at")
    state: str | None = one_of(*STATES, help="how it stands")
    purpose: str | None = one_of(*PURPOSES, help="what it is for")
    history: bool = attrs.field(default=False, metadata={"help": "also what is not held any more"})


@attrs.frozen(slots=True, kw_only=True)
class HeldAnywhereQuery(HeldQuery):
    """Which of the profiles that chargers hold, or shall, somebody wants, of all chargers."""

    charger_id: str | None = filter_by("at this charger")
    station_id: int | None = filter_by("at a charger of this station")
    template_id: int | None = filter_by("sent of this charging profile")
    transaction_id: int | None = filter_by("for this transaction")


@attrs.frozen(slots=True, kw_only=True)
class ChargerLimits:
    """What a charger can hold, as far as it said (1.6 §9.4); ``read_at`` null: it was not asked yet."""

    max_stack_level: int | None
    units: Sequence[str]
    max_periods: int | None
    max_installed: int | None
    read_at: int | None
