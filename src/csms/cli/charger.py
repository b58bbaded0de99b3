"""``csms charger``: who the chargers are, and which may connect."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import click

from csms.config import Config
from csms.core.errors import Invalid, NotFound
from csms.core.ids import charger_key
from csms.core.ports import ReadTx
from csms.domain.stations import judging, keys, service, store
from csms.domain.stations.model import ACCEPTED, APPROVALS, PENDING, REJECTED, SECURITY_PROFILES, Charger
from csms.domain.transactions.store import rows as transactions
from csms.outside import SystemEntropy
from csms.premises import connect_url
from csms.quirks import Book, load

from . import show
from .charger_details import describe, qr
from .exits import Failure
from .options import Invocation, common, examples
from .pages import every
from .server import Server, Unreachable, segment, server_option
from .station import station_id
from .store import read, write

COLUMNS = ["id", "name", "station_id", "approval", "registration", "connected", "protocol", "vendor", "model", "last_seen_at"]


def plain(charger: Charger) -> dict[str, Any]:
    """A charger with its facts on one level, as tables and scripts want it."""
    record = attrs.asdict(charger)
    facts = record.pop("facts")
    return {**record, **facts, "connected": charger.connected, "standing": charger.standing}


@click.group()
def charger() -> None:
    """Who the chargers are, and which may connect."""


charger.add_command(describe)
charger.add_command(qr)


@examples(
    "csms charger list",
    "csms charger list --connected",
    "csms charger list --approval pending --json",
)
@charger.command("list")
@click.option("--connected/--offline", "connected", default=None, help="Only those with or without a connection.")
@click.option("--approval", type=click.Choice(APPROVALS), help="Only those an operator decided about so.")
@click.option("--station", metavar="STATION", help="Only those on a station, by name or id.")
@common
def list_all(call: Invocation, connected: bool | None, approval: str | None, station: str | None) -> None:
    """List chargers."""
    place = station_id(call.config, station) if station else None

    def query(tx: ReadTx) -> Sequence[Charger]:
        return every(
            lambda after: store.list_chargers(tx, after=after, limit=500, station_id=place, approval=approval, connected=connected),
            lambda last: last.id,
            start="",
        )

    found = [plain(each) for each in read(call.config, query)]
    show.rows(call.json, found, COLUMNS, empty="There are no such chargers: csms charger add CHARGER_ID")


@examples("csms charger show C1", "csms charger show C1 --json")
@charger.command("show")
@click.argument("charger_id")
@common
def show_one(call: Invocation, charger_id: str) -> None:
    """Show one charger and its connectors."""

    def query(tx: ReadTx) -> dict[str, Any] | None:
        found = store.charger(tx, charger_id)
        if found is None:
            return None
        connectors = [attrs.asdict(each) for each in store.list_connectors(tx, charger_id)]
        oddities = [attrs.asdict(each) for each in store.list_oddities(tx, charger_id)]
        return plain(found) | {"connectors": connectors, "oddities": oddities}

    facts = read(call.config, query)
    if facts is None:
        raise NotFound(f"there is no charger {charger_id!r}")
    facts["quirks"] = _quirks(call, facts)
    facts["security_profile_required"] = _required(call.config, facts["security_profile"])
    if call.json:
        show.as_json(facts)
        return
    connectors, oddities = facts.pop("connectors"), facts.pop("oddities")
    facts["quirks"] = ", ".join(sorted(facts["quirks"])) or "none"
    show.record(False, facts)
    for each in connectors:
        each["place"] = f"{each['place']['evse']}.{each['place']['connector']}"
    if connectors:
        click.echo("\nConnectors")
        show.rows(False, connectors, ["place", "status", "error_code", "info", "since_at"], empty="")
    if oddities:
        click.echo("\nWhat it does wrong")
        show.rows(False, oddities, ["rule", "field", "count", "example", "last_seen_at"], empty="")


def _book(call: Invocation) -> Book:
    return load(Path(call.config.ocpp.quirks_file) if call.config.ocpp.quirks_file else None)


def _quirks(call: Invocation, facts: dict[str, Any]) -> dict[str, Any]:
    """What is known about chargers of this kind, by quirk."""
    entries = _book(call).about(facts["vendor"], facts["model"], facts["firmware"])
    return {name: value for entry in entries for name, value in entry.changes.items()}


@examples("csms charger quirks", "csms charger quirks C1          only those that hold for a charger")
@charger.command("quirks")
@click.argument("charger_id", required=False)
@common
def quirks(call: Invocation, charger_id: str | None) -> None:
    """Show what is known of kinds of chargers, and where that comes from.

    Most deviations need no entry here: they are understood from every charger, and counted (csms charger show).
    """
    found = _book(call).entries
    if charger_id is not None:
        known = read(call.config, lambda tx: service.need_charger(tx, charger_id))
        found = tuple(_book(call).about(known.facts.vendor, known.facts.model, known.facts.firmware))
    rows = [
        {
            "vendor": entry.vendor,
            "model": entry.model,
            "firmware": entry.firmware,
            "quirk": name,
            "value": sorted(value) if isinstance(value, frozenset) else value,
            "note": entry.note,
            "from": entry.source,
        }
        for entry in found
        for name, value in entry.changes.items()
    ]
    show.rows(
        call.json,
        rows,
        ["vendor", "model", "firmware", "quirk", "value", "note", "from"],
        empty="Nothing is known of such chargers",
    )


def _required(config: Config, own: int | None) -> int:
    """The least security profile that a charger may log in with."""
    return judging.default_profile(config.ocpp) if own is None else own


def _sealed(chosen: str | None) -> tuple[str, str]:
    """A key, chosen by a person or fresh, and how it is stored. Raises ``Invalid``."""
    entropy = SystemEntropy()
    if chosen == "-":
        chosen = sys.stdin.readline().rstrip("\n")
    key = keys.new_key(entropy) if chosen is None else keys.check(chosen)
    return key, keys.seal(key.encode(), entropy)


_key_option = click.option("--key", metavar="KEY", help="Use this key instead of a fresh one; - reads it from standard input.")


@examples(
    "csms charger add C1",
    "csms charger add C1 --name 'Bay 4' --station 'North campus'",
    "csms charger add C1 --key -  < key.txt",
    "csms charger add C1 --json | jq -r .key",
)
@charger.command()
@click.argument("charger_id")
@click.option("--name", default="", help="What people call it.")
@click.option("--station", metavar="STATION", help="Where it stands, by name or id.")
@click.option("--pending", is_flag=True, help="Hold it until `csms charger approve`.")
@click.option(
    "--profile", metavar="0-3", type=int, help="The least security profile it may log in with; see `csms charger security`."
)
@_key_option
@common
def add(
    call: Invocation, charger_id: str, name: str, station: str | None, pending: bool, profile: int | None, key: str | None
) -> None:
    """Add a charger and print its key.

    The key is shown only now. The charger shows it as the password of HTTP Basic authentication, with its id as the user (OCPP security profile 1).
    """
    place = station_id(call.config, station) if station else None
    clear, sealed = _sealed(key)
    verb = partial(
        service.add_charger,
        charger_id=charger_id,
        name=name,
        station_id=place,
        approval=PENDING if pending else ACCEPTED,
        sealed_key=sealed,
        security_profile=profile,
    )
    added = write(call.config, verb, keys=(charger_key(charger_id),))
    url = connect_url(call.config, charger_id)
    if call.json:
        show.as_json(plain(added) | {"key": clear, "url": url})
    else:
        click.echo(f"Added charger {charger_id}. Its key, shown only now:\n\n  {clear}\n\nIt connects to {url}")


@examples("csms charger approve C1")
@charger.command()
@click.argument("charger_id")
@server_option
@common
def approve(call: Invocation, charger_id: str, server: str | None) -> None:
    """Let a pending or rejected charger in.

    A running server is asked first, so that a connected charger is let in at once; without one it is decided in the database.
    """
    try:
        Server(call.config, server).call("POST", f"/api/v1/chargers/{segment(charger_id)}/approve")
    except Unreachable:
        if server is not None:
            raise
        _decide(call, charger_id, ACCEPTED)
    show.done(call.json, f"Approved charger {charger_id}", charger_id=charger_id, approval=ACCEPTED)


@examples("csms charger reject C1        it may connect, and is told so at every boot")
@charger.command()
@click.argument("charger_id")
@server_option
@common
def reject(call: Invocation, charger_id: str, server: str | None) -> None:
    """Shut a charger out. If it is connected its link is closed, so that it hears of it."""
    _decide(call, charger_id, REJECTED)
    _drop(call, charger_id, server)
    show.done(call.json, f"Rejected charger {charger_id}", charger_id=charger_id, approval=REJECTED)


def _decide(call: Invocation, charger_id: str, approval: str) -> None:
    write(call.config, partial(service.decide, charger_id=charger_id, approval=approval), keys=(charger_key(charger_id),))


def _drop(call: Invocation, charger_id: str, server: str | None) -> None:
    """Close the charger's live connection, if a server runs and has one; that is never an error of the command."""
    try:
        Server(call.config, server).call("DELETE", f"/api/v1/connections/{segment(charger_id)}", accept=frozenset({404}))
    except Unreachable:
        return
    except (Failure, OSError) as error:
        show.remark(f"note: its connection was not closed: {error}")


