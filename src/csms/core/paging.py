"""How a list is asked for and answered: by page with a total, or from a cursor on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs
from attrs import validators

from .errors import Invalid

T = TypeVar("T")

USUAL_LIMIT = 20
LARGEST_LIMIT = 200
LARGEST_PAGE = 1_000_000
LARGEST_CURSOR = 2**63 - 1


def sorts(*names: str, default: str) -> Any:
    """The field ``sort`` of a query: one of ``names``, with ``-`` before it the other way round."""
    every = tuple(each for name in names for each in (name, f"-{name}"))
    return attrs.field(
        default=default, validator=validators.in_(every), metadata={"help": "the order; - before a name turns it round"}
    )


def either_way() -> Any:
    """The field ``sort`` of the query of a large list, which has one order and may be read from either end."""
    return attrs.field(
        default="-at",
        validator=validators.in_(("-at", "at")),
        metadata={
            "help": "-at: the newest first; at: the oldest first. A cursor goes on from its place in the direction that is asked for"
        },
    )


def one_of(*names: str, help: str = "") -> Any:
    """A filter that takes one of ``names``; not given, it does not filter."""
    return attrs.field(default=None, validator=validators.optional(validators.in_(names)), metadata={"help": help})


def filter_by(help: str) -> Any:
    """A filter that is off unless given."""
    return attrs.field(default=None, metadata={"help": help})


@attrs.frozen(slots=True, kw_only=True)
class Paged:
    """The query of a list that is read by pages. A list's own query adds its filters and its ``sort``."""

    page: int = attrs.field(
        default=1, validator=[validators.ge(1), validators.le(LARGEST_PAGE)], metadata={"help": "which page, from 1"}
    )
    limit: int = attrs.field(
        default=USUAL_LIMIT, validator=[validators.ge(1), validators.le(LARGEST_LIMIT)], metadata={"help": "items per page"}
    )
    search: str | None = attrs.field(
        default=None,
        validator=validators.optional(validators.max_len(200)),
        metadata={"help": "free text, in the fields that a person would look in"},
    )


@attrs.frozen(slots=True, kw_only=True)
class Onward:
    """The query of a large list that is read from a cursor on, the newest first or the oldest."""

    limit: int = attrs.field(
        default=USUAL_LIMIT, validator=[validators.ge(1), validators.le(LARGEST_LIMIT)], metadata={"help": "items at a time"}
    )
    after: str | None = attrs.field(
        default=None,
        validator=validators.optional(validators.max_len(200)),
        metadata={"help": "the cursor `next` of the answer before; not given, the beginning"},
    )
    sort: str = either_way()


@attrs.frozen(slots=True, kw_only=True)
class Following(Onward):
    """The same of a list in which a text can be looked for."""

    search: str | None = attrs.field(
        default=None,
        validator=validators.optional(validators.max_len(200)),
        metadata={"help": "free text, in the fields that a person would look in"},
    )


class EitherWay(Protocol):
    """A query that says from which end a large list is read: its ``sort`` is ``either_way``."""

    @property
    def sort(self) -> str: ...  # noqa: D102


@attrs.frozen(slots=True)
class Direction:
    """Which way a large list is read, in the words of SQL: its order, and how what comes later in it compares to what came."""

    order: str
    beyond: str


NEWEST_FIRST = Direction("DESC", "<")
OLDEST_FIRST = Direction("ASC", ">")


def direction(query: EitherWay) -> Direction:
    """Which way a query reads."""
    return OLDEST_FIRST if query.sort == "at" else NEWEST_FIRST


def cursor(text: str, parts: int = 1) -> tuple[int, ...]:
    """The numbers of a cursor such as ``12`` or ``12-34``. Raises ``Invalid``."""
    numbers = text.split("-")
    if len(numbers) == parts and all(each.isascii() and each.isdigit() and len(each) <= 19 for each in numbers):
        found = tuple(int(each) for each in numbers)
        if max(found) <= LARGEST_CURSOR:
            return found
    raise no_cursor(text)


def no_cursor(text: str) -> Invalid:
    """What is said of a cursor that is none."""
    return Invalid(f"after: {text!r} is no cursor of this list; take `next` of an answer", field="after")


@attrs.frozen(slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list, and how many items there are in all."""

    items: Sequence[T]
    page: int
    limit: int
    total: int


@attrs.frozen(slots=True, kw_only=True)
class Stretch(Generic[T]):
    """A stretch of a large list; ``next`` is the cursor that goes on, None at the end."""

    items: Sequence[T]
    limit: int
    next: str | None


def cut(items: Sequence[T], query: Paged) -> Page[T]:
    """The page that a query asks for, of a list that is all in memory."""
    first = (query.page - 1) * query.limit
    return Page(items=items[first : first + query.limit], page=query.page, limit=query.limit, total=len(items))
