"""SQL of the commands slice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import msgspec

from csms.core.paging import Page, Stretch
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page
from csms.domain.timeline import Timeline, stretch

from .model import (
    CANCELLED,
    DONE,
    LOST,
    PROGRESS,
    QUEUED,
    RUNNING,
    UNDER_WAY,
    Asker,
    Bulk,
    BulkCounts,
    BulksQuery,
    ChosenBy,
    CommandAnswer,
    CommandDetail,
    CommandsQuery,
    Limits,
    ResultsQuery,
    Work,
)

# --- commands -------------------------------------------------------------------------------------------------------------------

_COLUMNS = "k.id, k.charger_id, k.command, k.progress, k.note, k.accepted, k.bulk_id, k.asked_by, k.asked_at, k.ended_at, k.outcome"
_FILTERS = {
    "charger_id": "k.charger_id = :charger_id",
    "command": "k.command = :command",
    "progress": "k.progress = :progress",
    "accepted": "k.accepted = :accepted",
    "bulk_id": "k.bulk_id = :bulk_id",
    "from_at": "k.asked_at >= :from_at",
    "to_at": "k.asked_at < :to_at",
    "stations": "k.charger_id IN (SELECT c.id FROM chargers c WHERE c.tenant = :tenant AND c.station_id IN ({stations}))",
}
_SEARCH = "lower(k.charger_id) LIKE :search ESCAPE '!' OR lower(k.command) LIKE :search ESCAPE '!' OR lower(k.asked_by) LIKE :search ESCAPE '!'"

LINE = Timeline("commands", at="asked_at")
COMMANDS = Listing(columns=_COLUMNS, source="commands k WHERE k.tenant = :tenant", filters=_FILTERS, search=_SEARCH, unique="k.id")
RESULTS = attrs.evolve(COMMANDS, sorts={"charger_id": "k.charger_id", "ended_at": "k.ended_at"})
_PLAIN = ("id", "charger_id", "command", "progress", "note", "bulk_id", "asked_by", "asked_at", "ended_at")
_KNOWN = frozenset(field.name for field in attrs.fields(CommandAnswer)) - {*_PLAIN, "accepted", "more"}

_INSERT = """
INSERT INTO commands (tenant, charger_id, command, body, progress, asked_by_kind, asked_by, asked_at)
SELECT :tenant, id, :command, :body, 'under_way', :asked_by_kind, :asked_by, :now
FROM chargers WHERE id = :charger_id AND tenant = :tenant AND removed_at IS NULL
RETURNING id"""


def insert(tx: Tx, charger_id: str, command: str, body: str, asker: Asker) -> int | None:
    """Store a command that is under way from now on; its id, None where there is no such charger."""
    found: int | None = tx.value(
        _INSERT, charger_id=charger_id, command=command, body=body, asked_by_kind=asker.kind, asked_by=asker.name
    )
    return found


def begin(tx: Tx, command_id: int) -> bool:
    """The turn of a queued command has come; False when it is not queued any more."""
    return (
        tx.run(
            "UPDATE commands SET progress = 'under_way' WHERE id = :id AND tenant = :tenant AND progress = 'queued'", id=command_id
        )
        > 0
    )


def finish(tx: Tx, command_id: int, progress: str, *, outcome: Mapping[str, Any] | None, accepted: bool | None, note: str) -> None:
    """Store what became of a command under way."""
    tx.run(
        "UPDATE commands SET progress = :progress, outcome = :outcome, accepted = :accepted, note = :note, ended_at = :now"
        " WHERE id = :id AND tenant = :tenant AND progress = 'under_way'",
        id=command_id,
        progress=progress,
        outcome=None if outcome is None else msgspec.json.encode(outcome).decode(),
        accepted=None if accepted is None else int(accepted),
        note=note,
    )


def lose(tx: Tx, note: str) -> int:
    """Give up everything that was under way, of every tenant; how many."""
    return tx.system("what was under way was lost with the server").run(
        "UPDATE commands SET progress = :lost, note = :note, ended_at = :now WHERE progress = :under_way",
        lost=LOST,
        note=note,
        under_way=UNDER_WAY,
    )


def commands(tx: ReadTx, query: CommandsQuery, stations: Iterable[int] | None) -> Stretch[CommandAnswer]:
    """Commands, the newest first; those of a charger or a bulk by their index, of all others at most so many per request."""
    indexed = query.charger_id is not None or query.bulk_id is not None
    seen = None if stations is None else tuple(stations)
    return stretch(tx, COMMANDS, LINE, query, _answer, indexed=indexed, stations=seen)


def results(tx: ReadTx, bulk_id: int, query: ResultsQuery) -> Page[CommandAnswer]:
    """The commands of a bulk."""
    return page(tx, RESULTS, query, _answer, bulk_id=bulk_id)


def answer(tx: ReadTx, command_id: int) -> CommandAnswer | None:
    """One command."""
    row = tx.one(f"SELECT {_COLUMNS} FROM {COMMANDS.source} AND k.id = :id", id=command_id)  # noqa: S608 (our own text)
    return None if row is None else _answer(row)


def command(tx: ReadTx, command_id: int) -> CommandDetail | None:
    """One command, with its body and where its charger stands."""
    row = tx.one(
        f"SELECT {_COLUMNS}, k.body, b.body AS bulk_body, c.station_id"  # noqa: S608 (our own text)
        " FROM commands k LEFT JOIN bulk_commands b ON b.id = k.bulk_id LEFT JOIN chargers c ON c.id = k.charger_id"
        " WHERE k.id = :id AND k.tenant = :tenant",
        id=command_id,
    )
    if row is None:
        return None
    body = row["body"] or row["bulk_body"]
    return CommandDetail(**_facts(row), body=msgspec.json.decode(body) if body else None, station_id=row["station_id"])


def _answer(row: Row) -> CommandAnswer:
    return CommandAnswer(**_facts(row))


def _facts(row: Row) -> dict[str, Any]:
    said: dict[str, Any] = {} if row["outcome"] is None else msgspec.json.decode(row["outcome"])
    more = {name: value for name, value in said.items() if name not in _KNOWN}
    return {
        **{name: row[name] for name in _PLAIN},
        "accepted": None if row["accepted"] is None else bool(row["accepted"]),
        "more": more or None,
        **{name: value for name, value in said.items() if name in _KNOWN},
    }


# --- bulks ----------------------------------------------------------------------------------------------------------------------

_BULK = "id, command, body, chosen_by, at_a_time, ttl_s, timeout_s, state, asked_by, asked_at, ended_at"
BULKS = Listing(
    columns=_BULK,
    source="bulk_commands WHERE tenant = :tenant",
    filters={"state": "state = :state", "command": "command = :command"},
    search="lower(command) LIKE :search ESCAPE '!' OR lower(asked_by) LIKE :search ESCAPE '!'",
    sorts={"asked_at": "asked_at"},
    unique="id",
)


def insert_bulk(
    tx: Tx, *, command: str, body: str, sealed: str, chosen_by: str, at_a_time: int, limits: Limits, asker: Asker
) -> int:
    """Store a bulk; its id."""
    found: int = tx.value(
        "INSERT INTO bulk_commands"
        " (tenant, command, body, sealed, chosen_by, at_a_time, ttl_s, timeout_s, state, asked_by_kind, asked_by, asked_at)"
        " VALUES (:tenant, :command, :body, :sealed, :chosen_by, :at_a_time, :ttl_s, :timeout_s, 'running', :asked_by_kind,"
        " :asked_by, :now) RETURNING id",
        command=command,
        body=body,
        sealed=sealed,
        chosen_by=chosen_by,
        at_a_time=at_a_time,
        ttl_s=limits.ttl_s,
        timeout_s=limits.timeout_s,
        asked_by_kind=asker.kind,
        asked_by=asker.name,
    )
    return found


_MEETS = {
    "station_id": "station_id = :station_id",
    "vendor": "vendor = :vendor",
    "model": "model = :model",
    "firmware": "firmware = :firmware",
}


def _chosen(chosen_by: ChosenBy) -> tuple[str, dict[str, Any]]:
    """The chargers that are meant, as the end of a SELECT and its parameters."""
    sql = "FROM chargers WHERE tenant = :tenant AND removed_at IS NULL"
    parameters: dict[str, Any] = {}
    for name, condition in _MEETS.items():
        if (value := getattr(chosen_by, name)) is not None:
            sql += f" AND {condition}"
            parameters[name] = value
    if chosen_by.connected is not None:
        sql += " AND connection_id <> ''" if chosen_by.connected else " AND connection_id = ''"
    if chosen_by.charger_ids:
        named = {f"charger_{number}": charger_id for number, charger_id in enumerate(chosen_by.charger_ids)}
        sql += f" AND id IN ({', '.join(':' + name for name in named)})"
        parameters |= named
    return sql, parameters


def count_chosen(tx: ReadTx, chosen_by: ChosenBy) -> int:
    """How many chargers are meant."""
    sql, parameters = _chosen(chosen_by)
    found: int = tx.value(f"SELECT count(*) {sql}", **parameters)
    return found


def queue(tx: Tx, bulk_id: int, chosen_by: ChosenBy, command: str, asker: Asker) -> int:
    """Queue a bulk's command for every charger that is meant; how many."""
    sql, parameters = _chosen(chosen_by)
    return tx.run(
        "INSERT INTO commands (tenant, charger_id, bulk_id, command, body, progress, asked_by_kind, asked_by, asked_at)"
        f" SELECT :tenant, id, :bulk_id, :command, '', 'queued', :asked_by_kind, :asked_by, :now {sql} ORDER BY id",
        bulk_id=bulk_id,
        command=command,
        asked_by_kind=asker.kind,
        asked_by=asker.name,
        **parameters,
    )


