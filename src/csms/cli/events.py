"""``csms events``: the stored facts, who has heard them, and what could not be delivered."""

from __future__ import annotations

from typing import Any

import attrs
import click
import msgspec

from csms.core.errors import NotFound
from csms.core.ports import ReadTx
from csms.db import outbox

from . import show
from .options import Invocation, common, examples
from .store import in_database, read
from .when import INSTANT

COLUMNS = ["id", "occurred_at", "type", "key", "payload"]


@click.group()
def events() -> None:
    """Stored facts, who heard them, dead letters."""


@examples(
    "csms events list",
    "csms events list --type transaction_ended --since 24h",
    "csms events list --charger C1 --json",
)
@events.command("list")
@click.option("--type", "kind", metavar="TYPE", help="Only events of this type, such as transaction_ended.")
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only events of this charger.")
@click.option("--key", metavar="KEY", help="Only events of this key, such as charger:C1.")
@click.option("--since", type=INSTANT, metavar="INSTANT", help="Only events of then or later: 2026-01-31, 24h, 7d.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@common
def list_some(call: Invocation, kind: str | None, charger_id: str | None, key: str | None, since: int | None, limit: int) -> None:
    """List stored events, the newest first."""
    if charger_id is not None and key is not None:
        raise click.UsageError("--charger is a short form of --key: give one of them")
    key = f"charger:{charger_id}" if charger_id is not None else key
    conditions = {"type = :kind": kind, "key = :key": key, "at >= :since": since}
    given = [condition for condition, value in conditions.items() if value is not None]
    values = {"kind": kind, "key": key, "since": since}

    def query(tx: ReadTx) -> list[dict[str, Any]]:
        sql = "SELECT sequence, at, type, key, payload FROM events WHERE tenant = :tenant"
        sql += "".join(f" AND {condition}" for condition in given) + " ORDER BY sequence DESC LIMIT :limit"
        chosen = {name: value for name, value in values.items() if value is not None}
        return [
            {
                "id": row["sequence"],
                "occurred_at": row["at"],
                "type": row["type"],
                "key": row["key"],
                "payload": msgspec.json.decode(row["payload"]),
            }
            for row in tx.all(sql, limit=limit, **chosen)
        ]

    show.rows(call.json, read(call.config, query), COLUMNS, empty="There are no such events")


@examples("csms events consumers")
@events.command()
@common
def consumers(call: Invocation) -> None:
    """Show who hears events, and how far each is."""
    known = [attrs.asdict(each) for each in in_database(call.config, outbox.progress)]
    show.rows(call.json, known, ["name", "behind", "retrying", "dead", "saved_at"], empty="Nobody has heard any yet")


@examples("csms events dead", "csms events dead plugin:webhook --json")
@events.command()
@click.argument("consumer", default="")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@common
def dead(call: Invocation, consumer: str, limit: int) -> None:
    """Show events that a CONSUMER, or any, could not take after all its attempts."""
    found = in_database(call.config, lambda database: outbox.dead_letters(database, consumer, limit=limit))
    show.rows(
        call.json,
        [attrs.asdict(each) for each in found],
        ["event_id", "consumer", "type", "key", "at", "attempts", "error", "given_up_at"],
        empty="There are no dead letters",
    )


@examples(
    "csms events replay plugin:webhook                    its dead letters",
    "csms events replay plugin:webhook --event 1234",
    "csms events replay plugin:webhook --first 1000 --last 2000",
)
@events.command()
@click.argument("consumer")
@click.option("--event", "event_id", type=int, metavar="ID", help="One event.")
@click.option("--first", type=int, metavar="ID", help="From this event on.")
@click.option("--last", type=int, metavar="ID", help="Up to this event.")
@common
def replay(call: Invocation, consumer: str, event_id: int | None, first: int | None, last: int | None) -> None:
    """Have a CONSUMER's dead letters delivered again, or events that it heard before.

    The running server delivers them within seconds, else the next one that starts. `csms events consumers` names the consumers.
    """
    if event_id is not None:
        if first is not None or last is not None:
            raise click.UsageError("--event names one event, --first and --last a range: give one of both")
        first = last = event_id
    count = in_database(call.config, lambda database: outbox.replay(database, consumer, first=first, last=last))
    show.done(call.json, f"{consumer} hears {count} events again", consumer=consumer, events=count)


@examples("csms events forget plugin:webhook")
@events.command()
@click.argument("consumer")
@common
def forget(call: Invocation, consumer: str) -> None:
    """Forget a CONSUMER that will not come back, with its dead letters: events are kept until every consumer has them."""
    known = in_database(call.config, lambda database: outbox.forget_consumer(database, consumer))
    if not known:
        raise NotFound(f"there is no consumer {consumer!r}; `csms events consumers` names them")
    show.done(call.json, f"Forgot {consumer}", consumer=consumer)
