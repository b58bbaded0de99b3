"""The running server, for plugins' commands on the command line: they run in a process of their own, and speak to it over HTTP."""

from __future__ import annotations

from typing import Any, Protocol

import click


class Client(Protocol):
    """The management API of one server, with the operator key of the configuration at hand.

    Bodies and answers are plain data, in which instants (``at``, ``..._at``) are integers, as everywhere in csms.
    """

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request; the JSON of its answer. Raises ``click.ClickException`` with the server's words, or where none answers."""
        ...


class Reach(Protocol):
    """How a command reaches the server: what ``click`` hands it as its context's object."""

    def __call__(self, url: str | None = None) -> Client:
        """The server at ``url``, or as it is configured. Raises ``click.ClickException``."""
        ...


def server(url: str | None = None) -> Client:
    """The running server of the configuration with which the command was called, or the one at ``url``.

    For functions under ``@click.command`` that a plugin contributes with ``register_commands``. Raises ``click.ClickException`` where
    no configuration says where the server is.
    """
    reach: Reach | None = click.get_current_context().find_root().meta.get(REACH)
    if reach is None:
        raise click.ClickException("this command was not called through csms, so there is no server to ask")
    return reach(url)


REACH = "csms.api.client.reach"
"""Where a ``Reach`` stands in the context of the command line."""
