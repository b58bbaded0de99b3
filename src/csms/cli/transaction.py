"""``csms transaction``: what was charged, by whom, where."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import click

from csms.core.errors import NotFound
from csms.core.ports import ReadTx
from csms.domain.transactions.model import STATES, Transaction
from csms.domain.transactions.store import lists, rows

from . import show
from .options import Invocation, common, examples
from .send import send_to
from .server import Server, server_option
from .store import read
from .when import INSTANT

COLUMNS = ["id", "charger_id", "evse", "token", "state", "started_at", "stopped_at", "energy_wh", "stop_reason"]


def plain(transaction: Transaction) -> dict[str, Any]:
    """A transaction for people and scripts; while it runs, the energy so far is ``energy_wh`` of the last meter value."""
    facts = attrs.asdict(transaction)
    if facts["energy_wh"] is None and transaction.last_meter_wh is not None and transaction.meter_start_wh is not None:
        facts["energy_so_far_wh"] = max(0, transaction.last_meter_wh - transaction.meter_start_wh)
    return facts


@click.group()
def transaction() -> None:
    """What was charged, by whom, where."""


@examples(
    "csms transaction list",
    "csms transaction list --open",
    "csms transaction list --charger C1 --since 7d",
    "csms transaction list --state pending_reconciliation --json",
)
@transaction.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--open/--closed", "is_open", default=None, help="Only those that run, or that ended.")
@click.option("--charger", "charger_id", metavar="CHARGER", help="Only at this charger.")
@click.option("--token", metavar="TOKEN", help="Only with this token.")
@click.option("--since", type=INSTANT, metavar="INSTANT", help="Only those that started then or later: 2026-01-31, 24h, 7d.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@common
def list_some(
    call: Invocation,
    state: str | None,
    is_open: bool | None,
    charger_id: str | None,
    token: str | None,
    since: int | None,
    limit: int,
) -> None:
    """List transactions, the newest first."""
    which = lists.Filter(state=state, charger_id=charger_id, token=token, since=since, open=is_open)
    found = [plain(each) for each in read(call.config, partial(lists.page, which=which, limit=limit))]
    if not call.json:
        for each in found:
            each["energy_wh"] = each["energy_wh"] if each["energy_wh"] is not None else each.get("energy_so_far_wh")
    show.rows(call.json, found, COLUMNS, empty="There are no such transactions")
    if len(found) == limit:
        show.remark(f"the newest {limit}; --limit shows more")


def _found(call: Invocation, transaction_id: int) -> Transaction:
    def query(tx: ReadTx) -> Transaction | None:
        return rows.by_id(tx, transaction_id)

    found = read(call.config, query)
    if found is None:
        raise NotFound(f"there is no transaction {transaction_id}")
    return found


@examples("csms transaction show 17", "csms transaction show 17 --json")
@transaction.command("show")
@click.argument("transaction_id", type=int)
@common
def show_one(call: Invocation, transaction_id: int) -> None:
    """Show everything about one transaction."""
    show.record(call.json, plain(_found(call, transaction_id)))


@examples("csms transaction stop 17")
@transaction.command()
@click.argument("transaction_id", type=int)
@server_option
@common
def stop(call: Invocation, transaction_id: int, server: str | None) -> None:
    """Ask the charger to stop a transaction, through the running server.

    It has ended when the charger says so: `csms transaction show` tells. Exit code 4 means that the charger said no, 5 that it gave
    no answer.
    """
    found = _found(call, transaction_id)
    fields = {"transaction_id": transaction_id, "reference": found.reference}
    send_to(call, Server(call.config, server), found.charger_id, "StopCharging", fields)
