"""What enabled plugins add to the command line: a group per plugin, ``csms NAME COMMAND``, and groups that they name themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from csms.api.client import REACH
from csms.config import Config, ConfigError, load

from . import show
from .exits import Exit, Failure
from .options import config_file

if TYPE_CHECKING:
    from .server import Server


def plugin_commands_of(config: Config) -> Mapping[str, click.Command]:
    """The groups of the enabled plugins that have commands. Raises ``Failure`` for one that cannot be used."""
    groups: dict[str, click.Group] = {}
    for plugin, given in contributed(config, "register_commands"):
        if isinstance(given, click.Group) and given.name:
            name, text, commands = given.name, given.help, given.commands
        else:
            name, text, commands = plugin, None, {given.name: given}
        group = groups.setdefault(name, _group(name, text or f"Commands of the plugin {plugin}.", config))
        for command in commands.values():
            group.add_command(command)
    return groups


def contributed(config: Config, hook: str, *, nowhere: Any = None) -> list[tuple[str, Any]]:
    """What the enabled plugins contribute to a hook, each with its plugin's name. ``nowhere`` stands for the server that a context reaches.

    Imports them all and checks their settings. Raises ``Failure`` for one that cannot be used.
    """
    if not config.plugins.enabled:
        return []
    from csms.plugins import Bus
    from csms.plugins.errors import PluginError

    try:
        return [(each.plugin, each.value) for each in Bus(config.plugins).collect(hook, nowhere=nowhere)]
    except PluginError as error:
        raise Failure(str(error), Exit.USAGE) from None


def _group(name: str, text: str, config: Config) -> click.Group:
    """``--config`` stands here, since a plugin's commands know nothing of it; it was read before the group was made.

    The commands find the running server by ``csms.api.client.server``.
    """
    option = click.Option(["--config"], metavar="FILE", expose_value=False, help="Configuration file (TOML).")

    def reach(url: str | None = None) -> Server:
        from .server import Server

        return Server(config, url)

    def begin() -> None:
        click.get_current_context().meta[REACH] = reach

    return click.Group(name, params=[option], callback=begin, help=text)


def plugin_commands(given: str | None, arguments: Sequence[str]) -> Mapping[str, click.Command]:
    """Like ``plugin_commands_of`` for the configuration that a command line names, before the command (``given``) or behind.

    A configuration that is wrong, or a plugin that cannot be loaded, must not hide ``--help``: it is told, and there are none.
    """
    try:
        return plugin_commands_of(load(config_file(given or _named(arguments)), os.environ))
    except ConfigError as error:
        show.remark(f"csms: plugins' commands are left out: {error.problems[0]}")
    except Failure as error:
        show.remark(f"csms: plugins' commands are left out: {error.format_message()}")
    return {}


def _named(arguments: Sequence[str]) -> str | None:
    """The file after ``--config``, needed before click knows which command will read it."""
    for number, argument in enumerate(arguments):
        if argument == "--config":
            return arguments[number + 1] if number + 1 < len(arguments) else None
        if argument.startswith("--config="):
            return argument.partition("=")[2]
    return None
