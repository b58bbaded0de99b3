"""Lists out of the store: one SELECT, filters that are used only where asked for, an order, a page or a stretch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from csms.core.paging import LARGEST_CURSOR, Direction, Onward, Page, Paged, Stretch, cursor, direction, no_cursor
from csms.core.ports import ReadTx, Row

T = TypeVar("T")

_NOT_FILTERS = frozenset({"page", "limit", "sort", "after", "search"})
_MOMENT = re.compile(r"(-?\d{1,18})\.(\d{1,18})", re.ASCII)


@attrs.frozen(slots=True, kw_only=True)
class Listing:
    """How a list is read.

    ``columns`` and ``source`` make the SELECT; ``source`` begins after FROM and ends in a WHERE clause with ``:tenant``. ``filters`` maps
    fields of the query to conditions on ``:field`` (``{field}`` becomes a list of parameters where the field holds a tuple). ``search``
    is a condition on ``:search``, a lower-case LIKE pattern (``ESCAPE '!'``). ``narrow`` says the same where the store knows the rows of
    ``looked_in`` that may hold the text (``among``), so that it looks at no others. ``sorts`` maps names to expressions; ``unique`` breaks ties
    and is the cursor of stretches.
    """

    columns: str
    source: str
    filters: Mapping[str, str] = attrs.field(factory=dict)
    search: str = ""
    narrow: str = ""
    looked_in: Sequence[str] = ()
    sorts: Mapping[str, str] = attrs.field(factory=dict)
    unique: str
    count_source: str = ""
    """The same as ``source`` without the joins that filters do not need, where counting is cheaper so."""


def pattern(text: str) -> str:
    """A LIKE pattern (``ESCAPE '!'``) that finds ``text`` anywhere, in lower case."""
    escaped = text.strip().lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def candidates(tx: ReadTx, text: str, tables: Sequence[str]) -> dict[str, str] | None:
    """The parameters of ``among`` for these tables: their rows that may hold a text; None where those of one of them are not known, or many."""
    found = {}
    for table in tables:
        ids = tx.candidates(table, text)
        if ids is None:
            return None
        found[f"among_{table}"] = f"[{','.join(map(str, ids))}]"
    return found


def among(table: str) -> str:
    """The SELECT of the candidates in a table, for a list that is narrow: one text, however many they are. Only where the store knows
    candidates, which PostgreSQL never does."""
    return f"SELECT value FROM json_each(:among_{table})"  # noqa: S608


def found_among(table: str, key: str = "id") -> str:
    """The same as ``found_in`` of the candidates alone."""
    return (
        f"(SELECT f.{key} FROM {table} f WHERE f.tenant = :tenant AND f.id IN ({among(table)})"  # noqa: S608
        " AND f.searched LIKE :search ESCAPE '!')"
    )


def found_in(table: str, key: str = "id") -> str:
    """The subquery of what ``:search`` finds in the column ``searched`` of a table.

    Its order is that of the index of what is searched, and with a limit it must be kept: with other words SQLite walks an index that has
    the order of the list, and reads every row.
    """
    return (
        f"(SELECT f.{key} FROM {table} f WHERE f.tenant = :tenant AND f.searched >= '' AND f.searched LIKE :search ESCAPE '!'"  # noqa: S608
        f" ORDER BY f.searched LIMIT {LARGEST_CURSOR})"
    )


def conditions(
    listing: Listing, query: Any, fixed: Mapping[str, Any], known: Mapping[str, str] | None = None
) -> tuple[str, dict[str, Any]]:
    """The conditions that a query asks for, each with its AND, and their parameters. ``fixed`` are filters that the caller sets, ``known``
    the candidates of what it searches for."""
    asked = {
        field.name: getattr(query, field.name)
        for field in attrs.fields(type(query))
        if field.name in listing.filters and field.name not in _NOT_FILTERS
    }
    asked.update(fixed)
    clauses: list[str] = []
    parameters: dict[str, Any] = {}
    for name, value in asked.items():
        if value is None:
            continue
        condition = listing.filters[name]
        if isinstance(value, (tuple, frozenset, list)):
            members = list(value)
            names = [f"{name}_{number}" for number in range(len(members))]
            listed = ", ".join(f":{each}" for each in names) or "NULL"
            condition = condition.replace(f"{{{name}}}", listed)
            parameters.update(zip(names, members, strict=True))
        else:
            parameters[name] = int(value) if isinstance(value, bool) else value
        clauses.append(f" AND ({condition})")
    if listing.search and query.search:
        clauses.append(f" AND ({listing.search if known is None else listing.narrow})")
        parameters |= {"search": pattern(query.search), **(known or {})}
    return "".join(clauses), parameters


def _conditions(tx: ReadTx, listing: Listing, query: Any, fixed: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The same, of what the store knows to be candidates."""
    known = candidates(tx, query.search, listing.looked_in) if listing.narrow and query.search else None
    return conditions(listing, query, fixed, known)


def at_chargers(column: str) -> dict[str, str]:
    """The filters of a list of things at chargers, whose id is in ``column``: ``charger_id``, ``station_id``, and ``stations``."""
    there = f"{column} IN (SELECT here.id FROM chargers here WHERE here.tenant = :tenant AND here.station_id"  # noqa: S608 (our own texts)
    return {
        "charger_id": f"{column} = :charger_id",
        "station_id": f"{there} = :station_id)",
        "stations": f"{there} IN ({{stations}}))",
    }


