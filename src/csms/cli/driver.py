"""``csms driver``: the people who charge."""

from __future__ import annotations

from functools import partial

import attrs
import click

from csms.core.ports import ReadTx
from csms.domain.drivers import service, store
from csms.domain.drivers.model import Driver, driver_key

from . import show
from .options import Invocation, common, examples
from .pages import every
from .store import TENANT, read, write

COLUMNS = ["id", "name", "email", "phone", "reference", "status", "created_at"]


def drivers(tx: ReadTx) -> list[Driver]:
    """Every driver of the tenant."""
    return every(lambda after: store.list_drivers(tx, after=after, limit=500), lambda last: last.id, start=0)


@click.group()
def driver() -> None:
    """The people who charge."""


@examples("csms driver list", "csms driver list --json")
@driver.command("list")
@common
def list_all(call: Invocation) -> None:
    """List all drivers."""
    found = [attrs.asdict(each) for each in read(call.config, drivers)]
    show.rows(call.json, found, COLUMNS, empty="There are no drivers yet: csms driver add NAME")


@examples("csms driver add 'Asha Rao' --email asha@example.org --phone '+91 20 5550 1234'")
@driver.command()
@click.argument("name")
@click.option("--email", default="", help="E-mail address; no two drivers share one.")
@click.option("--phone", default="", help="Telephone number.")
@click.option("--reference", default="", help="Another system's name for them.")
@common
def add(call: Invocation, name: str, email: str, phone: str, reference: str) -> None:
    """Add a driver called NAME; give them a token with `csms token add TOKEN --driver ID`."""
    added = write(call.config, partial(service.add_driver, name=name, email=email, phone=phone, reference=reference))
    show.done(call.json, f"Added driver {added.id}: {added.name}", **attrs.asdict(added))


@examples("csms driver block 7")
@driver.command()
@click.argument("driver_id", type=int)
@common
def block(call: Invocation, driver_id: int) -> None:
    """Block every token of a driver."""
    write(call.config, partial(service.block_driver, driver_id=driver_id), keys=(driver_key(TENANT, driver_id),))
    show.done(call.json, f"Blocked driver {driver_id}", id=driver_id, status="blocked")


@examples("csms driver unblock 7")
@driver.command()
@click.argument("driver_id", type=int)
@common
def unblock(call: Invocation, driver_id: int) -> None:
    """Undo block."""
    write(call.config, partial(service.unblock_driver, driver_id=driver_id), keys=(driver_key(TENANT, driver_id),))
    show.done(call.json, f"Unblocked driver {driver_id}", id=driver_id, status="active")


@examples("csms driver remove 7")
@driver.command()
@click.argument("driver_id", type=int)
@common
def remove(call: Invocation, driver_id: int) -> None:
    """Remove a driver who has no tokens (any more). What they charged stays."""
    write(call.config, partial(service.remove_driver, driver_id=driver_id), keys=(driver_key(TENANT, driver_id),))
    show.done(call.json, f"Removed driver {driver_id}", id=driver_id)
