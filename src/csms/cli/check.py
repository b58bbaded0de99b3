"""``csms check``: is the configuration right, and what is in force?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from csms.config import shown
from csms.config.reference import reference_toml
from csms.quirks import load

from . import show
from .contributions import plugin_commands_of
from .options import Invocation, common, examples


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of the configuration, dotted, with its value."""
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@examples(
    "csms check",
    "csms check --config /etc/csms/production.toml",
    "csms check --set                 only what is not at its default, and where it was set",
    "csms check --reference > csms.toml",
)
@click.command()
@click.option("--set", "only_set", is_flag=True, help="Only keys that somebody set.")
@click.option("--reference", is_flag=True, help="Print every key with its default and explanation, as a config file.")
@common
def check(call: Invocation, only_set: bool, reference: bool) -> None:
    """Check the configuration and print it.

    Prints what is in force and where it was set, without secrets. Everything wrong is told at once, one line each, and the exit code is 2.
    """
    if reference:
        click.echo(reference_toml(), nl=False)
        return
    loaded = call.loaded
    load(Path(loaded.config.ocpp.quirks_file) if loaded.config.ocpp.quirks_file else None)  # raises for a wrong entry
    plugin_commands_of(loaded.config)  # imports every enabled plugin and checks its settings
    if call.json:
        show.as_json({"config": shown(loaded.config), "sources": loaded.sources, "remarks": loaded.remarks})
        return
    lines = [
        {"key": key, "value": msgspec.json.encode(value).decode(), "from": source or "default"}
        for key, value in flat(shown(loaded.config))
        if (source := loaded.sources.get(key) or loaded.sources.get(key.rpartition(".")[0], "")) or not only_set
    ]
    show.rows(False, lines, ["key", "value", "from"], empty="Everything is at its default.")
    for words in loaded.remarks:
        show.remark(f"note: {words}")
    show.remark(f"{call.config_file or 'No config file: defaults and environment'}: right")
