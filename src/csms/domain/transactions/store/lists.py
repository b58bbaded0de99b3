"""Lists of transactions: filtered, from either end, a stretch at a time, however many there are.

They are in the order in which transactions began (or were asked for). Every usual filter has an index in that order, so that a stretch
reads about as many rows as it shows. What is an OR, such as several stations or a search, is asked for apart and put together, for no
index has the order of an OR.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from csms.core.ids import MAX_TRANSACTION_ID
from csms.core.paging import NEWEST_FIRST, Direction, Stretch, direction
from csms.core.ports import ReadTx, Row
from csms.domain.listing import candidates, found_among, found_in, moment, pattern, within
from csms.domain.stations.store.names import chargers_called
from csms.domain.transactions.model import (
    CLOSED_STATES,
    ESTIMATED,
    OPERATOR,
    Transaction,
    TransactionFilter,
    TransactionItem,
    TransactionsQuery,
    TransactionTotals,
)

from . import rows

BEGUN = "COALESCE(t.started_at, t.created_at)"
MOST_APART = 60
"""Stations, or things that a search finds, that are asked for apart; of more of them every stretch finds enough by walking."""

_CONDITIONS = {
    "state": "t.state = :state",
    "charger_id": "t.charger_id = :charger_id",
    "station_id": "t.station_id = :station_id",
    "driver_id": "t.driver_id = :driver_id",
    "token": "t.token_folded = :token",
    "stop_reason": "t.stop_reason = :stop_reason AND t.stop_reason <> ''",
    "stop_source": "t.stop_source = :stop_source",
}
_NARROW = ("charger_id", "station_id", "driver_id", "token")
_UNINDEXED = {
    "charger_id": "t.charger_id || '' = :charger_id",
    "station_id": "t.station_id + 0 = :station_id",
    "driver_id": "t.driver_id + 0 = :driver_id",
    "token": "t.token_folded || '' = :token",
    "state": "t.state || '' = :state",
    "stop_reason": "t.stop_reason || '' = :stop_reason",
}
"""The same without their indexes. Without statistics SQLite takes any index whose columns are fixed, and here we know which is best."""
_WIDE = {name: _UNINDEXED[name] for name in ("state", "stop_reason")}
_RARE = "t.stop_source <> '' AND t.stop_source <> 'reported'"
"""What the index of stops that no charger reported is about."""
_NAMES = (
    "id, charger_id, station_id, evse, connector, reference, state, charging_state, token, token_kind, token_id, token_status, driver_id,"
    " started_at, stopped_at, meter_start_wh, meter_stop_wh, energy_wh, energy_basis, stop_reason, stop_source, last_meter_wh,"
    " last_meter_at, reservation_id, remote_start_id, offline, note, started_at_raw, stopped_at_raw, deadline_at, created_at, updated_at,"
    " closed_at"
)
COLUMNS = ", ".join(f"t.{name}" for name in _NAMES.split(", ")) + ", s.name AS station_name, d.name AS driver_name"
NAMED = "LEFT JOIN stations s ON s.id = t.station_id LEFT JOIN drivers d ON d.id = t.driver_id"

Apart = Sequence[tuple[str, Any]]
"""Conditions, each on the parameter that ``{}`` stands for, of which one must hold."""


def order(way: Direction) -> str:
    """The order of transactions in a direction."""
    return f"ORDER BY {BEGUN} {way.order}, t.id {way.order}"


def item(row: Row) -> TransactionItem:
    """The noun of a row."""
    state = row["charging_state"] if row["closed_at"] is None else ""  # what it did last is not what it does
    facts = {**row, "offline": bool(row["offline"]), "charging_state": state}
    begin, end, start_wh, last_wh = row["started_at"], row["stopped_at"], row["meter_start_wh"], row["last_meter_wh"]
    runs = row["closed_at"] is None and start_wh is not None and last_wh is not None
    return TransactionItem(
        **facts,
        duration_s=None if begin is None or end is None else max(0, end - begin) // 1000,
        energy_so_far_wh=max(0, last_wh - start_wh) if runs else None,
    )


def one(tx: ReadTx, transaction_id: int) -> TransactionItem | None:
    """One transaction as lists show it."""
    if not 0 < transaction_id <= MAX_TRANSACTION_ID:
        return None
    row = tx.one(f"SELECT {COLUMNS} FROM transactions t {NAMED} WHERE t.tenant = :tenant AND t.id = :id", id=transaction_id)  # noqa: S608
    return None if row is None else item(row)


def stretch(tx: ReadTx, query: TransactionsQuery, *, stations: Collection[int] | None = None) -> Stretch[TransactionItem]:
    """Transactions in the query's direction; ``stations`` keeps to those that somebody may see. Raises ``Invalid`` for the cursor."""
    found = select(tx, query, limit=query.limit + 1, after=query.after, stations=stations, way=direction(query))
    more = len(found) > query.limit
    shown = found[: query.limit]
    return Stretch(items=shown, limit=query.limit, next=cursor(shown[-1]) if more else None)


