"""``csms availability``: places taken out of service, put back, and maintenance planned."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import click

from csms.core.ids import WHOLE_CHARGER, Place, charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.stations import service as stations
from csms.domain.upkeep.model.availability import AvailabilityQuery, PlaceAvailability, Window, WindowsQuery
from csms.domain.upkeep.service import maintenance
from csms.domain.upkeep.store import availability as store

from . import show
from .options import Invocation, common, examples
from .pages import EVERY
from .places import PlaceParam
from .send import ask, close, words
from .server import segment, server_option
from .store import read, write
from .when import INSTANT

COLUMNS = ["charger_id", "place", "operative", "state", "answer", "reason", "set_by", "since_at"]
WINDOW_COLUMNS = ["id", "charger_id", "place", "state", "from_at", "until_at", "reason", "set_by"]
WHERE = PlaceParam(whole="0", connector=0)
STATES = {"operative": True, "inoperative": False, "on": True, "off": False}


def spoken(place: Place) -> str:
    """A place for people."""
    if place.is_whole_charger:
        return "all"
    return str(place) if place.connector else str(place.evse)


def plain(known: PlaceAvailability | Window) -> dict[str, Any]:
    """For people and scripts."""
    return {**attrs.asdict(known), "place": spoken(Place(known.evse, known.connector))}


@click.group()
def availability() -> None:
    """Chargers and connectors out of service, and back.

    What is set here is remembered and holds: a charger that is not connected is told when it comes back, one that forgets, as after a
    reboot, is told again. Maintenance takes a place out of service for a time.
    """


@examples(
    "csms availability set C1 off --reason 'broken display'          the whole charger",
    "csms availability set C1 off 2                                  its connector 2",
    "csms availability set C1 on 2",
)
@availability.command("set")
@click.argument("charger_id")
@click.argument("state", type=click.Choice(list(STATES)))
@click.argument("place", type=WHERE, default="0", required=False)
@click.option("--reason", default="", help="Why, for those who ask later.")
@click.option("--by", "set_by", default="operator", show_default=True, help="Who says so.")
@server_option
@common
def change(call: Invocation, charger_id: str, state: str, place: Place, reason: str, set_by: str, server: str | None) -> None:
    """Take a place out of service (off) or put it back (on), through the running server.

    Exit code 4 means that the charger said no, 5 that it gave no answer or is not connected: it is told again then.
    """
    asked = {"place": attrs.asdict(place), "operative": STATES[state], "reason": reason, "set_by": set_by}
    answer = ask(call, server, "POST", f"chargers/{segment(charger_id)}/availability", asked)
    known = answer["availability"]
    later = {"pending": "; it will be told", "uncertain": "; it will be told again", "scheduled": " for after the transaction"}
    close(call, answer, words(charger_id, "ChangeAvailability", answer) + later.get(known["state"], ""))


@examples("csms availability list", "csms availability list --charger C1", "csms availability list --off --json")
@availability.command("list")
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only this charger's.")
@click.option("--off", "only_off", is_flag=True, help="Only what should be out of service.")
@common
def list_some(call: Invocation, charger_id: str | None, only_off: bool) -> None:
    """List places that somebody took out of service or put back, and what their chargers made of it."""

    which = AvailabilityQuery(charger_id=charger_id, operative=False if only_off else None)

    def query(tx: ReadTx) -> list[PlaceAvailability]:
        if charger_id is not None:
            stations.need_charger(tx, charger_id)
        return store.list_places(tx, which, EVERY)

    found = [plain(each) for each in read(call.config, query)]
    show.rows(call.json, found, COLUMNS, empty="Nobody took anything out of service")


@examples(
    "csms availability plan C1 --from 2027-01-01T22:00Z --until 2027-01-02T04:00Z --reason 'new cables'",
    "csms availability plan C1 2 --until +2h                         connector 2, from now on",
)
@availability.command()
@click.argument("charger_id")
@click.argument("place", type=WHERE, default="0", required=False)
@click.option("--from", "from_at", type=INSTANT, default="now", show_default=True, metavar="INSTANT", help="When it begins.")
@click.option("--until", "until_at", type=INSTANT, required=True, metavar="INSTANT", help="When it ends: +2h, 2027-01-01T18:30Z.")
@click.option("--reason", default="", help="Why.")
@click.option("--by", "set_by", default="operator", show_default=True, help="Who says so.")
@common
def plan(call: Invocation, charger_id: str, place: Place, from_at: int, until_at: int, reason: str, set_by: str) -> None:
    """Plan maintenance: the server takes the place out of service, and puts it back."""
    verb = partial(
        maintenance.plan, charger_id=charger_id, place=place, from_at=from_at, until_at=until_at, reason=reason, set_by=set_by
    )
    known = write(call.config, verb, keys=(charger_key(charger_id),))
    where = charger_id if place == WHOLE_CHARGER else f"{charger_id} {spoken(place)}"
    times = f"from {show.instant(from_at)} until {show.instant(until_at)}"
    show.done(call.json, f"Maintenance {known.id} of {where} {times}", **plain(known))


@examples("csms availability windows", "csms availability windows --all --charger C1")
@availability.command()
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only this charger's.")
@click.option("--all", "everything", is_flag=True, help="Those that are past as well.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@common
def windows(call: Invocation, charger_id: str | None, everything: bool, limit: int) -> None:
    """List planned and running maintenance, the newest first."""
    which = WindowsQuery(charger_id=charger_id, open=None if everything else True)
    query = partial(store.list_windows, query=which, limit=limit)
    found = [plain(each) for each in read(call.config, query)]
    show.rows(
        call.json, found, WINDOW_COLUMNS, empty="No maintenance is planned: csms availability plan CHARGER_ID --until INSTANT"
    )


@examples("csms availability cancel 3")
@availability.command()
@click.argument("window_id", type=int)
@common
def cancel(call: Invocation, window_id: int) -> None:
    """Call maintenance off, or end it now: then the server puts the place back in service."""

    def verb(tx: Tx) -> Window:
        return maintenance.cancel(tx, window_id)

    known = write(call.config, verb)
    show.done(call.json, f"Cancelled maintenance {window_id} of {known.charger_id}", **plain(known))
