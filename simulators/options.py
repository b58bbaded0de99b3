"""Options of the command lines: in groups in ``--help``, names that can be listed, sizes with a unit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
OTHERS = "Other options"
UNITS = {"": 1, "k": 1000, "m": 1_000_000, "g": 1_000_000_000}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?", re.IGNORECASE)


class GroupedOption(click.Option):
    """An option that says to which group it belongs."""

    def __init__(self, *arguments: Any, group: str = OTHERS, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help shows its options in their groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The groups in the order in which their first options are declared."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", OTHERS), []).append(record)
        for group in sorted(groups, key=OTHERS.__eq__):
            with formatter.section(group):
                formatter.write_dl(groups[group])


def in_group(group: str, *options: tuple[tuple[str, ...], dict[str, Any]]) -> Callable[[F], F]:
    """Decorate a command with the options of a group, in their order."""

    def decorate(function: F) -> F:
        for names, more in reversed(options):
            function = click.option(*names, cls=GroupedOption, group=group, **more)(function)
        return function

    return decorate


def option(*names: str, **more: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """An option for ``in_group``, as ``click.option`` takes it."""
    return names, more


class Named(click.ParamType[str]):
    """One name of a table; ``list`` prints the table and exits."""

    name = "name"

    def __init__(self, what: str, table: Mapping[str, str]) -> None:
        self._what = what
        self._table = table

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """As shown in the help."""
        return "NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, if it is one."""
        if value == "list" and ctx is not None:
            width = max(map(len, self._table))
            for name, text in self._table.items():
                click.echo(f"{name:{width}}  {text}")
            ctx.exit()
        if value not in self._table:
            self.fail(f"no such {self._what}: {value!r} (one of {', '.join(self._table)})", param, ctx)
        return str(value)


class Size(click.ParamType[int]):
    """A number of bytes: ``65536``, ``64kB``, ``1.5MB``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"not a size: {value!r} (such as 65536, 64kB, 1.5MB)", param, ctx)
        return int(float(match[1]) * UNITS[match[2].lower()])


class Pair(click.ParamType[tuple[str, str]]):
    """``NAME=VALUE``."""

    name = "pair"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The two."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not equals or not name:
            self.fail(f"not NAME=VALUE: {value!r}", param, ctx)
        return name, text
