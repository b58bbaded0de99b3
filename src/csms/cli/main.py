"""The ``csms`` group: finds commands, ours and the plugins', and ends every one of them properly."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from csms import __version__
from csms.config.sources import near

from .exits import EXIT_HELP, Exit, end_of

COMMANDS: Mapping[str, str] = {
    # name -> module with a command of that name, in the order of --help
    "serve": "serve",
    "init": "init",
    "check": "check",
    "migrate": "migrate",
    "secrets": "secrets",
    "charger": "charger",
    "station": "station",
    "driver": "driver",
    "user": "user",
    "certificate": "certificate",
    "security": "security",
    "token": "token",
    "local-list": "local_list",
    "transaction": "transaction",
    "wallet": "wallet",
    "payments": "payments",
    "bill": "bill",
    "invoice": "invoice",
    "settlement": "settlement",
    "profile": "profile",
    "reservation": "reservation",
    "alert": "alert",
    "configuration": "configuration",
    "availability": "availability",
    "reset": "reset",
    "firmware": "firmware",
    "diagnostics": "diagnostics",
    "tail": "tail",
    "send": "send",
    "bulk": "bulk",
    "events": "events",
    "webhook": "webhook",
    "message": "message",
    "export": "export",
    "backup": "backup",
    "restore": "backup",
    "verify": "backup",
    "plugins": "plugins",
    "openapi": "openapi",
}

UNHURRIED = (100_000, 20, 100)
"""Container allocations before garbage is looked for (``gc.set_threshold``): to import a command makes very many, and no garbage. With
Python's own thresholds an eighth of the time to start goes there."""
_ARGUMENTS, _PLUGINS = "csms.arguments", "csms.plugins"


class ReaderGone(Exception):
    """Whoever read our output has enough (``csms export ... | head``): that is no error."""


class Csms(click.Group):
    """The top-level group. A command's module is imported when the command is asked for, so that ``csms send`` starts fast."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Keep the words of the command line, among which ``--config`` says which plugins there are."""
        ctx.meta[_ARGUMENTS] = args
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            names = self.list_commands(ctx)
            raise click.UsageError(f"there is no command {args[0]}{near(args[0], names) or '; there are ' + ', '.join(names)}", ctx)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Our commands, then those of enabled plugins."""
        return [*COMMANDS, *(name for name in sorted(self._of_plugins(ctx)) if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command by name."""
        if cmd_name in COMMANDS:
            command: click.Command = getattr(import_module(f".{COMMANDS[cmd_name]}", __package__), cmd_name.replace("-", "_"))
            return command
        return self._of_plugins(ctx).get(cmd_name)

    def _of_plugins(self, ctx: click.Context) -> Mapping[str, click.Command]:
        from .contributions import plugin_commands

        if _PLUGINS not in ctx.meta:
            ctx.meta[_PLUGINS] = plugin_commands(ctx.params.get("config_given"), ctx.meta.get(_ARGUMENTS, ()))
        found: Mapping[str, click.Command] = ctx.meta[_PLUGINS]
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; click itself would make an error of a pipe that nobody reads any more."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, tell errors in one line each, and exit with a code that means something."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        gc.set_threshold(*UNHURRIED)
        atexit.register(gc.freeze)  # or the last look for garbage, in all that was imported, takes a quarter of a command's time
        try:
            ended = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except (ReaderGone, BrokenPipeError):
            _leave_pipe()
        except click.exceptions.NoArgsIsHelpError as bare:
            click.echo(bare.format_message())  # a group by itself asks for its help
            sys.exit(Exit.DONE)
        except (Exception, KeyboardInterrupt) as error:
            sys.exit(end_of(error))
        sys.exit(ended if isinstance(ended, int) else Exit.DONE)


def _leave_pipe() -> None:
    """End well, without Python's trying to flush again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(Exit.DONE)


@click.group(
    cls=Csms,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog=EXIT_HELP
    + "\nWithout --config it is the file that CSMS_CONFIG names, else csms.toml in the working folder, else defaults.",
)
@click.version_option(__version__, message="csms %(version)s")
@click.option("--config", "config_given", metavar="FILE", help="Configuration file (TOML); every command takes it, too.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts; every command takes it, too.")
def main(config_given: str | None, as_json: bool) -> None:
    """A charging station management system for OCPP.

    \b
    csms serve --demo                 a server with a few simulated chargers, to look around
    csms init                         a configuration, a database and an operator key
    csms charger add C1               let a charger in; prints its key once
    csms tail                         everything that chargers say, live
    csms send C1 Reset when=when_idle
    """
