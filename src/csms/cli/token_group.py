"""``csms token group``: tokens that share a fate."""

from __future__ import annotations

from functools import partial

import attrs
import click

from csms.core.errors import NotFound
from csms.core.ports import ReadTx, Tx
from csms.domain.drivers import service, store
from csms.domain.drivers.model import TokenGroup

from . import show
from .options import Invocation, common, examples
from .store import read, write


def group_named(tx: ReadTx, name: str) -> TokenGroup:
    """A token group by its name. Raises ``NotFound``."""
    for each in store.list_token_groups(tx):
        if each.name.casefold() == name.casefold():
            return each
    raise NotFound(f"there is no token group {name!r}")


@click.group()
def group() -> None:
    """Tokens that share a fate: chargers are told their parent, and one member may stop what another started."""


@examples("csms token group list")
@group.command("list")
@common
def list_all(call: Invocation) -> None:
    """List token groups."""
    found = [attrs.asdict(each) for each in read(call.config, store.list_token_groups)]
    show.rows(call.json, found, ["id", "name", "parent", "status"], empty="There are no token groups: csms token group add NAME")


@examples("csms token group add Fleet", "csms token group add 'Fleet of Acme Ltd' --parent ACME")
@group.command()
@click.argument("name")
@click.option("--parent", default="", help="What chargers are told, at most 20 characters [default: the name].")
@common
def add(call: Invocation, name: str, parent: str) -> None:
    """Add a token group called NAME."""
    added = write(call.config, partial(service.add_token_group, name=name, parent=parent))
    show.done(call.json, f"Added token group {added.id}: {added.name}", **attrs.asdict(added))


@examples("csms token group block Fleet")
@group.command()
@click.argument("name")
@common
def block(call: Invocation, name: str) -> None:
    """Block every token of a group."""
    _set(call, name, blocked=True)


@examples("csms token group unblock Fleet")
@group.command()
@click.argument("name")
@common
def unblock(call: Invocation, name: str) -> None:
    """Undo block."""
    _set(call, name, blocked=False)


def _set(call: Invocation, name: str, *, blocked: bool) -> None:
    def verb(tx: Tx) -> None:
        found = group_named(tx, name)
        (service.block_token_group if blocked else service.unblock_token_group)(tx, found.id)

    write(call.config, verb)
    word = "blocked" if blocked else "active"
    show.done(call.json, f"Token group {name} is {word}", name=name, status=word)


@examples("csms token group remove Fleet")
@group.command()
@click.argument("name")
@common
def remove(call: Invocation, name: str) -> None:
    """Remove a token group without tokens."""
    write(call.config, lambda tx: service.remove_token_group(tx, group_named(tx, name).id))
    show.done(call.json, f"Removed token group {name}", name=name)
