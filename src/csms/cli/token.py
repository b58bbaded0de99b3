"""``csms token``: what identifies drivers at chargers, and where each may charge."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import click

from csms.core.errors import NotFound
from csms.core.ids import token_key
from csms.core.ports import ReadTx, Tx
from csms.domain.drivers import service, store
from csms.domain.drivers.model import IssuedToken

from . import show
from .options import Invocation, common, examples
from .pages import every
from .station import station_id
from .store import TENANT, read, write
from .token_group import group, group_named
from .when import INSTANT

COLUMNS = ["value", "kind", "label", "driver_id", "token_group_id", "status", "valid_from", "expires_at", "max_transactions"]


@click.group()
def token() -> None:
    """What identifies drivers at chargers.

    RFID cards, app tokens and the like, and where each may charge. Case does not matter.
    """


token.add_command(group)


@examples("csms token list", "csms token list --driver 7 --json")
@token.command("list")
@click.option("--driver", "driver_id", type=int, metavar="ID", help="Only those of a driver.")
@common
def list_all(call: Invocation, driver_id: int | None) -> None:
    """List tokens."""

    def query(tx: ReadTx) -> list[IssuedToken]:
        return every(
            lambda after: store.list_tokens(tx, after=after, limit=500, driver_id=driver_id),
            lambda last: last.value.casefold(),
            start="",
        )

    found = [_plain(each) for each in read(call.config, query)]
    show.rows(call.json, found, COLUMNS, empty="There are no such tokens: csms token add TOKEN")


def _plain(issued: IssuedToken) -> dict[str, Any]:
    return attrs.asdict(issued)


@examples(
    "csms token add 04A2B3C4",
    "csms token add 04A2B3C4 --driver 7 --label 'blue card' --expires 2027-01-01",
    "csms token add FLEET1 --group Fleet --max-transactions 0          as many at a time as it likes",
)
@token.command()
@click.argument("value", metavar="TOKEN")
@click.option("--kind", default="", help="OCPP 2.x's type of it, such as ISO14443.")
@click.option("--label", default="", help="What people call it.")
@click.option("--driver", "driver_id", type=int, metavar="ID", help="Whose it is.")
@click.option("--group", "group_name", metavar="NAME", help="Its token group.")
@click.option("--valid-from", type=INSTANT, metavar="INSTANT", help="Not before.")
@click.option("--expires", "expires_at", type=INSTANT, metavar="INSTANT", help="Not after, such as 2027-01-01.")
@click.option("--max-transactions", type=int, help="Transactions at a time; 0 is no limit [default: as configured].")
@common
def add(
    call: Invocation,
    value: str,
    kind: str,
    label: str,
    driver_id: int | None,
    group_name: str | None,
    valid_from: int | None,
    expires_at: int | None,
    max_transactions: int | None,
) -> None:
    """Issue a token."""

    def verb(tx: Tx) -> IssuedToken:
        return service.add_token(
            tx,
            value,
            kind=kind,
            label=label,
            token_group_id=group_named(tx, group_name).id if group_name else None,
            driver_id=driver_id,
            valid_from=valid_from,
            expires_at=expires_at,
            max_transactions=max_transactions,
        )

    added = write(call.config, verb, keys=(token_key(TENANT, value),))
    show.done(call.json, f"Added token {added.value}", **_plain(added))


@examples("csms token show 04A2B3C4")
@token.command("show")
@click.argument("value", metavar="TOKEN")
@common
def show_one(call: Invocation, value: str) -> None:
    """Show one token and where it may charge."""

    def query(tx: ReadTx) -> dict[str, Any]:
        issued = service.need_token(tx, value)
        grants = every(lambda after: store.list_grants(tx, after=after, limit=500), lambda last: last.id, start=0)
        mine = [
            attrs.asdict(each)
            for each in grants
            if each.token_id == issued.id
            or (each.driver_id is not None and each.driver_id == issued.driver_id)
            or (each.token_group_id is not None and each.token_group_id == issued.token_group_id)
        ]
        return {**_plain(issued), "grants": mine}

    show.record(call.json, read(call.config, query))


@examples("csms token block 04A2B3C4")
@token.command()
@click.argument("value", metavar="TOKEN")
@common
def block(call: Invocation, value: str) -> None:
    """Block a token; chargers are told at the next authorization."""
    changed = write(call.config, partial(service.block_token, value=value), keys=(token_key(TENANT, value),))
    show.done(call.json, f"Blocked token {changed.value}", **_plain(changed))


@examples("csms token unblock 04A2B3C4")
@token.command()
@click.argument("value", metavar="TOKEN")
@common
def unblock(call: Invocation, value: str) -> None:
    """Undo block."""
    changed = write(call.config, partial(service.unblock_token, value=value), keys=(token_key(TENANT, value),))
    show.done(call.json, f"Unblocked token {changed.value}", **_plain(changed))


@examples("csms token remove 04A2B3C4")
@token.command()
@click.argument("value", metavar="TOKEN")
@common
def remove(call: Invocation, value: str) -> None:
    """Take a token away. What it charged stays."""
    write(call.config, partial(service.remove_token, value=value), keys=(token_key(TENANT, value),))
    show.done(call.json, f"Removed token {value}", value=value)


@examples("csms token grant 04A2B3C4 Depot", "csms token grant 04A2B3C4 3")
@token.command()
@click.argument("value", metavar="TOKEN")
@click.argument("station")
@common
def grant(call: Invocation, value: str, station: str) -> None:
    """Let a token charge at a STATION (name or id); with one grant or more it may charge only where one says so."""
    number = station_id(call.config, station)

    added = write(call.config, partial(service.grant, token=value, station_id=number), keys=(token_key(TENANT, value),))
    words = f"Token {value} may charge at station {number}" + ("" if added else ", as before")
    show.done(call.json, words, value=value, station_id=number)


@examples("csms token revoke 04A2B3C4 Depot")
@token.command()
@click.argument("value", metavar="TOKEN")
@click.argument("station")
@common
def revoke(call: Invocation, value: str, station: str) -> None:
    """Undo grant."""
    number = station_id(call.config, station)

    def verb(tx: Tx) -> None:
        issued = service.need_token(tx, value)
        grants = every(lambda after: store.list_grants(tx, after=after, limit=500), lambda last: last.id, start=0)
        found = [each.id for each in grants if each.token_id == issued.id and each.station_id == number]
        if not found:
            raise NotFound(f"token {value!r} has no grant for station {number}")
        service.revoke(tx, found[0])

    write(call.config, verb, keys=(token_key(TENANT, value),))
    show.done(call.json, f"Revoked: token {value} at station {number}", value=value, station_id=number)