def cursor(last: TransactionItem) -> str:
    """The cursor that goes on after a transaction."""
    return f"{last.created_at if last.started_at is None else last.started_at}.{last.id}"


def select(
    tx: ReadTx,
    which: TransactionFilter,
    *,
    limit: int,
    after: str | None = None,
    stations: Collection[int] | None = None,
    way: Direction = NEWEST_FIRST,
) -> list[TransactionItem]:
    """At most ``limit`` transactions after a cursor. One statement, and one more to find what a search means."""
    chosen = _chosen(tx, which, way, after=after, stations=stations)
    return [] if chosen is None else [item(row) for row in tx.all(_sql(*chosen, way), **chosen[2], limit=limit)]


def _chosen(
    tx: ReadTx, which: TransactionFilter, way: Direction, *, after: str | None = None, stations: Collection[int] | None = None
) -> tuple[list[str], Apart, dict[str, Any]] | None:
    """The conditions of a filter, those apart, and their values; None where nothing can be meant."""
    lively = _is_lively(which)
    scoped = stations is not None and len(stations) <= MOST_APART and not lively
    narrow = scoped or bool(which.search) or any(getattr(which, name) is not None for name in _NARROW)
    conditions, values = _conditions(which, way, _UNINDEXED if lively else _WIDE if narrow else {}, after)
    apart: Apart = ()
    if which.search and which.search.strip():
        apart, condition, sought = _searched(tx, which.search)
        if not apart and not condition:
            return None
        if condition:
            conditions.append(condition)
            values |= sought
    if stations is not None:
        few = scoped and not apart and all(getattr(which, name) is None for name in _NARROW)
        if few:
            apart = [("t.station_id = {}", each) for each in sorted(stations)]
        if not few or not apart:
            conditions.append(_among(stations, values, "COALESCE(t.station_id, 0)"))  # walked, not looked up
    return conditions, apart, values


def _sql(
    conditions: Sequence[str], apart: Apart, values: dict[str, Any], way: Direction, *, columns: str = COLUMNS, named: str = NAMED
) -> str:
    where = "".join(f" AND {each}" for each in conditions)
    if len(apart) < 2:
        for condition, value in apart:
            where += f" AND {condition.format(':apart')}"
            values["apart"] = value
        return f"SELECT {columns} FROM transactions t {named} WHERE t.tenant = :tenant{where} {order(way)} LIMIT :limit"  # noqa: S608
    parts = []
    for number, (condition, value) in enumerate(apart):
        values[f"apart_{number}"] = value
        chosen = f"{where} AND {condition.format(f':apart_{number}')}"
        parts.append(
            f"SELECT * FROM (SELECT t.id, {BEGUN} AS begun FROM transactions t WHERE t.tenant = :tenant{chosen} {order(way)}"  # noqa: S608
            f" LIMIT :limit) AS part_{number}"
        )
    return (
        f"SELECT {columns} FROM ({' UNION '.join(parts)}) AS chosen JOIN transactions t ON t.id = chosen.id {named}"  # noqa: S608
        f" WHERE t.tenant = :tenant ORDER BY chosen.begun {way.order}, chosen.id {way.order} LIMIT :limit"
    )


