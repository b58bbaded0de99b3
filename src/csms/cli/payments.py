"""``csms payments``: payments, refunds and accounts at payment gateways, through the running server."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import click

from csms.core.money import written
from csms.domain.payments.model import PURPOSES, STATES

from . import show
from .exits import Exit, Failure
from .options import Invocation, common, examples
from .payments_gateway import GATEWAYS, gateway
from .server import Server, server_option
from .wallet import amount_of

ROOT = "/api/v1/payments"
COLUMNS = ["id", "created_at", "state", "purpose", "way", "driver_id", "amount", "paid", "refunded", "description"]
ATTEMPTS = ["id", "payment_ref", "state", "amount", "method", "shown", "credited_to", "odd", "error"]
REFUNDS = ["id", "created_at", "state", "amount", "reason", "refund_ref", "error"]
WAIT_S = 100.0


@click.group()
def payments() -> None:
    """Payments through gateways: what came, what went back, and whether the gateways' keys work."""


payments.add_command(gateway)


def _facts(found: dict[str, Any]) -> dict[str, Any]:
    """A payment, an attempt or a refund with its amounts as people write them."""
    known = dict(found)
    for name in ("amount", "paid", "refunded"):
        if f"{name}_minor" in known:
            known[name] = written(known[f"{name}_minor"], known["currency"])
    return known


@examples(
    "csms payments list", "csms payments list --state open --driver 7", "csms payments list --search pay_29QQoUBi66xm2f --json"
)
@payments.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--purpose", type=click.Choice(PURPOSES), help="Only those for this.")
@click.option("--driver", "driver_id", type=int, metavar="ID", help="Only those of this driver.")
@click.option("--search", metavar="TEXT", help="In descriptions and in ids, ours and the gateway's.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="At most so many.")
@server_option
@common
def list_some(call: Invocation, limit: int, server: str | None, **asked: Any) -> None:
    """List payments, the newest first."""
    query = urlencode({"limit": limit, **{name: value for name, value in asked.items() if value is not None}})
    found = Server(call.config, server).call("GET", f"{ROOT}?{query}")["items"]
    show.rows(call.json, found if call.json else [_facts(each) for each in found], COLUMNS, empty="There are none")


@examples("csms payments show 12", "csms payments show 12 --json")
@payments.command("show")
@click.argument("payment_id", type=int)
@server_option
@common
def show_one(call: Invocation, payment_id: int, server: str | None) -> None:
    """Show a payment, every attempt to pay it, and its refunds."""
    found = Server(call.config, server).call("GET", f"{ROOT}/{payment_id}")
    if call.json:
        show.as_json(found)
        return
    _tell(False, found["payment"])
    for title, name, columns in (("Attempts", "attempts", ATTEMPTS), ("Refunds", "refunds", REFUNDS)):
        if found[name]:
            click.echo(f"\n{title}")
            show.rows(False, [_facts(each) for each in found[name]], columns, empty="")


def _tell(as_json: bool, found: dict[str, Any]) -> None:
    hidden = ("amount_minor", "paid_minor", "refunded_minor", "currency", "checkout")
    known = found if as_json else {name: value for name, value in _facts(found).items() if name not in hidden}
    show.record(as_json, known)


@examples("csms payments reconcile 12")
@payments.command()
@click.argument("payment_id", type=int)
@server_option
@common
def reconcile(call: Invocation, payment_id: int, server: str | None) -> None:
    """Ask the gateway now what became of a payment."""
    _tell(call.json, Server(call.config, server).call("POST", f"{ROOT}/{payment_id}/reconcile", timeout_s=WAIT_S))


@examples("csms payments refund 12 --reason 'charger out of order'", "csms payments refund 12 --amount 150.00 --reason 'too much'")
@payments.command()
@click.argument("payment_id", type=int)
@click.option("--amount", metavar="AMOUNT", help="So much of it, such as 150.00 [default: all that is left].")
@click.option("--reason", required=True, metavar="TEXT", help="Why; the driver may see it.")
@server_option
@common
def refund(call: Invocation, payment_id: int, amount: str | None, reason: str, server: str | None) -> None:
    """Give back a payment, or a part of it."""
    api = Server(call.config, server)
    body: dict[str, Any] = {"reason": reason}
    if amount is not None:
        body["amount_minor"] = amount_of(amount, api.call("GET", f"{ROOT}/{payment_id}")["payment"]["currency"])
    made = api.call("POST", f"{ROOT}/{payment_id}/refunds", body, timeout_s=WAIT_S)
    words = {"refunded": "went back", "failed": f"could not go back: {made['error']}"}.get(made["state"], "is on its way back")
    show.done(call.json, f"Refund {made['id']}: {written(made['amount_minor'], made['currency'])} {words}", **made)


@examples("csms payments check", "csms payments check 2")
@payments.command()
@click.argument("gateway_id", type=int, required=False)
@server_option
@common
def check(call: Invocation, gateway_id: int | None, server: str | None) -> None:
    """Say whether the keys of the accounts at payment gateways work: of all that take payments, or of one."""
    api = Server(call.config, server)
    if gateway_id is None:
        found = api.call("GET", f"{GATEWAYS}?state=active&limit=200")["items"]
        if not found:
            raise Failure("there is no account at a payment gateway: csms payments gateway add NAME", Exit.FAILED)
    else:
        found = [api.call("GET", f"{GATEWAYS}/{gateway_id}")]
    told = []
    for each in found:
        came = api.call("POST", f"{GATEWAYS}/{each['id']}/check", timeout_s=WAIT_S)
        told.append({**{name: each[name] for name in ("id", "name", "provider", "live")}, **came})
    show.rows(call.json, told, ["id", "name", "provider", "live", "works", "result"], empty="")
    if not all(each["works"] for each in told):
        raise Failure("some keys do not work", Exit.FAILED)