def whether(value: bool | None, so: str, not_so: str) -> dict[str, bool]:
    """A filter that is one condition where something is so and another where it is not: neither where nobody asks."""
    return {} if value is None else {so if value else not_so: True}


def page(tx: ReadTx, listing: Listing, query: Paged, build: Callable[[Row], T], **fixed: Any) -> Page[T]:
    """One page. Two statements, however many rows; one where the page is the last, for its end says how many there are."""
    skipped = (query.page - 1) * query.limit
    asked = _conditions(tx, listing, query, fixed)
    items = _items(tx, listing, query, build, query.limit, skipped, asked)
    if (items or not skipped) and len(items) < query.limit:
        total = skipped + len(items)
    else:
        where, parameters = asked
        total = tx.count(f"SELECT count(*) FROM {listing.count_source or listing.source}{where}", **parameters)  # noqa: S608 (texts of the store)
    return Page(items=items, page=query.page, limit=query.limit, total=total)


def first(
    tx: ReadTx, listing: Listing, query: Paged, build: Callable[[Row], T], limit: int, *, skipped: int = 0, **fixed: Any
) -> list[T]:
    """At most ``limit`` items, whatever the query says of pages, and nothing is counted: for the command line. One statement."""
    return _items(tx, listing, query, build, limit, skipped, _conditions(tx, listing, query, fixed))


def _items(
    tx: ReadTx,
    listing: Listing,
    query: Paged,
    build: Callable[[Row], T],
    limit: int,
    skipped: int,
    asked: tuple[str, Mapping[str, Any]],
) -> list[T]:
    where, parameters = asked
    sort = str(getattr(query, "sort", "") or "")
    name, direction = sort.removeprefix("-"), "DESC" if sort.startswith("-") else "ASC"
    order = f"{listing.sorts[name]} {direction}, {listing.unique} {direction}" if name else listing.unique
    rows = tx.all(
        f"SELECT {listing.columns} FROM {listing.source}{where} ORDER BY {order} LIMIT :limit OFFSET :skipped",  # noqa: S608
        **parameters,
        limit=limit,
        skipped=skipped,
    )
    return [build(row) for row in rows]


def stretch(tx: ReadTx, listing: Listing, query: Onward, build: Callable[[Row], T], **fixed: Any) -> Stretch[T]:
    """A stretch from the query's cursor on, in its direction. ``unique`` must be an integer, and selected as ``id``."""
    rows = _onward(tx, listing, query, query.limit + 1, fixed)
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    return Stretch(items=[build(row) for row in rows], limit=query.limit, next=str(rows[-1]["id"]) if more else None)


def newest(tx: ReadTx, listing: Listing, query: Onward, build: Callable[[Row], T], limit: int, **fixed: Any) -> list[T]:
    """At most ``limit`` items from the query's cursor on, whatever its own limit: for the command line."""
    return [build(row) for row in _onward(tx, listing, query, limit, fixed)]


def _onward(tx: ReadTx, listing: Listing, query: Onward, limit: int, fixed: Mapping[str, Any]) -> Sequence[Row]:
    where, parameters = _conditions(tx, listing, query, fixed)
    way = direction(query)
    if query.after is not None:
        where += f" AND {listing.unique} {way.beyond} :after"
        (parameters["after"],) = cursor(query.after)
    return tx.all(
        f"SELECT {listing.columns} FROM {listing.source}{where} ORDER BY {listing.unique} {way.order} LIMIT :limit",  # noqa: S608
        **parameters,
        limit=limit,
    )


def within(
    at: str,
    number: str,
    way: Direction,
    *,
    from_at: int | None = None,
    to_at: int | None = None,
    seen: tuple[int, int] | None = None,
) -> tuple[list[str], dict[str, int]]:
    """Conditions that keep to ``from_at <= at < to_at`` and to what lies beyond the instant and number last ``seen``, and their parameters.

    What was seen narrows the bounds themselves, for an index is walked between one of either side.
    """
    where, parameters = list[str](), dict[str, int]()
    if seen is not None:
        parameters |= {"seen_at": seen[0], "seen_id": seen[1]}
        where.append(f"NOT ({at} = :seen_at AND NOT {number} {way.beyond} :seen_id)")
        if way.beyond == "<":
            to_at = seen[0] + 1 if to_at is None else min(to_at, seen[0] + 1)
        else:
            from_at = seen[0] if from_at is None else max(from_at, seen[0])
    if from_at is not None:
        parameters["from_at"] = from_at
        where.append(f"{at} >= :from_at")
    if to_at is not None:
        parameters["to_at"] = to_at
        where.append(f"{at} < :to_at")
    return where, parameters


def moment(after: str | None) -> tuple[int, int] | None:
    """The instant and the number that a cursor such as ``1800000000000.12`` says, None for none. Raises ``Invalid``."""
    if after is None:
        return None
    match = _MOMENT.fullmatch(after)
    if match is None:
        raise no_cursor(after)
    return int(match[1]), int(match[2])
