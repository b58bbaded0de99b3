"""``csms plugins``: which plugins are installed, which are enabled, and how those of the running server are doing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import show
from .exits import Exit, Failure
from .options import Invocation, common, examples
from .server import Server, Unreachable, server_option

COLUMNS = ["name", "version", "enabled", "health"]
NOT_RUNNING = "no server"


def _server_says(call: Invocation, server: str | None) -> Mapping[str, Any] | None:
    """The plugins' part of ``/health``; None when no server runs."""
    try:
        page = Server(call.config, server).call("GET", "/health", accept=frozenset({503}))
    except Unreachable:
        if server is not None:
            raise
        return None
    found = page.get("components", {}).get("plugins") if isinstance(page, dict) else None
    return found if isinstance(found, dict) else {}


def health(name: str, page: Mapping[str, Any] | None) -> str:
    """One plugin's health, in words, out of the server's page."""
    if page is None:
        return NOT_RUNNING
    if page.get("status") == "ok":
        return "ok" if name in page else "not loaded: the server was started with another configuration"
    troubles = [words for words in str(page.get("reason", "")).split("; ") if words.startswith(f"{name}: ")]
    return "; ".join(words.removeprefix(f"{name}: ") for words in troubles) or "ok"


@examples("csms plugins", "csms plugins --json", "csms plugins --installed          only what is on this machine")
@click.command()
@click.option("--installed", "only_installed", is_flag=True, help="Do not ask the running server.")
@server_option
@common
def plugins(call: Invocation, only_installed: bool, server: str | None) -> None:
    """List plugins and how they are doing.

    The enabled ones come first, in the order in which they are asked. Exit code 1 means that an enabled plugin is not installed, or is in trouble.
    """
    from csms.plugins.installed import installed

    found = installed()
    enabled = call.config.plugins.enabled
    page = None if only_installed else _server_says(call, server)
    listed = []
    for name in [*enabled, *(name for name in found if name not in enabled)]:
        known = found.get(name)
        state = "" if name not in enabled else health(name, page) if known else "not installed"
        listed.append({"name": name, "version": known.version if known else "", "enabled": name in enabled, "health": state})
    show.rows(call.json, listed, COLUMNS, empty="No plugins are installed")
    if ill := [each["name"] for each in listed if each["health"] not in ("", "ok", NOT_RUNNING)]:
        raise Failure(f"in trouble: {', '.join(map(str, ill))}", Exit.FAILED)
