"""``csms local-list``: what chargers know of tokens without asking, and whether it is what they should know."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import click

from csms.core.ids import charger_key
from csms.core.ports import ReadTx
from csms.domain.local_lists import service, store
from csms.domain.local_lists.model import MODES, LocalListsQuery, shown

from . import show
from .options import Invocation, common, examples
from .pages import EVERY
from .server import Server, segment, server_option
from .store import read, write

COLUMNS = ["charger_id", "mode", "state", "version", "heard_version", "left_out", "synchronised_at", "problem"]
SYNCHRONISE_LIMIT_S = 600.0


@click.group()
def local_list() -> None:
    """Local authorization lists.

    A charger that has one can decide about tokens while it is offline. Kept in step automatically where the mode is auto.
    """


@examples("csms local-list list", "csms local-list list --json")
@local_list.command("list")
@common
def list_all(call: Invocation) -> None:
    """List the chargers' lists and how they stand."""

    query = partial(store.lists, query=LocalListsQuery(), limit=EVERY)
    found = [attrs.asdict(each) for each in read(call.config, query)]
    show.rows(call.json, found, COLUMNS, empty="Nothing is known of any list: csms local-list mode CHARGER_ID auto")


@examples("csms local-list show C1")
@local_list.command("show")
@click.argument("charger_id")
@common
def show_one(call: Invocation, charger_id: str) -> None:
    """Show one charger's list: how it stands, and what is on it."""

    def query(tx: ReadTx) -> dict[str, Any]:
        entries = [attrs.asdict(each) for each in store.entries(tx, charger_id).values()]
        return {**attrs.asdict(service.need_detail(tx, charger_id)), "entries": entries}

    found = read(call.config, query)
    if call.json:
        show.as_json(found)
        return
    entries = found.pop("entries")
    show.record(False, found)
    show.rows(False, entries, ["token", "status", "expires_at", "parent"], empty="Nothing is on it, as far as we know.")


@examples("csms local-list mode C1 auto", "csms local-list mode C1 default          as [local_lists] mode says")
@local_list.command()
@click.argument("charger_id")
@click.argument("mode", type=click.Choice([*MODES, "default"]))
@common
def mode(call: Invocation, charger_id: str, mode: str) -> None:
    """Keep a charger's list in step, or leave it alone."""
    chosen = "" if mode == "default" else mode
    state = write(call.config, lambda tx: service.set_mode(tx, charger_id, chosen), keys=(charger_key(charger_id),))
    show.done(call.json, f"The local list of {charger_id} is now {chosen or 'as configured'}", **attrs.asdict(shown(state)))


@examples("csms local-list sync C1", "csms local-list sync C1 --full          everything, whatever the charger has")
@local_list.command()
@click.argument("charger_id")
@click.option("--full", is_flag=True, help="Send the whole list.")
@server_option
@common
def sync(call: Invocation, charger_id: str, full: bool, server: str | None) -> None:
    """Bring a connected charger's list in step now, through the running server."""
    path = f"/api/v1/chargers/{segment(charger_id)}/local-list/synchronise"
    state = Server(call.config, server).call("POST", path, {"full": full}, timeout_s=SYNCHRONISE_LIMIT_S)
    words = f"The local list of {charger_id} is {state['state'].replace('_', ' ')} at version {state['version']}"
    show.done(call.json, f"{words}: {state['problem']}" if state["problem"] else words, **state)