def _running(tx: ReadTx, charger_id: str) -> list[int]:
    return [each.id for each in transactions.open_of(tx, charger_id)]


@examples("csms charger remove C1")
@charger.command()
@click.argument("charger_id")
@server_option
@common
def remove(call: Invocation, charger_id: str, server: str | None) -> None:
    """Remove a charger.

    Its connection is closed. Its transactions and messages stay; one that still runs must be stopped or ended first.
    """
    verb = partial(service.remove_charger, charger_id=charger_id, running=_running)
    write(call.config, verb, keys=(charger_key(charger_id),))
    _drop(call, charger_id, server)
    show.done(call.json, f"Removed charger {charger_id}", charger_id=charger_id)


@examples("csms charger key C1", "csms charger key C1 --key - < key.txt")
@charger.command()
@click.argument("charger_id")
@_key_option
@common
def key(call: Invocation, charger_id: str, key: str | None) -> None:
    """Give a charger a new key and print it.

    The key is shown only now. The old one opens no new connection.
    """
    clear, sealed = _sealed(key)
    write(call.config, partial(service.set_key, charger_id=charger_id, sealed=sealed), keys=(charger_key(charger_id),))
    if call.json:
        show.as_json({"charger_id": charger_id, "key": clear})
    else:
        click.echo(f"The new key of charger {charger_id}, shown only now:\n\n  {clear}")