def _is_lively(which: TransactionFilter) -> bool:
    """Whether it is about transactions that are not over: of those there are so few that nothing else narrows better."""
    return not which.search and (which.open is True or (which.state is not None and which.state not in CLOSED_STATES))


def _conditions(
    which: TransactionFilter, way: Direction, instead: Mapping[str, str] | None = None, after: str | None = None
) -> tuple[list[str], dict[str, Any]]:
    values: dict[str, Any] = {name: getattr(which, name) for name in _CONDITIONS if getattr(which, name) is not None}
    if which.token is not None:
        values["token"] = which.token.casefold()
    conditions = [(instead or {}).get(name, _CONDITIONS[name]) for name in values]
    if which.stop_source in (ESTIMATED, OPERATOR):
        conditions.append(_RARE)
    if which.open is False:
        conditions.append("t.closed_at IS NOT NULL")
    elif which.open or _is_lively(which):
        conditions.append("t.closed_at IS NULL")
    where, bounds = within(BEGUN, "t.id", way, from_at=which.from_at, to_at=which.to_at, seen=moment(after))
    return [*conditions, *where], values | bounds


def _among(stations: Collection[int], values: dict[str, Any], expression: str) -> str:
    names = {f"station_{number}": each for number, each in enumerate(sorted(stations))}
    values |= names
    listed = ", ".join(f":{name}" for name in names) or "NULL"
    return f"{expression} IN ({listed})"


# --- searched -------------------------------------------------------------------------------------------------------------------

_CHARGERS = (
    f"SELECT id FROM chargers WHERE tenant = :tenant AND id IN {found_in('chargers')}"  # noqa: S608 - our own words
    " AND (lower(id) LIKE :search ESCAPE '!' OR lower(name) LIKE :search ESCAPE '!')"
)
"""Those that it finds at all, by an index of what is searched, and of these the ones that are called so."""


def _anything(tokens: str, drivers: str) -> tuple[str, str]:
    """What may be meant, by name; and the same as a condition without indexes, for a stretch that is walked: with them SQLite finds every
    transaction of much that is meant, and sorts them."""
    tokens = f"SELECT folded FROM {tokens} AS found_tokens"  # noqa: S608 - our own words
    drivers = f"SELECT id FROM {drivers} AS found_drivers"  # noqa: S608 - our own words
    meant = f"""
SELECT 'token' AS kind, folded AS name FROM ({tokens} ORDER BY folded LIMIT :most) AS k
UNION ALL SELECT 'driver', CAST(id AS TEXT) FROM ({drivers} ORDER BY id LIMIT :most) AS d
UNION ALL SELECT 'id', CAST(id AS TEXT) FROM (
    SELECT id FROM transactions WHERE tenant = :tenant AND reference = :exact AND reference <> '' LIMIT :most
) AS r"""  # noqa: S608 - our own words
    walked = f"(t.charger_id || '' IN ({_CHARGERS}) OR t.token_folded || '' IN ({tokens}) OR t.driver_id + 0 IN ({drivers}))"
    return meant, walked


_ANYTHING = {
    (tokens_known, drivers_known): _anything(
        found_among("tokens", "folded") if tokens_known else found_in("tokens", "folded"),
        found_among("drivers") if drivers_known else found_in("drivers"),
    )
    for tokens_known in (False, True)
    for drivers_known in (False, True)
}
"""By whether the store knows which tokens and which drivers may be meant."""


