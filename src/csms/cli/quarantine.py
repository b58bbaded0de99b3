"""``csms transaction quarantine``: transaction messages that fitted nothing, and what to make of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import click
import msgspec

from csms.core.ids import charger_key
from csms.core.ports import ReadTx
from csms.domain.transactions import service
from csms.domain.transactions.model import Quarantined

from . import show
from .options import Invocation, common, examples
from .pages import every
from .store import read, write

COLUMNS = ["id", "charger_id", "kind", "heard_transaction", "problem", "last_received_at", "times", "transaction_id", "note"]
CANDIDATE_COLUMNS = ["id", "evse", "token", "state", "started_at", "meter_start_wh", "last_meter_wh", "stop_source"]


@click.group()
def quarantine() -> None:
    """Messages that fitted no transaction.

    Chargers are answered as if all were well, or they would send them for ever; what they said is kept here. A stop whose start comes
    later finds its transaction by itself.
    """


def plain(message: Quarantined) -> dict[str, Any]:
    """A quarantined message for people and scripts."""
    return attrs.asdict(message) | {"report": msgspec.json.decode(message.report)}


@examples("csms transaction quarantine list", "csms transaction quarantine list --resolved --json")
@quarantine.command("list")
@click.option("--resolved", is_flag=True, help="Those that were dealt with, by a person or by a start that came later.")
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only of this charger.")
@common
def list_some(call: Invocation, resolved: bool, charger_id: str | None) -> None:
    """List messages that wait for an operator, the oldest first."""

    def query(tx: ReadTx) -> list[Quarantined]:
        return every(
            lambda after: service.list_quarantined(tx, resolved=resolved, after=after, limit=500), lambda last: last.id, start=0
        )

    found = [plain(each) for each in read(call.config, query) if charger_id in (None, each.charger_id)]
    show.rows(call.json, found, COLUMNS, empty="There are none")


@examples("csms transaction quarantine show 3")
@quarantine.command("show")
@click.argument("quarantine_id", type=int)
@common
def show_one(call: Invocation, quarantine_id: int) -> None:
    """Show one message and, for a stop, the transactions that it may be the stop of."""
    detail = read(call.config, partial(service.quarantined_detail, quarantine_id=quarantine_id))
    candidates = [attrs.asdict(each) for each in detail.candidates]
    if call.json:
        show.as_json(plain(detail.message) | {"candidates": candidates})
        return
    show.record(False, plain(detail.message))
    if candidates and detail.message.resolved_at is None:
        click.echo("\nIt may be the stop of:")
        show.rows(False, candidates, CANDIDATE_COLUMNS, empty="")
        click.echo(f"\ncsms transaction quarantine attach {quarantine_id} {candidates[0]['id']}")


@examples("csms transaction quarantine attach 3 17", "csms transaction quarantine attach 3 17 --note 'the driver called'")
@quarantine.command()
@click.argument("quarantine_id", type=int)
@click.argument("transaction_id", type=int)
@click.option("--note", default="", help="Why, for whoever asks later.")
@common
def attach(call: Invocation, quarantine_id: int, transaction_id: int, note: str) -> None:
    """Say that a stop is the stop of a transaction, which ends by it.

    It replaces an estimate, and a stop that was only guessed to be the transaction's.
    """
    verb = partial(service.attach_stop, quarantine_id=quarantine_id, transaction_id=transaction_id, note=note)
    ended = write(call.config, verb, keys=_keys(call, quarantine_id))
    kwh = "an unknown energy" if ended.energy_wh is None else show.cell("energy_wh", ended.energy_wh)
    words = f"Transaction {ended.id} ended {show.instant(ended.stopped_at)} with {kwh}"
    show.done(call.json, words, **attrs.asdict(ended))


@examples("csms transaction quarantine resolve 3 --note 'a test by the installer'")
@quarantine.command()
@click.argument("quarantine_id", type=int)
@click.option("--note", default="", help="What it was, for whoever asks later.")
@common
def resolve(call: Invocation, quarantine_id: int, note: str) -> None:
    """Mark a message as dealt with; it changes no transaction."""
    verb = partial(service.resolve_quarantined, quarantine_id=quarantine_id, note=note)
    write(call.config, verb, keys=_keys(call, quarantine_id))
    show.done(call.json, f"Resolved message {quarantine_id}", id=quarantine_id, note=note)


def _keys(call: Invocation, quarantine_id: int) -> tuple[str, ...]:
    """The write key of the charger that sent it. Raises ``NotFound``."""
    found = read(call.config, partial(service.quarantined_detail, quarantine_id=quarantine_id))
    return (charger_key(found.message.charger_id),)
