"""How a command ends: exit codes that mean something, and errors in one line."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import click

from csms.config import ConfigError
from csms.core.errors import CsmsError, Invalid, StoreUnavailable


class Exit(IntEnum):
    """Exit codes; scripts may rely on them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NO_SERVER = 3
    CHARGER_REFUSED = 4
    CHARGER_SILENT = 5
    NO_DATABASE = 6
    INTERRUPTED = 130


EXIT_HELP = """\b
Exit codes:
  0  done
  1  not done: not found, refused, in conflict, or a check that failed
  2  wrong usage or configuration
  3  the server could not be reached, or did not let us in
  4  the charger said no, or its OCPP version cannot say this
  5  no answer from the charger: offline, too slow, link lost
  6  the database could not be used
"""


class Failure(click.ClickException):
    """Ends the command with one line and an exit code."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors inside an exception group; a nursery wraps even a lone one."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def explained(error: BaseException) -> tuple[int, list[str]] | None:
    """The exit code and the lines for an error that a person can do something about; None for one that is a fault of ours."""
    match error:
        case ConfigError():
            return Exit.USAGE, error.problems
        case Invalid(field=field):
            return Exit.USAGE, [f"{field}: {error}" if field and field not in str(error) else str(error)]
        case StoreUnavailable():
            return Exit.NO_DATABASE, [str(error)]
        case CsmsError():
            return Exit.FAILED, [str(error)]
        case click.UsageError(ctx=ctx):
            path = ctx.command_path if ctx is not None else "csms"
            return Exit.USAGE, [f"{_one_line(error.format_message())} (see {path} --help)"]
        case Failure(code=code):
            return code, [_one_line(error.format_message())]
        case click.ClickException():
            return error.exit_code, [_one_line(error.format_message())]
        case click.Abort() | KeyboardInterrupt():
            return Exit.INTERRUPTED, ["interrupted"]
        case OSError():
            return Exit.FAILED, [_os_words(error)]
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _os_words(error: OSError) -> str:
    words = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {words}" if error.filename else words


def end_of(error: BaseException) -> int:
    """Tell the error on stderr and give the exit code. Raises what nobody foresaw, with its traceback."""
    said: dict[str, None] = {}
    codes: list[Any] = []
    for leaf in leaves(error):
        end = explained(leaf)
        if end is None:
            raise error
        codes.append(end[0])
        said.update(dict.fromkeys(end[1]))
    for line in said:
        click.echo(f"csms: {line}", err=True)
    return int(codes[0])
