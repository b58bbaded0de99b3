"""Firmware campaigns: one image to many chargers, wave by wave."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

import attrs
from attrs.validators import ge, le, max_len, optional

from csms.core.events import Event, event
from csms.core.paging import Paged, filter_by, one_of, sorts
from csms.core.units import to_datetime

SCHEDULED, RUNNING, PAUSED, DONE, ABORTED = "scheduled", "running", "paused", "done", "aborted"
CAMPAIGN_STATES = (SCHEDULED, RUNNING, PAUSED, DONE, ABORTED)

WAITING, UPDATING, SKIPPED = "waiting", "updating", "skipped"
MEMBER_DONE, MEMBER_FAILED = "done", "failed"
MEMBER_STATES = (WAITING, UPDATING, MEMBER_DONE, MEMBER_FAILED, SKIPPED)

MOST_CHARGERS = 100_000
DAY_MIN = 24 * 60
LONGEST_NAME = 200
CAREFUL_PERCENT = 20
"""More failures than that end a campaign of which nobody said how many may fail."""


def campaign_key(tenant: int, campaign_id: int) -> str:
    """The write key of a campaign and its chargers."""
    return f"firmware-campaign:{tenant}:{campaign_id}"


@attrs.frozen(slots=True, kw_only=True)
class CampaignWish:
    """What a campaign is to be. Chargers are those named; else those of the station; else all that the image fits.

    Waves have ``wave_size`` chargers or ``wave_percent`` of them; with neither there is one wave. The window is in minutes of the
    tenant's day and may go over midnight. It is aborted when more than ``max_failures`` chargers failed, or more than
    ``max_failures_percent`` of those whose wave has begun. ``force`` takes chargers that the image is not for.
    """

    name: str = attrs.field(default="", validator=max_len(LONGEST_NAME))
    image_id: int
    charger_ids: tuple[str, ...] = attrs.field(default=(), validator=max_len(MOST_CHARGERS))
    station_id: int | None = None
    wave_size: int | None = attrs.field(default=None, validator=optional(ge(1)))
    wave_percent: int | None = attrs.field(default=None, validator=optional((ge(1), le(100))))
    starts_at: int | None = None
    ends_at: int | None = None
    window_from_min: int | None = attrs.field(default=None, validator=optional((ge(0), le(DAY_MIN - 1))))
    window_until_min: int | None = attrs.field(default=None, validator=optional((ge(0), le(DAY_MIN - 1))))
    max_failures: int | None = attrs.field(default=None, validator=optional(ge(0)))
    max_failures_percent: int | None = attrs.field(default=None, validator=optional((ge(0), le(100))))
    skip_charging: bool = True
    signed: bool = True
    force: bool = False
    retries: int | None = attrs.field(default=None, validator=optional((ge(0), le(1000))))
    retry_interval_s: int | None = attrs.field(default=None, validator=optional((ge(0), le(86_400))))

    @property
    def careful(self) -> CampaignWish:
        """The same, with a limit of failures if it has none."""
        if self.max_failures is None and self.max_failures_percent is None:
            return attrs.evolve(self, max_failures_percent=CAREFUL_PERCENT)
        return self


@attrs.frozen(slots=True, kw_only=True)
class Campaign:
    """A campaign as it stands. Field names are column names (migration 0011)."""

    id: int = 0
    name: str
    image_id: int
    state: str = SCHEDULED
    wave: int = 1
    waves: int = 1
    chargers: int = 0
    starts_at: int
    ends_at: int
    window_from_min: int | None = None
    window_until_min: int | None = None
    max_failures: int | None = None
    max_failures_percent: int | None = None
    skip_charging: bool = attrs.field(default=True, converter=bool)
    signed: bool = attrs.field(default=True, converter=bool)
    retries: int | None = None
    retry_interval_s: int | None = None
    note: str = ""
    created_at: int = 0
    updated_at: int = 0
    closed_at: int | None = None

    @property
    def open(self) -> bool:
        """Whether there is anything left of it to do."""
        return self.state in (SCHEDULED, RUNNING, PAUSED)

    def may_begin(self, now: int, time_zone: str) -> bool:
        """Whether the window is open in which updates begin."""
        if self.window_from_min is None or self.window_until_min is None:
            return True
        local: datetime = to_datetime(now).astimezone(ZoneInfo(time_zone))
        minute = local.hour * 60 + local.minute
        if self.window_from_min <= self.window_until_min:
            return self.window_from_min <= minute < self.window_until_min
        return minute >= self.window_from_min or minute < self.window_until_min

    def too_many(self, failed: int, begun: int) -> bool:
        """Whether so many failures of so many chargers are too many."""
        return (self.max_failures is not None and failed > self.max_failures) or (
            self.max_failures_percent is not None and failed * 100 > self.max_failures_percent * begun
        )


@attrs.frozen(slots=True, kw_only=True)
class Member:
    """A charger of a campaign and how far it is; ``update_state`` and ``status`` are its latest update's."""

    campaign_id: int
    charger_id: str
    wave: int
    state: str = WAITING
    tries: int = 0
    update_id: int | None = None
    next_at: int = 0
    note: str = ""
    changed_at: int = 0
    update_state: str = ""
    status: str = ""


@attrs.frozen(slots=True, kw_only=True)
class CampaignProgress(Campaign):
    """A campaign, and how many of its chargers are how far."""

    waiting: int = 0
    updating: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0


@attrs.frozen(slots=True, kw_only=True)
class CampaignsQuery(Paged):
    """Which campaigns somebody wants."""

    sort: str = sorts("created_at", "starts_at", "name", default="-created_at")
    state: str | None = one_of(*CAMPAIGN_STATES, help="exactly this state")
    open: bool | None = filter_by("true: it goes on; false: over")
    image_id: int | None = filter_by("with this image")


@attrs.frozen(slots=True, kw_only=True)
class MembersQuery(Paged):
    """Which chargers of a campaign somebody wants."""

    sort: str = sorts("wave", "charger_id", "changed_at", default="wave")
    state: str | None = one_of(*MEMBER_STATES, help="how far it is")
    wave: int | None = filter_by("of this wave")


@event
@attrs.frozen(slots=True, kw_only=True)
class FirmwareCampaignAborted(Event):
    """A campaign was aborted: by an operator, or because too many of its chargers failed. Updates under way go on."""

    type: ClassVar[str] = "firmware_campaign_aborted"

    campaign_id: int
    tenant: int
    name: str
    reason: str
    failed: int
    chargers: int

    @property
    def key(self) -> str:
        """The campaign's write key."""
        return campaign_key(self.tenant, self.campaign_id)
