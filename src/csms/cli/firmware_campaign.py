"""``csms firmware campaign``: one image to many chargers, wave by wave."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import click

from csms.core.ports import ReadTx, Tx
from csms.domain.upkeep.model import Campaign, CampaignWish, campaign_key, image_key
from csms.domain.upkeep.model.campaigns import CAREFUL_PERCENT, MEMBER_STATES, CampaignsQuery, MembersQuery
from csms.domain.upkeep.service import campaigns as service
from csms.domain.upkeep.store import campaigns as store

from . import show
from .options import Invocation, common, examples
from .pages import EVERY
from .station import station_id
from .store import TENANT, read, write
from .when import INSTANT

COLUMNS = ["id", "name", "image_id", "state", "wave", "waves", "chargers", *MEMBER_STATES, "starts_at", "ends_at", "note"]
MEMBER_COLUMNS = ["charger_id", "wave", "state", "update_state", "status", "tries", "note", "changed_at"]

_WINDOW = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


class Window(click.ParamType[tuple[int, int]]):
    """``22:00-06:00``: the minutes of the day in between."""

    name = "window"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Minutes of the day."""
        if isinstance(value, tuple):
            return value
        found = _WINDOW.fullmatch(str(value).strip())
        if found is None or not all(int(found[n]) < 24 for n in (1, 3)) or not all(int(found[n]) < 60 for n in (2, 4)):
            self.fail(f"{value!r} is no part of a day: write 22:00-06:00", param, ctx)
        return int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])


class Wave(click.ParamType[tuple[int | None, int | None]]):
    """``10`` chargers, or ``25%`` of them."""

    name = "wave"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int | None, int | None]:
        """A number and None, or None and a percentage."""
        if isinstance(value, tuple):
            return value
        text = str(value).strip()
        number = text.removesuffix("%")
        if not (number.isascii() and number.isdigit()) or int(number) < 1 or (text.endswith("%") and int(number) > 100):
            self.fail(f"{value!r} is no size of a wave: write 10, or 25%", param, ctx)
        return (None, int(number)) if text.endswith("%") else (int(number), None)


@click.group()
def campaign() -> None:
    """One image to many chargers, wave by wave.

    The running server does the work; a campaign goes on where it was after a restart.
    """


@examples(
    "csms firmware campaign start 3                                   every charger that image 3 is for",
    "csms firmware campaign start 3 --wave 25% --window 22:00-05:00",
    "csms firmware campaign start 3 --charger C1 --charger C2 --wave 1 --max-failures 0",
    "csms firmware campaign start 3 --station 'North campus' --at 2027-01-01T01:00Z --until 2027-01-08",
)
@campaign.command()
@click.argument("image_id", type=int)
@click.option("--name", default="", help="What people call it.")
@click.option("--charger", "charger_ids", multiple=True, metavar="CHARGER_ID", help="This charger (repeat for more).")
@click.option("--station", metavar="STATION", help="The chargers of a station, by name or id.")
@click.option("--wave", type=Wave(), metavar="N|P%", help="Chargers of a wave, or percent of all [default: one wave].")
@click.option("--at", "starts_at", type=INSTANT, metavar="INSTANT", help="Not before [default: now].")
@click.option(
    "--until",
    "ends_at",
    type=INSTANT,
    metavar="INSTANT",
    help="Chargers whose turn has not come then are left out [default: 30 days].",
)
@click.option(
    "--window", type=Window(), metavar="HH:MM-HH:MM", help="Begin updates only in this part of the day, in the tenant's time zone."
)
@click.option("--max-failures", type=click.IntRange(0), help="Abort when more chargers failed.")
@click.option(
    "--max-failures-percent",
    type=click.IntRange(0, 100),
    help=f"Abort when more percent failed of those whose wave has begun [default: {CAREFUL_PERCENT}, without --max-failures].",
)
@click.option("--charging/--not-charging", "also_charging", default=False, help="Also chargers that are charging [default: not].")
@click.option("--unsigned", is_flag=True, help="Send a signed image without its signature.")
@click.option("--force", is_flag=True, help="Also named chargers that the image is not for.")
@click.option("--retries", type=click.IntRange(0, 1000), help="How often a charger may try to fetch it again.")
@click.option("--retry-interval", "retry_interval_s", type=click.IntRange(0, 86_400), metavar="SECONDS", help="Wait between tries.")
@common
def start(
    call: Invocation,
    image_id: int,
    station: str | None,
    wave: tuple[int | None, int | None] | None,
    window: tuple[int, int] | None,
    also_charging: bool,
    unsigned: bool,
    charger_ids: tuple[str, ...],
    max_failures: int | None,
    max_failures_percent: int | None,
    **more: Any,
) -> None:
    """Start a campaign with an image."""
    size, percent = wave or (None, None)
    begins, ends = window or (None, None)
    wish = CampaignWish(
        image_id=image_id,
        charger_ids=charger_ids,
        station_id=station_id(call.config, station) if station else None,
        wave_size=size,
        wave_percent=percent,
        window_from_min=begins,
        window_until_min=ends,
        max_failures=max_failures,
        max_failures_percent=max_failures_percent,
        skip_charging=not also_charging,
        signed=not unsigned,
        **more,
    )

    def verb(tx: Tx) -> dict[str, Any]:
        return attrs.asdict(service.need_progress(tx, service.start(tx, wish.careful).id))

    begun = write(call.config, verb, keys=(image_key(TENANT),))
    said = f"Firmware campaign {begun['id']} is {begun['state']}: chargers {begun['chargers']}, waves {begun['waves']}"
    show.done(call.json, said, **begun)