def _searched(tx: ReadTx, text: str) -> tuple[Apart, str, dict[str, str]]:
    """What a search means: conditions of which one must hold; or, for one that means much, a condition, and the values it takes."""
    exact = text.strip()
    tokens, drivers = candidates(tx, text, ["tokens"]), candidates(tx, text, ["drivers"])
    meant, walked = _ANYTHING[tokens is not None, drivers is not None]
    values = {"search": pattern(text), **(tokens or {}), **(drivers or {})}
    found = tx.all(meant, exact=exact, most=MOST_APART, **values)
    apart: list[tuple[str, Any]] = [("t.charger_id = {}", each) for each in chargers_called(tx, text, MOST_APART)]
    for row in found:
        match row["kind"]:
            case "token":
                apart.append(("t.token_folded = {}", row["name"]))
            case "driver":
                apart.append(("t.driver_id = {}", int(row["name"])))
            case _:
                apart.append(("t.id = {}", int(row["name"])))
    if len(apart) >= MOST_APART:
        return (), walked, values
    if exact.isascii() and exact.isdigit() and len(exact) <= 10 and 0 < int(exact) <= MAX_TRANSACTION_ID:
        apart.append(("t.id = {}", int(exact)))
    if ("t.token_folded = {}", exact.casefold()) not in apart:
        apart.append(("t.token_folded = {}", exact.casefold()))
    return apart, "", {}


# --- summed up ------------------------------------------------------------------------------------------------------------------

MOST_SUMMED = 10_000
"""Transactions that are summed up at a time: a summary is for what a list shows; long periods of many are for analytics."""
_SUMMED = "t.closed_at, t.state, t.energy_wh, t.started_at, t.stopped_at"
_TOTALS = """
SELECT count(*) AS count, COALESCE(sum(CASE WHEN t.closed_at IS NULL THEN 1 ELSE 0 END), 0) AS open,
    COALESCE(sum(CASE WHEN t.state = 'completed' THEN 1 ELSE 0 END), 0) AS completed, COALESCE(sum(t.energy_wh), 0) AS energy_wh,
    COALESCE(sum(CASE WHEN t.state = 'completed' AND t.energy_wh IS NULL THEN 1 ELSE 0 END), 0) AS energy_unknown,
    COALESCE(sum(CASE WHEN t.stopped_at > t.started_at THEN t.stopped_at - t.started_at ELSE 0 END), 0) AS duration_ms
FROM"""


def totals(tx: ReadTx, which: TransactionFilter, *, stations: Collection[int] | None = None) -> TransactionTotals:
    """What the transactions of a filter come to: of the newest ``MOST_SUMMED``, where there are more."""
    chosen = _chosen(tx, which, NEWEST_FIRST, stations=stations)
    if chosen is None:
        return TransactionTotals(count=0, open=0, completed=0, energy_wh=0, energy_unknown=0, duration_s=0, complete=True)
    sql = f"{_TOTALS} ({_sql(*chosen, NEWEST_FIRST, columns=_SUMMED, named='')}) AS t"
    return tx.remembered(sql, _totals, **chosen[2], limit=MOST_SUMMED)


def _totals(rows: Sequence[Row]) -> TransactionTotals:
    facts = {name: int(value) for name, value in rows[0].items()}
    return TransactionTotals(duration_s=facts.pop("duration_ms") // 1000, complete=facts["count"] < MOST_SUMMED, **facts)


# --- for the command line -------------------------------------------------------------------------------------------------------


def page(tx: ReadTx, which: TransactionFilter, *, limit: int = 100) -> Sequence[Transaction]:
    """The newest transactions of a filter, whole."""
    conditions, values = _conditions(which, NEWEST_FIRST)
    where = "".join(f" AND {each}" for each in conditions)
    names = ", ".join(f"t.{name}" for name in rows.COLUMNS)
    sql = f"SELECT {names} FROM transactions t WHERE t.tenant = :tenant{where} {order(NEWEST_FIRST)} LIMIT :limit"  # noqa: S608 - our own words
    return [rows.transaction(row) for row in tx.all(sql, **values, limit=limit)]
