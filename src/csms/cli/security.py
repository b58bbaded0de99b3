"""``csms security``: security events, chargers' keys, security profiles."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import attrs
import click

from csms.core.errors import Invalid
from csms.core.ports import ReadTx
from csms.domain.security.model import SecurityEvent
from csms.domain.security.shown import RotationsQuery, SecurityEventsQuery
from csms.domain.security.store import events as events_store
from csms.domain.security.store import keys as keys_store
from csms.domain.stations import store as stations_store

from . import show
from .exits import Exit, Failure
from .options import Invocation, common, examples
from .pages import every
from .send import ask, exit_code, told
from .server import Unreachable, segment, server_option
from .station import station_id
from .store import read

DAY_MS = 86_400_000


@click.group()
def security() -> None:
    """Security events, chargers' keys, and the security profiles that they use."""


@examples("csms security events", "csms security events --charger C1 --days 30", "csms security events --critical --json")
@security.command()
@click.option("--charger", "charger_id", metavar="CHARGER_ID", default="", help="Only those of one charger.")
@click.option("--critical", is_flag=True, help="Only critical ones.")
@click.option("--days", type=click.IntRange(1, 36_500), default=7, show_default=True, help="Of so many days.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="At most so many, the newest.")
@common
def events(call: Invocation, charger_id: str, critical: bool, days: int, limit: int) -> None:
    """Show what chargers reported and what the server noticed, the newest first."""

    def query(tx: ReadTx) -> list[SecurityEvent]:
        since = tx.now - days * DAY_MS
        which = SecurityEventsQuery(charger_id=charger_id or None, critical=critical or None, from_at=since)
        return events_store.listed(tx, which, limit)

    rows = [attrs.asdict(each) for each in read(call.config, query)]
    show.rows(call.json, rows, ["occurred_at", "charger_id", "source", "kind", "critical", "info"], empty="There are none")


@examples(
    "csms security rotate-keys C1 C2",
    "csms security rotate-keys --station 'North campus'",
    "csms security rotate-keys --all --json",
)
@security.command("rotate-keys")
@click.argument("charger_ids", nargs=-1, metavar="[CHARGER_ID]...")
@click.option("--all", "everybody", is_flag=True, help="Every charger that is connected.")
@click.option("--station", metavar="STATION", help="Every connected charger of a station, by name or id.")
@click.option("--forget", is_flag=True, help="Withdraw the keys that were offered before and never shown.")
@server_option
@common
def rotate_keys(
    call: Invocation, charger_ids: tuple[str, ...], everybody: bool, station: str | None, forget: bool, server: str | None
) -> None:
    """Give connected chargers fresh keys, which nobody sees.

    The old key opens as well until its charger has logged in with the new one, so a lost answer locks nobody out. Exit code 4 means
    that a charger refused, 5 that one gave no answer.
    """
    if (len(charger_ids) > 0) + everybody + (station is not None) != 1:
        raise Invalid("name chargers, or say --all or --station")
    if not charger_ids:
        place = station_id(call.config, station) if station else None

        def query(tx: ReadTx) -> list[str]:
            pages = every(
                lambda after: stations_store.list_chargers(tx, after=after, limit=500, station_id=place, connected=True),
                lambda last: last.id,
                start="",
            )
            return [each.id for each in pages]

        charger_ids = tuple(read(call.config, query))
    rows: list[dict[str, Any]] = []
    codes: list[Exit] = []
    with show.progress() as progress:
        bar = progress.add_task("rotating keys", total=len(charger_ids))
        for charger_id in charger_ids:
            try:
                answer = ask(call, server, "POST", f"chargers/{segment(charger_id)}/key/rotate", {"forget": forget})
            except Unreachable:
                raise
            except Failure as failure:  # one that cannot be rotated keeps no other from it
                answer = {"outcome": "Refused", "rotation": {"state": "refused"}, "reason": str(failure)}
                codes.append(Exit.FAILED)
            else:
                codes.append(exit_code(answer))
            said = answer.get("status") or answer.get("code") or answer.get("reason") or ""
            rows.append(
                {"charger_id": charger_id, "state": answer["rotation"]["state"], "outcome": answer.get("outcome"), "said": said}
            )
            progress.advance(bar)
    show.rows(call.json, rows, ["charger_id", "state", "outcome", "said"], empty="No such charger is connected")
    sys.exit(max(codes, default=Exit.DONE))


@examples("csms security keys", "csms security keys --charger C1")
@security.command()
@click.option("--charger", "charger_id", metavar="CHARGER_ID", default="", help="Only those of one charger.")
@common
def keys(call: Invocation, charger_id: str) -> None:
    """Show how key rotations went, the newest first."""
    found = read(call.config, partial(keys_store.rotations, query=RotationsQuery(charger_id=charger_id or None), limit=200))
    rows = [attrs.asdict(each) for each in found]
    show.rows(
        call.json,
        rows,
        ["charger_id", "state", "outcome", "asked_at", "changed_at"],
        empty="No key was rotated: csms security rotate-keys CHARGER_ID",
    )


@examples("csms security upgrade C1 2", "csms security upgrade C1 3")
@security.command()
@click.argument("charger_id")
@click.argument("profile", type=click.IntRange(1, 3))
@server_option
@common
def upgrade(call: Invocation, charger_id: str, profile: int, server: str | None) -> None:
    """Send a connected charger to a higher security PROFILE.

    1 is a key, 2 a key over TLS, 3 a client certificate. It reconnects; once it has logged in so, it must from then on. OCPP lets no
    profile be lowered: `csms charger security` does, for this server only.
    """
    path = f"chargers/{segment(charger_id)}/security-profile"
    answer = ask(call, server, "POST", path, {"profile": profile})
    told(call, charger_id, "SetVariables", answer | {"state": answer.pop("upgrade")["state"]})
