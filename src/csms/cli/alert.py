"""``csms alert``: what somebody should look at."""

from __future__ import annotations

import getpass
from functools import partial

import attrs
import click

from csms.domain.alerts import service, store
from csms.domain.alerts.model import SEVERITIES, AlertsQuery

from . import show
from .options import Invocation, common, examples
from .store import read, write

COLUMNS = ["id", "severity", "message", "times", "last_raised_at", "acknowledged_by", "resolved_at"]


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, in a container
        return "operator"


by_option = click.option("--by", metavar="NAME", default=_me, show_default="your user name", help="Who says so.")
note_option = click.option("--note", default="", help="What else there is to say.")


@click.group()
def alert() -> None:
    """What somebody should look at, each once while it lasts."""


@examples("csms alert list", "csms alert list --severity critical", "csms alert list --all --charger C1 --json")
@alert.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are over as well.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only those of this severity.")
@click.option("--kind", metavar="KIND", help="Only those of this kind.")
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only those about this charger.")
@click.option("--new", "is_new", is_flag=True, help="Only those that nobody looks after yet.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@common
def list_some(
    call: Invocation, everything: bool, severity: str | None, kind: str | None, charger_id: str | None, is_new: bool, limit: int
) -> None:
    """List open alerts, the newest first."""
    which = AlertsQuery(
        kind=kind,
        severity=severity,
        charger_id=charger_id,
        open=None if everything else True,
        acknowledged=False if is_new else None,
    )
    found = [attrs.asdict(each) for each in read(call.config, partial(store.alerts, query=which, limit=limit))]
    none = "No alert is open" if which == AlertsQuery(open=True) else "There are no such alerts"
    show.rows(call.json, found, COLUMNS, empty=none)
    if len(found) == limit:
        show.remark(f"the newest {limit}; --limit shows more")


@examples("csms alert show 7", "csms alert show 7 --json")
@alert.command("show")
@click.argument("alert_id", type=int)
@common
def show_one(call: Invocation, alert_id: int) -> None:
    """Show everything about one alert."""
    show.record(call.json, attrs.asdict(read(call.config, partial(service.need_alert, alert_id=alert_id))))


@examples("csms alert acknowledge 7", "csms alert acknowledge 7 --note 'on my way' --by Asha")
@alert.command()
@click.argument("alert_id", type=int)
@by_option
@note_option
@common
def acknowledge(call: Invocation, alert_id: int, by: str, note: str) -> None:
    """Say that you look after an alert. It stays open, and counts on, until it is over."""
    known = write(call.config, partial(service.acknowledge, alert_id=alert_id, by=by, note=note))
    show.done(call.json, f"Alert {alert_id} is looked after by {known.acknowledged_by}", **attrs.asdict(known))


@examples("csms alert resolve 7", "csms alert resolve 7 --note 'fuse replaced'")
@alert.command()
@click.argument("alert_id", type=int)
@by_option
@note_option
@common
def resolve(call: Invocation, alert_id: int, by: str, note: str) -> None:
    """Say that an alert is over. Should it happen again, it is a new one."""
    known = write(call.config, partial(service.resolve, alert_id=alert_id, by=by, note=note))
    show.done(call.json, f"Alert {alert_id} is resolved", **attrs.asdict(known))
