"""``csms reset``: chargers that are to restart, and whether they did."""

from __future__ import annotations

from functools import partial

import attrs
import click

from csms.domain.upkeep.model.resets import IMMEDIATELY, RESET_STATES, WHEN_IDLE, ResetsQuery
from csms.domain.upkeep.store import resets as store

from . import show
from .options import Invocation, common, examples
from .send import ask, close, words
from .server import segment, server_option
from .store import read

COLUMNS = ["id", "charger_id", "kind", "state", "answer", "asked_at", "booted_at", "note"]


@click.group()
def reset() -> None:
    """Have chargers restart, and see whether they did."""


@examples(
    "csms reset send C1                  gently: transactions end first",
    "csms reset send C1 --hard           at once; refused while somebody is charging",
    "csms reset send C1 --hard --force",
)
@reset.command()
@click.argument("charger_id")
@click.option("--hard", is_flag=True, help="At once, whatever it is doing.")
@click.option("--evse", type=click.IntRange(1, 999), help="Only this EVSE (OCPP 2.x).")
@click.option("--force", is_flag=True, help="Also while transactions run there.")
@server_option
@common
def send(call: Invocation, charger_id: str, hard: bool, evse: int | None, force: bool, server: str | None) -> None:
    """Reset a connected charger, through the running server. It is done when the charger boots: `csms reset list`."""
    asked = {"when": IMMEDIATELY if hard else WHEN_IDLE, "evse": evse, "force": force}
    answer = ask(call, server, "POST", f"chargers/{segment(charger_id)}/resets", asked)
    close(call, answer, f"Reset {answer['reset']['id']}: {words(charger_id, 'Reset', answer)}")


@examples("csms reset list", "csms reset list --charger C1", "csms reset list --state failed --json")
@reset.command("list")
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only this charger's.")
@click.option("--state", type=click.Choice(RESET_STATES), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@common
def list_some(call: Invocation, charger_id: str | None, state: str | None, limit: int) -> None:
    """List resets and what became of them, the newest first."""
    query = partial(store.list_resets, query=ResetsQuery(charger_id=charger_id, state=state), limit=limit)
    found = [attrs.asdict(each) for each in read(call.config, query)]
    show.rows(call.json, found, COLUMNS, empty="No charger was reset: csms reset send CHARGER_ID")
