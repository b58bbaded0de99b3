"""``csms transaction``: what was charged, by whom, where; starting and stopping go through the running server."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import click
import msgspec

from csms.core.errors import NotFound
from csms.core.ids import charger_key
from csms.core.ports import ReadTx
from csms.domain.transactions import service
from csms.domain.transactions.measuring import samples_of
from csms.domain.transactions.model import STATES, StoredReading, Transaction, TransactionFilter
from csms.domain.transactions.store import lists, readings, rows

from . import show
from .options import Invocation, common, examples
from .pages import every
from .quarantine import quarantine
from .send import send_to
from .server import Server, server_option
from .store import read, write
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


transaction.add_command(quarantine)


@examples(
    "csms transaction list",
    "csms transaction list --open",
    "csms transaction list --charger C1 --since 7d",
    "csms transaction list --state pending_reconciliation --json",
)
@transaction.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--open/--closed", "is_open", default=None, help="Only those that run, or that ended.")
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only at this charger.")
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
    which = TransactionFilter(state=state, charger_id=charger_id, token=token, from_at=since, open=is_open)
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


READING_COLUMNS = ["sampled_at", "energy_wh", "power_w", "soc_percent", "context", "signed", "guessed", "sampled_at_raw"]
LATE_COLUMNS = ["received_at", "stopped_at", "stopped_at_raw", "meter_stop_wh", "stop_reason"]


@examples(
    "csms transaction show 17",
    "csms transaction show 17 --readings",
    "csms transaction show 17 --readings --json",
    "csms transaction show 17 --signed > 17.ocmf       its signed meter values, verbatim",
)
@transaction.command("show")
@click.argument("transaction_id", type=int)
@click.option("--readings", "with_readings", is_flag=True, help="Its meter readings too.")
@click.option("--signed", is_flag=True, help="Only its signed meter values, verbatim, one a line.")
@common
def show_one(call: Invocation, transaction_id: int, with_readings: bool, signed: bool) -> None:
    """Show everything about one transaction.

    Stops that the charger reported later than the one that counts are shown too. With --json and --readings every sample is shown as
    it was told.
    """

    def query(tx: ReadTx) -> tuple[service.Detail, list[StoredReading]]:
        detail = service.transaction_detail(tx, transaction_id, readings_limit=1)
        if not (with_readings or signed):
            return detail, []
        found = every(
            lambda after: readings.of_transaction(tx, transaction_id, after=after, limit=1000),
            lambda last: (last.sampled_at, last.id),
            start=(-(2**63), 0),
        )
        return detail, found

    detail, found = read(call.config, query)
    if signed:
        _show_signed(call, found)
        return
    facts: dict[str, Any] = plain(detail.transaction)
    late = [dict(each) for each in detail.late_stops]
    stop = detail.found_stop
    if stop is not None:
        facts["found_stop"] = stop.id
    if call.json:
        more: dict[str, Any] = {"late_stops": late}
        if with_readings:
            more["readings"] = [attrs.asdict(each) | {"samples": msgspec.Raw(each.samples.encode())} for each in found]
        show.as_json(facts | more)
        return
    show.record(False, facts)
    if late:
        click.echo("\nLater stops, which do not count:")
        show.rows(False, late, LATE_COLUMNS, empty="")
    if with_readings:
        click.echo("\nReadings:")
        show.rows(False, [_for_people(each) for each in found], READING_COLUMNS, empty="There are none")


def _for_people(reading: StoredReading) -> dict[str, Any]:
    """A reading in a line: in what context it was taken, and whether there is signed data in it."""
    samples = samples_of(reading.samples)
    contexts = dict.fromkeys(sample.context for sample in samples)
    return attrs.asdict(reading) | {
        "context": ", ".join(contexts),
        "signed": any(sample.signed for sample in samples) or None,
        "guessed": ("", "by its stop", "by place and time")[reading.guessed],
    }


def _show_signed(call: Invocation, found: list[StoredReading]) -> None:
    signed = [
        {"sampled_at": each.sampled_at, "measurand": sample.measurand, "context": sample.context, "signed": sample.signed}
        for each in found
        for sample in samples_of(each.samples)
        if sample.signed
    ]
    if call.json:
        show.as_json(signed)
        return
    for each in signed:
        click.echo(each["signed"])


@examples("csms transaction start C1 04A2B3C4", "csms transaction start C1 04A2B3C4 --evse 2")
@transaction.command()
@click.argument("charger_id")
@click.argument("token")
@click.option("--evse", type=click.IntRange(1), metavar="N", help="Where: the EVSE, which is OCPP 1.6's connector [default: any].")
@server_option
@common
def start(call: Invocation, charger_id: str, token: str, evse: int | None, server: str | None) -> None:
    """Ask a charger to start a transaction, through the running server.

    It waits as pending_start until the charger says that it began, fails where the charger refuses, and expires where nothing follows
    in time: `csms transaction list` tells. Exit code 4 means that the charger said no, 5 that it gave no answer.
    """
    fields: dict[str, Any] = {"token": {"value": token}}
    if evse is not None:
        fields["place"] = {"evse": evse, "connector": 1}
    send_to(call, Server(call.config, server), charger_id, "StartCharging", fields)


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


@examples(
    "csms transaction end 17 --note 'charger was scrapped'",
    "csms transaction end 17 --meter 123456 --at 2026-01-31T18:30Z --note 'read on site'",
)
@transaction.command()
@click.argument("transaction_id", type=int)
@click.option(
    "--meter", "meter_stop_wh", type=int, metavar="WH", help="What the meter showed at the end [default: its last value]."
)
@click.option(
    "--at", "stopped_at", type=INSTANT, metavar="INSTANT", help="When it ended [default: when it was last known to go on]."
)
@click.option("--note", default="", help="Why, for whoever asks later.")
@common
def end(call: Invocation, transaction_id: int, meter_stop_wh: int | None, stopped_at: int | None, note: str) -> None:
    """End a transaction that the charger will not end, by your word.

    The charger is not told. If its own stop comes after all, that counts. A remote start that still waits is given up.
    """
    found = _found(call, transaction_id)
    verb = partial(service.force_stop, transaction_id=transaction_id, note=note, meter_stop_wh=meter_stop_wh, stopped_at=stopped_at)
    ended = write(call.config, verb, keys=(charger_key(found.charger_id),))
    show.done(call.json, f"Transaction {transaction_id} is {ended.state}", **plain(ended))
