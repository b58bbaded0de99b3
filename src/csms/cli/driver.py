"""``csms driver``: the people who charge."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import attrs
import click

from csms.core.ports import ReadTx
from csms.domain.drivers import service, store
from csms.domain.drivers.model import Driver, driver_key

from . import show
from .options import Invocation, common, examples
from .pages import every
from .server import Server, server_option
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


@examples("csms driver export 7", "csms driver export 7 --output asha.zip", "csms driver export 7 --format json --output -")
@driver.command()
@click.argument("driver_id", type=int)
@click.option("--format", "form", type=click.Choice(["zip", "json"]), default="zip", help="zip has files and readings, too.")
@click.option("--output", type=click.Path(dir_okay=False, allow_dash=True), help="File to write [default: driver-ID.zip or .json].")
@server_option
@common
def export(call: Invocation, driver_id: int, form: str, output: str | None, server: str | None) -> None:
    """Hand out everything that is held of a driver. Needs the running server."""
    name = output or f"driver-{driver_id}.{form}"
    path = f"/api/v1/drivers/{driver_id}/privacy/export?format={form}"
    if name == "-":
        Server(call.config, server).download("POST", path, sys.stdout.buffer)
        return
    part = Path(f"{name}.part")
    try:
        with part.open("wb") as file:
            size = Server(call.config, server).download("POST", path, file)
        part.replace(name)
    finally:
        part.unlink(missing_ok=True)
    show.done(call.json, f"Wrote {name}: {size} bytes", id=driver_id, file=name, size_bytes=size)


@examples("csms driver erase 7", "csms driver erase 7 --yes")
@driver.command()
@click.argument("driver_id", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_option
@common
def erase(call: Invocation, driver_id: int, yes: bool, server: str | None) -> None:
    """Erase a driver's personal data, for good. What they charged stays, without their name. Needs the running server."""
    if not yes:
        click.confirm(f"Erase driver {driver_id}? This cannot be undone.", abort=True)
    erased = Server(call.config, server).call("POST", f"/api/v1/drivers/{driver_id}/privacy/erase", timeout_s=300.0)
    state = "logs are masked, too" if erased["done_at"] else "logs are being masked"
    show.done(call.json, f"Erased driver {driver_id}; {state}", **erased)