@examples("csms firmware campaign list", "csms firmware campaign list --open")
@campaign.command("list")
@click.option("--open/--closed", "is_open", default=None, help="Only those that go on, or that are over.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@common
def list_some(call: Invocation, is_open: bool | None, limit: int) -> None:
    """List campaigns, the newest first."""

    query = partial(store.list_campaigns, query=CampaignsQuery(open=is_open), limit=limit)
    show.rows(call.json, [attrs.asdict(each) for each in read(call.config, query)], COLUMNS, empty="There are no such campaigns")


@examples("csms firmware campaign show 1", "csms firmware campaign show 1 --state failed")
@campaign.command("show")
@click.argument("campaign_id", type=int)
@click.option("--state", type=click.Choice(MEMBER_STATES), help="Only chargers in this state.")
@common
def show_one(call: Invocation, campaign_id: int, state: str | None) -> None:
    """Show a campaign and each of its chargers."""

    def query(tx: ReadTx) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        facts = attrs.asdict(service.need_progress(tx, campaign_id))
        members = store.list_members(tx, campaign_id, MembersQuery(state=state), EVERY)
        return facts, [attrs.asdict(each) for each in members]

    facts, members = read(call.config, query)
    if call.json:
        show.as_json(facts | {"members": members})
        return
    show.record(False, facts)
    click.echo("\nChargers")
    show.rows(False, members, MEMBER_COLUMNS, empty="There are no such chargers in it")


def _turn(call: Invocation, campaign_id: int, verb: Callable[..., Campaign], done: str) -> None:
    changed = write(call.config, partial(verb, campaign_id=campaign_id), keys=(campaign_key(TENANT, campaign_id),))
    show.done(call.json, f"{done} firmware campaign {campaign_id}", **attrs.asdict(changed))


@examples("csms firmware campaign pause 1")
@campaign.command()
@click.argument("campaign_id", type=int)
@common
def pause(call: Invocation, campaign_id: int) -> None:
    """Begin no more updates until `resume`; those under way go on."""
    _turn(call, campaign_id, service.pause, "Paused")


@examples("csms firmware campaign resume 1")
@campaign.command()
@click.argument("campaign_id", type=int)
@common
def resume(call: Invocation, campaign_id: int) -> None:
    """Go on with a paused campaign."""
    _turn(call, campaign_id, service.resume, "Resumed")


@examples("csms firmware campaign abort 1")
@campaign.command()
@click.argument("campaign_id", type=int)
@common
def abort(call: Invocation, campaign_id: int) -> None:
    """Begin no more updates at all; those under way go on."""
    _turn(call, campaign_id, service.abort, "Aborted")
