"""Pages of lists that are in memory: searched, filtered, sorted, cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from csms.api.calls import Call
from csms.api.lists import Page, Paged, cut
from csms.hooks import PluginContext
from csms_tariff.desk import desk_of
from csms_tariff.model import Book

T = TypeVar("T")


async def book_of(call: Call, context: PluginContext) -> Book:
    """The caller's tenant's book."""
    return await desk_of(context).book(context, call.tenant)


def page(items: Iterable[T], query: Paged, *, search: Callable[[T], str], sort: str = "") -> Page[T]:
    """The page that a query asks for. ``sort`` is the name of a field, with ``-`` before it the other way round; ids break ties."""
    found = list(items)
    if query.search:
        wanted = query.search.strip().casefold()
        found = [each for each in found if wanted in search(each).casefold()]
    if sort:
        name = sort.removeprefix("-")
        found.sort(key=lambda each: (_folded(getattr(each, name)), getattr(each, "id", 0)), reverse=sort.startswith("-"))
    return cut(found, query)


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