def bulks(tx: ReadTx, query: BulksQuery) -> Page[Bulk]:
    """Bulks with their counts: three statements, however many."""
    found = page(tx, BULKS, query, _bulk)
    counted = _counts(tx, [each.id for each in found.items])
    return attrs.evolve(found, items=[attrs.evolve(each, counts=counted.get(each.id, BulkCounts())) for each in found.items])


def bulk(tx: ReadTx, bulk_id: int) -> Bulk | None:
    """One bulk with its counts."""
    row = tx.one(f"SELECT {_BULK} FROM bulk_commands WHERE id = :id AND tenant = :tenant", id=bulk_id)  # noqa: S608 (our own text)
    return None if row is None else attrs.evolve(_bulk(row), counts=_counts(tx, [bulk_id]).get(bulk_id, BulkCounts()))


def _bulk(row: Row) -> Bulk:
    read = {name: msgspec.json.decode(row[name]) for name in ("body", "chosen_by")}
    return Bulk(**{**row, **read})


def _counts(tx: ReadTx, bulk_ids: list[int]) -> dict[int, BulkCounts]:
    if not bulk_ids:
        return {}
    named = {f"bulk_{number}": bulk_id for number, bulk_id in enumerate(bulk_ids)}
    counted: dict[int, dict[str, int]] = {}
    for row in tx.all(
        "SELECT bulk_id, progress, count(*) AS many, sum(CASE WHEN accepted = 1 THEN 1 ELSE 0 END) AS accepted FROM commands"  # noqa: S608
        f" WHERE tenant = :tenant AND bulk_id IN ({', '.join(':' + name for name in named)}) GROUP BY bulk_id, progress",
        **named,
    ):
        counts = counted.setdefault(row["bulk_id"], dict.fromkeys(("total", "accepted", *PROGRESS), 0))
        counts[row["progress"]] = int(row["many"])
        counts["total"] += int(row["many"])
        counts["accepted"] += int(row["accepted"])
    return {bulk_id: BulkCounts(**counts) for bulk_id, counts in counted.items()}


