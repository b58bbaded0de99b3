"""Finds what is declared at a path. Rules are spelled ``/stations/<int:station_id>``; what is literal comes before what is not.

After a parameter there may be a file's ending: ``/invoices/<int:invoice_id>.pdf``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

import attrs

from .shapes import LARGEST

T = TypeVar("T")

_DIGITS = len(str(LARGEST))
_PART = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>(?P<ending>\.[a-z]+)?")
INT, TEXT, PATH = "int", "string", "path"
MOST_PARTS = 64
"""Between slashes. Nothing is declared as deep as that, and where slashes may be part of a name every one is tried."""

Arguments = dict[str, Any]


@attrs.define(slots=True, eq=False)
class _Node(Generic[T]):
    """What may come at one place of a path."""

    literal: dict[str, _Node[T]] = attrs.field(factory=dict)
    named: dict[tuple[str, str, str], _Node[T]] = attrs.field(factory=dict)
    """By kind, name and ending: those with an ending first; whole numbers before texts, these before those that may have slashes in them."""
    ends: dict[str, T] = attrs.field(factory=dict)
    """What is declared where the path ends here, by method."""


class Paths(Generic[T]):
    """Rules, and what is declared under each for a method."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, method: str, rule: str, declared: T) -> None:
        """Declare something. Raises ``ValueError`` for a rule that cannot be one, or that is there already."""
        node = self._root
        for part in rule.removeprefix("/").split("/"):
            match = _PART.fullmatch(part)
            if match is None:
                if "<" in part or ">" in part:
                    raise ValueError(f"{rule}: a parameter is a whole part between slashes, not {part!r}")
                node = node.literal.setdefault(part, _Node())
                continue
            kind = match["kind"] or TEXT
            if kind not in (INT, TEXT, PATH):
                raise ValueError(f"{rule}: a parameter is {INT}, {TEXT} or {PATH}, not {kind!r}")
            ending = match["ending"] or ""
            if ending and kind == PATH:
                raise ValueError(f"{rule}: a {PATH} has no ending of its own")
            node = node.named.setdefault((kind, match["name"], ending), _Node())
        if method in node.ends:
            raise ValueError(f"{method} {rule} is declared twice")
        node.ends[method] = declared

    def finish(self) -> None:
        """Put what may come at each place into its order; once, after the last ``add``."""
        todo = [self._root]
        while todo:
            node = todo.pop()
            node.named = dict(sorted(node.named.items(), key=lambda each: (not each[0][2], (INT, TEXT, PATH).index(each[0][0]))))
            todo += [*node.literal.values(), *node.named.values()]

    def find(self, method: str, path: str) -> tuple[T, Arguments] | None:
        """What is declared for a method at a path, and the path's parameters."""
        for ends, arguments in self._ends(path):
            if (declared := ends.get(method)) is not None:
                return declared, arguments
        return None

    def methods(self, path: str) -> dict[str, T]:
        """What is declared at a path at all, by method."""
        found: dict[str, T] = {}
        for ends, _ in self._ends(path):
            found = {**ends, **found}
        return found

    def _ends(self, path: str) -> Iterator[tuple[Mapping[str, T], Arguments]]:
        parts = path.removeprefix("/").split("/", MOST_PARTS)
        return _walk(self._root, parts, 0, {}) if len(parts) <= MOST_PARTS else iter(())


def _walk(node: _Node[T], parts: list[str], at: int, arguments: Arguments) -> Iterator[tuple[Mapping[str, T], Arguments]]:
    """Every end of a path, the most literal first."""
    while at < len(parts) and not node.named:  # no choice
        following = node.literal.get(parts[at])
        if following is None:
            return
        node, at = following, at + 1
    if at == len(parts):
        if node.ends:
            yield node.ends, arguments
        return
    part = parts[at]
    if (following := node.literal.get(part)) is not None:
        yield from _walk(following, parts, at + 1, arguments)
    for (kind, name, ending), after in node.named.items():
        if not part.endswith(ending) or not (value := part[: len(part) - len(ending)]):
            continue
        if kind == INT:
            if value.isascii() and value.isdigit():
                yield from _walk(after, parts, at + 1, {**arguments, name: number(value)})
        elif kind == TEXT:
            yield from _walk(after, parts, at + 1, {**arguments, name: value})
        else:
            for end in range(at + 1, len(parts) + 1):
                yield from _walk(after, parts, end, {**arguments, name: "/".join(parts[at:end])})


def number(text: str) -> int:
    """A number in a path. One that no database has is taken for the largest, which names nothing: its route answers 404."""
    return LARGEST if len(text) > _DIGITS else min(int(text), LARGEST)
