"""``csms reservation``: connectors that chargers keep free for a token."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import click

from csms.core.ids import Place
from csms.domain.reservations import service, store
from csms.domain.reservations.model import STATES, ReservationItem, ReservationsQuery

from . import show
from .options import Invocation, common, examples
from .places import PlaceParam
from .send import ask, close, words
from .server import server_option
from .store import read
from .when import INSTANT

COLUMNS = ["id", "charger_id", "place", "token", "state", "expires_at", "transaction_id", "answer", "note"]


def plain(known: ReservationItem) -> dict[str, Any]:
    """A reservation for people and scripts."""
    return {**attrs.asdict(known), "place": str(Place(known.evse, known.connector)) if known.evse else "any"}


@click.group()
def reservation() -> None:
    """Connectors that chargers keep free for a token."""


@examples(
    "csms reservation make C1 ABC                         any connector, for half an hour",
    "csms reservation make C1 ABC --connector 2 --until +2h",
    "csms reservation make C1 ABC --until 2026-12-31T18:30Z --json",
)
@reservation.command()
@click.argument("charger_id")
@click.argument("token")
@click.option(
    "--connector",
    type=PlaceParam(whole="any", connector=1),
    metavar="CONNECTOR",
    default="any",
    show_default=True,
    help="Which; not every charger can keep any free.",
)
@click.option("--until", type=INSTANT, default="+30m", show_default=True, help="When it ends: +2h, 2026-12-31T18:30Z.")
@server_option
@common
def make(call: Invocation, charger_id: str, token: str, connector: Place, until: int, server: str | None) -> None:
    """Have a charger keep a connector free for a TOKEN and its group, through the running server.

    Exit code 4 means that the charger said no, 5 that it gave no answer: it is asked again then.
    """
    body = {"charger_id": charger_id, "place": attrs.asdict(connector), "token": {"value": token}, "expires_at": until}
    _ask(call, server, "reservations", body, "ReserveNow")


@examples("csms reservation cancel 5")
@reservation.command()
@click.argument("reservation_id", type=int)
@server_option
@common
def cancel(call: Invocation, reservation_id: int, server: str | None) -> None:
    """Take a reservation back, through the running server.

    Exit code 4 means that the charger knew no such reservation, 5 that it gave no answer: it is told again then.
    """
    _ask(call, server, f"reservations/{reservation_id}/cancel", {}, "CancelReservation")


def _ask(call: Invocation, server: str | None, path: str, body: dict[str, Any], command: str) -> None:
    """Have the server ask the charger; show what became of it, and exit with a code that says the same."""
    answer = ask(call, server, "POST", path, body)
    known = answer["reservation"]
    close(call, answer, f"Reservation {known['id']} is {known['state']}: {words(known['charger_id'], command, answer)}")


@examples("csms reservation list", "csms reservation list --all", "csms reservation list --charger C1 --state used --json")
@reservation.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that ended as well.")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only at this charger.")
@click.option("--token", metavar="TOKEN", help="Only for this token.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@common
def list_some(call: Invocation, everything: bool, state: str | None, charger_id: str | None, token: str | None, limit: int) -> None:
    """List reservations that may stand, the newest first."""
    which = ReservationsQuery(
        state=state, charger_id=charger_id, token=token, open=True if state is None and not everything else None
    )
    found = [plain(each) for each in read(call.config, partial(store.reservations, query=which, limit=limit))]
    none = "No reservation stands" if which == ReservationsQuery(open=True) else "There are no such reservations"
    show.rows(call.json, found, COLUMNS, empty=f"{none}: csms reservation make CHARGER_ID TOKEN")
    if len(found) == limit:
        show.remark(f"the newest {limit}; --limit shows more")


@examples("csms reservation show 5", "csms reservation show 5 --json")
@reservation.command("show")
@click.argument("reservation_id", type=int)
@common
def show_one(call: Invocation, reservation_id: int) -> None:
    """Show everything about one reservation."""
    found = read(call.config, partial(service.need_reservation, reservation_id=reservation_id))
    show.record(call.json, plain(found.public))