def end_bulk(tx: Tx, bulk_id: int, state: str) -> bool:
    """Set the last state of a bulk and forget its secrets; False when it had ended."""
    return (
        tx.run(
            "UPDATE bulk_commands SET state = :state, ended_at = :now, sealed = ''"
            " WHERE id = :id AND tenant = :tenant AND state = 'running'",
            id=bulk_id,
            state=state,
        )
        > 0
    )


def cancel_queued(tx: Tx, bulk_id: int, note: str) -> int:
    """Cancel the commands of a bulk whose turn has not come; how many."""
    return tx.run(
        "UPDATE commands SET progress = :cancelled, note = :note, ended_at = :now"
        " WHERE bulk_id = :bulk_id AND tenant = :tenant AND progress = :queued",
        bulk_id=bulk_id,
        note=note,
        cancelled=CANCELLED,
        queued=QUEUED,
    )


def end_if_done(tx: Tx, bulk_id: int) -> bool:
    """End a running bulk of which nothing is queued or under way; whether it has ended, now or before."""
    left = tx.value(
        "SELECT 1 FROM commands WHERE bulk_id = :id AND tenant = :tenant AND progress IN ('queued', 'under_way') LIMIT 1",
        id=bulk_id,
    )
    if left is None:
        end_bulk(tx, bulk_id, DONE)
        return True
    state = tx.value("SELECT state FROM bulk_commands WHERE id = :id AND tenant = :tenant", id=bulk_id)
    return bool(state != RUNNING)


def queued(tx: ReadTx, bulk_id: int, after: int, limit: int) -> list[tuple[int, str]]:
    """The next commands of a bulk, by id after one: id and charger."""
    rows = tx.all(
        "SELECT id, charger_id FROM commands WHERE bulk_id = :bulk_id AND tenant = :tenant AND progress = 'queued'"
        " AND id > :after ORDER BY id LIMIT :limit",
        bulk_id=bulk_id,
        after=after,
        limit=limit,
    )
    return [(row["id"], row["charger_id"]) for row in rows]


def running(tx: ReadTx) -> list[Work]:
    """Every bulk that is to go on, of every tenant, the oldest first."""
    rows = tx.system("bulks of every tenant are worked off").all(
        "SELECT id, tenant, command, body, sealed, at_a_time, ttl_s, timeout_s FROM bulk_commands WHERE state = 'running' ORDER BY id"
    )
    return [
        Work(
            id=row["id"],
            tenant=row["tenant"],
            command=row["command"],
            body=row["body"],
            sealed=row["sealed"],
            at_a_time=row["at_a_time"],
            limits=Limits(ttl_s=row["ttl_s"], timeout_s=row["timeout_s"]),
        )
        for row in rows
    ]