@examples(
    "csms charger security C1                 which it must use, and which it used last",
    "csms charger security C1 --profile 2     a key over TLS, from its next log-in on",
    "csms charger security C1 --profile default",
    "csms charger security C1 --profile 1 --force",
)
@charger.command()
@click.argument("charger_id")
@click.option(
    "--profile",
    type=click.Choice([*map(str, SECURITY_PROFILES), "default"]),
    help="The least it may log in with: 0 nothing, 1 its key, 2 its key over TLS, 3 a client certificate; or what the configuration says.",
)
@click.option("--force", is_flag=True, help="Lower it all the same.")
@common
def security(call: Invocation, charger_id: str, profile: str | None, force: bool) -> None:
    """Show or set the security profile that a charger must use.

    A charger that logs in with a lower one is turned away; a connection that it has is left alone. Lowering is refused unless forced:
    it lets in whoever has only the weaker credentials.
    """
    default = judging.default_profile(call.config.ocpp)
    if profile is not None:
        number = None if profile == "default" else int(profile)
        verb = partial(service.set_security_profile, charger_id=charger_id, profile=number, default=default, force=force)
        write(call.config, verb, keys=(charger_key(charger_id),))
    found = read(call.config, lambda tx: service.need_charger(tx, charger_id))
    used, required = found.security_profile_used, _required(call.config, found.security_profile)
    show.record(
        call.json,
        {
            "charger_id": charger_id,
            "security_profile": found.security_profile,
            "security_profile_required": required,
            "security_profile_used": used,
            "keys_offered": found.keys_offered,
        },
    )
    if profile is not None and used is not None and used < required:
        show.remark(f"note: it used {used} last and will be turned away until it uses {required} or a higher one")


@examples("csms charger place C1 'North campus'", "csms charger place C1 --nowhere")
@charger.command()
@click.argument("charger_id")
@click.argument("station", required=False)
@click.option("--nowhere", is_flag=True, help="Take it off its station.")
@common
def place(call: Invocation, charger_id: str, station: str | None, nowhere: bool) -> None:
    """Put a charger on a STATION, by name or id."""
    if (station is None) != nowhere:
        raise Invalid("name a station, or say --nowhere")
    number = None if station is None else station_id(call.config, station)
    verb = partial(service.place_charger, charger_id=charger_id, station_id=number)
    write(call.config, verb, keys=(charger_key(charger_id),))
    show.done(call.json, f"Charger {charger_id} stands on {station or 'no station'}", charger_id=charger_id, station_id=number)
