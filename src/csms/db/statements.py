"""What the store knows about a SQL text after reading it once: its parameters, its form for the engine, and whether it keeps to a tenant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

from csms.core.errors import CsmsError

MOST_STATEMENTS = 2_000
"""Texts remembered per connection; a program that composes more than that starts over."""
MOST_TEXTS = 4_000
"""Texts that all connections together need to be read only once."""

_TOKEN = re.compile(
    r"(?P<text>'(?:[^']|'')*')"
    r'|"(?P<quoted>(?:[^"]|"")*)"'
    r"|(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<cast>::)"
    r"|:(?P<name>[A-Za-z_]\w*)"
    r"|(?P<word>[A-Za-z_]\w*)",
    re.DOTALL,
)
_PIECE = re.compile(_TOKEN.pattern + r"|(?P<bracket>[()])", re.DOTALL)
_NULL_TEST = re.compile(r"\s+IS\s+(?P<not>NOT\s+)?NULL\b", re.IGNORECASE)
_BEFORE_TABLE = frozenset({"from", "into", "update", "join"})
_REPLACES = re.compile(r"^\s*(INSERT\s+OR\s+)?REPLACE\b", re.IGNORECASE)
_READING = frozenset({"analyze", "explain", "pragma", "select", "show", "values"})
_AFTER_SET = frozenset({"from", "where", "returning"})
_NOT_A_TABLE = frozenset({"select", "lateral", "only", "or", "set", "values"})


class Unscoped(CsmsError):
    """A statement on tenants' data does not use ``:tenant``, or binds another tenant than its transaction's."""


class Tally:
    """How often the statements of one name ran, and for how long."""

    __slots__ = ("count", "seconds")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0


class Statement:
    """A SQL text, read once."""

    __slots__ = (
        "binds",
        "binds_now",
        "binds_tenant",
        "columns",
        "name",
        "null_tests",
        "obscure",
        "removes",
        "sql",
        "tables",
        "tally",
        "text",
        "updates",
        "vague",
        "writes",
    )

    def __init__(self, sql: str, text: str, name: str, parameters: frozenset[str], tables: frozenset[str], tally: Tally) -> None:
        self.sql = sql
        self.text = text
        self.name = name
        self.binds_tenant = "tenant" in parameters
        self.binds_now = "now" in parameters
        self.null_tests: tuple[str, ...] = ()
        """Parameters that the text compares with NULL; PostgreSQL is told apart whether they are, for it could not tell their type."""
        self.binds = self.binds_tenant or self.binds_now
        """Whether the transaction has anything to add to the parameters."""
        self.tables = tables
        """Its words, those that name tables among them."""
        self.writes, self.removes, self.updates = _written(sql)
        """The columns that it updates and does nothing else, where it is such a statement; of what it writes otherwise, nothing."""
        self.obscure = (not self.writes and not _reads(sql)) or _REPLACES.search(sql) is not None
        """Whether nobody can say what it writes, or what goes with what it replaces."""
        self.vague = "*" in sql.lower().replace("count(*)", "")
        """Whether it may read columns that it does not name."""
        self.tally = tally
        self.columns: tuple[str, ...] = ()
        """Names of the result's columns, from its first run."""


class Statements:
    """The statements of one connection. ``scoped`` holds only those that keep to a tenant, so that looking one up is the whole check."""

    def __init__(self, tenant_tables: Iterable[str], *, percent: bool) -> None:
        self.tenant_tables = frozenset(tenant_tables)
        self._percent = percent
        self.scoped: dict[str, Statement] = {}
        self.system: dict[str, Statement] = {}
        self.tallies: dict[str, Tally] = {}

    def learn(self, sql: str, *, scoped: bool) -> Statement:
        """Read a text that is not known yet. Raises ``Unscoped`` when it must keep to a tenant and does not."""
        if len(self.system) >= MOST_STATEMENTS:
            self.system.clear()
            self.scoped.clear()
        statement = self.system.get(sql)
        if statement is None:
            statement = self.system[sql] = self._read(sql)
        if scoped:
            touched = statement.tables & self.tenant_tables
            if touched and not statement.binds_tenant:
                raise Unscoped(
                    f"this statement touches {', '.join(sorted(touched))} without :tenant; "
                    f"bind it, or go through tx.system(reason): {' '.join(sql.split())[:200]}"
                )
            self.scoped[sql] = statement
        return statement

    def _read(self, sql: str) -> Statement:
        text, name, parameters, tables, null_tests = _parts(sql, self._percent)
        statement = Statement(sql, text, name, parameters, tables, self.tallies.setdefault(name, Tally()))
        statement.null_tests = null_tests
        statement.binds |= bool(null_tests)
        return statement


