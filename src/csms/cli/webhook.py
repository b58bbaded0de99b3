"""``csms webhook``: events sent to URLs, through the running server."""

from __future__ import annotations

from typing import Any

import click

from . import show
from .options import Invocation, common, examples
from .server import Server, server_option
from .when import INSTANT

ROOT = "/api/v1/webhooks"
COLUMNS = ["id", "name", "url", "events", "state", "failures", "last_error", "delivered_at"]
DELIVERY_COLUMNS = ["id", "event_id", "event_type", "charger_id", "state", "attempts", "status", "error", "took_ms", "created_at"]


@click.group()
def webhook() -> None:
    """Have events sent to a URL, signed, until they are taken."""


@examples("csms webhook list", "csms webhook list --state paused --json")
@webhook.command("list")
@click.option("--state", type=click.Choice(["active", "paused"]), help="Only those in this state.")
@server_option
@common
def list_some(call: Invocation, state: str | None, server: str | None) -> None:
    """List webhooks."""
    query = f"?limit=200&state={state}" if state else "?limit=200"
    found = Server(call.config, server).call("GET", ROOT + query)["items"]
    show.rows(call.json, found, COLUMNS, empty="There are none: csms webhook add NAME URL")


@examples(
    "csms webhook add billing https://example.com/csms --event 'transaction_*'",
    "csms webhook add all https://example.com/csms --charger C1 --charger C2",
)
@webhook.command()
@click.argument("name")
@click.argument("url")
@click.option("--event", "events", multiple=True, metavar="PATTERN", help="Only these types, such as 'transaction_*' (repeat).")
@click.option("--station", "stations", multiple=True, type=int, metavar="ID", help="Only about chargers at this station (repeat).")
@click.option("--charger", "chargers", multiple=True, metavar="CHARGER_ID", help="Only about this charger (repeat).")
@server_option
@common
def add(
    call: Invocation,
    name: str,
    url: str,
    events: tuple[str, ...],
    stations: tuple[int, ...],
    chargers: tuple[str, ...],
    server: str | None,
) -> None:
    """Have events sent to a URL. Prints the secret with which the receiver verifies them, once."""
    body = {"name": name, "url": url, "events": events or ("*",), "stations": stations, "chargers": chargers}
    made = Server(call.config, server).call("POST", ROOT, body)
    number = made["webhook"]["id"]
    show.done(call.json, f"Webhook {number} was added; its secret, shown this once, is\n{made['secret']}", **made)


@examples("csms webhook deliveries 3", "csms webhook deliveries 3 --state failed")
@webhook.command()
@click.argument("webhook_id", type=int)
@click.option("--state", type=click.Choice(["waiting", "delivered", "failed"]), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="At most so many.")
@server_option
@common
def deliveries(call: Invocation, webhook_id: int, state: str | None, limit: int, server: str | None) -> None:
    """List what was sent and what waits, the newest first."""
    query = f"?limit={limit}" + (f"&state={state}" if state else "")
    found = Server(call.config, server).call("GET", f"{ROOT}/{webhook_id}/deliveries{query}")["items"]
    show.rows(call.json, found, DELIVERY_COLUMNS, empty="Nothing was sent")


@examples(
    "csms webhook redeliver 3 --delivery 77",
    "csms webhook redeliver 3 --since 24h",
    "csms webhook redeliver 3 --since 24h --failed",
)
@webhook.command()
@click.argument("webhook_id", type=int)
@click.option("--delivery", "delivery_id", type=int, metavar="ID", help="This one.")
@click.option("--since", type=INSTANT, metavar="WHEN", help="Everything since then that failed, or was missed while paused.")
@click.option("--failed", "only_failed", is_flag=True, help="With --since: only what failed.")
@server_option
@common
def redeliver(
    call: Invocation, webhook_id: int, delivery_id: int | None, since: int | None, only_failed: bool, server: str | None
) -> None:
    """Send once more."""
    if (delivery_id is None) == (since is None):
        raise click.UsageError("say what to send again: --delivery ID or --since WHEN")
    api = Server(call.config, server)
    if delivery_id is not None:
        again = api.call("POST", f"{ROOT}/{webhook_id}/deliveries/{delivery_id}/redeliver")
        show.done(call.json, f"Delivery {delivery_id} is sent again", **again)
        return
    count = api.call("POST", f"{ROOT}/{webhook_id}/redeliver", {"since_at": since, "missed": not only_failed})
    show.done(call.json, f"{count['deliveries']} deliveries are sent (again)", **count)


@examples("csms webhook pause 3 --reason 'they rebuild it'")
@webhook.command()
@click.argument("webhook_id", type=int)
@click.option("--reason", default="", help="Why.")
@server_option
@common
def pause(call: Invocation, webhook_id: int, reason: str, server: str | None) -> None:
    """Send nothing for now."""
    _done(call, Server(call.config, server).call("POST", f"{ROOT}/{webhook_id}/pause", {"reason": reason}), "is paused")


@examples("csms webhook resume 3")
@webhook.command()
@click.argument("webhook_id", type=int)
@server_option
@common
def resume(call: Invocation, webhook_id: int, server: str | None) -> None:
    """Send again: what waits, and what happens from now on. What was missed: csms webhook redeliver."""
    _done(call, Server(call.config, server).call("POST", f"{ROOT}/{webhook_id}/resume"), "is active")


@examples("csms webhook test 3")
@webhook.command()
@click.argument("webhook_id", type=int)
@server_option
@common
def test(call: Invocation, webhook_id: int, server: str | None) -> None:
    """Send a message that is no event, and say what came of it."""
    came = Server(call.config, server).call("POST", f"{ROOT}/{webhook_id}/test")
    show.done(call.json, f"The receiver took it in {came['took_ms']} ms" if came["state"] == "delivered" else came["error"], **came)


def _done(call: Invocation, found: dict[str, Any], what: str) -> None:
    show.done(call.json, f"Webhook {found['id']} ({found['name']}) {what}", **found)