@lru_cache(MOST_TEXTS)
def _parts(sql: str, percent: bool) -> tuple[str, str, frozenset[str], frozenset[str], tuple[str, ...]]:
    """What a text says by itself: its form for the engine, its name, its parameters, its words (a table is one), its tests for NULL."""
    names: set[str] = set()
    tables: set[str] = set()
    for token in _TOKEN.finditer(sql):
        if token["name"]:
            names.add(token["name"])
        elif token["word"] or token["quoted"]:
            tables.add((token["word"] or token["quoted"]).lower())
    text, null_tests = percent_style(sql) if percent else (sql, ())
    return text, short_name(sql), frozenset(names), frozenset(tables), null_tests


def _reads(sql: str) -> bool:
    """Whether a statement only reads, or does nothing."""
    return next(iter(_words(sql)), "select") in _READING


@lru_cache(MOST_TEXTS)
def _written(sql: str) -> tuple[tuple[str, ...], bool, frozenset[str]]:
    """The tables that a statement may write to, whether it removes rows, and what it updates; of one that only reads, nothing."""
    words = _words(sql)
    if _reads(sql):
        return (), False, frozenset()
    return tuple(dict.fromkeys(_tables(words))), "delete" in words, _updated(sql, words)


def _updated(sql: str, words: list[str]) -> frozenset[str]:
    """The columns that a plain UPDATE may change, and more: every word of its SET, and ``searched``, which is made of others. Of another
    statement nothing."""
    if words[0] != "update":
        return frozenset()
    found, depth, setting, before = {"searched"}, 0, False, ""
    for piece in _PIECE.finditer(sql):
        if piece["bracket"]:
            depth += 1 if piece["bracket"] == "(" else -1
            continue
        word = (piece["word"] or piece["quoted"] or "").lower()
        if setting and not depth and word in _AFTER_SET and before != "distinct":  # IS DISTINCT FROM
            break
        before = word or before
        if setting and word:
            found.add(word)
        setting |= word == "set"
    return frozenset(found)


def percent_style(sql: str) -> tuple[str, tuple[str, ...]]:
    """``:name`` as ``%(name)s``, for psycopg; casts, literals and comments stay, and ``%`` is doubled everywhere.

    ``:name IS NULL`` becomes a parameter of its own, ``name is null``, that is 1 or 0: a bare NULL has no type that PostgreSQL could
    know. Also returns the names that are compared so.
    """
    pieces: list[str] = []
    null_tests: dict[str, None] = {}
    end = 0
    for token in _TOKEN.finditer(sql):
        if token.start() < end:
            continue  # part of a comparison with NULL
        pieces.append(sql[end : token.start()].replace("%", "%%"))
        end = token.end()
        if not token["name"]:
            pieces.append(token[0].replace("%", "%%"))
        elif test := _NULL_TEST.match(sql, end):
            null_tests[token["name"]] = None
            pieces.append(f"%({token['name']} is null)s = {'0' if test['not'] else '1'}")
            end = test.end()
        else:
            pieces.append(f"%({token['name']})s")
    pieces.append(sql[end:].replace("%", "%%"))
    return "".join(pieces), tuple(null_tests)


def short_name(sql: str) -> str:
    """A name for metrics, such as ``insert events``: what a statement does, and the first table that it names."""
    words = _words(sql)
    return " ".join(filter(None, (words[0] if words else "empty", next(_tables(words), ""))))


def _words(sql: str) -> list[str]:
    return [token["word"].lower() for token in _TOKEN.finditer(sql) if token["word"]]


def _tables(words: list[str]) -> Iterator[str]:
    for before, word in pairwise(words):
        if before in _BEFORE_TABLE and word not in _NOT_A_TABLE:
            yield word
