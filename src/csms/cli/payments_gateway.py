"""``csms payments gateway``: accounts at payment gateways. Secrets are asked for, or come from the environment; never as arguments."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from . import show
from .exits import Exit, Failure
from .options import Invocation, common, examples
from .server import Server, server_option

GATEWAYS = "/api/v1/gateways"
COLUMNS = ["id", "name", "provider", "key_id", "live", "is_default", "state", "check_result", "notice_path"]
KEY_SECRET, WEBHOOK_SECRET = "GATEWAY_KEY_SECRET", "GATEWAY_WEBHOOK_SECRET"


@click.group()
def gateway() -> None:
    """Accounts at payment gateways.

    \b
    Secrets are asked for, without showing them, or taken from
      GATEWAY_KEY_SECRET        the key's secret
      GATEWAY_WEBHOOK_SECRET    what the gateway signs its webhooks with
    """


def _secret(variable: str, words: str, *, optional: bool = False) -> str:
    """A secret from the environment, or asked for. Raises ``Failure`` where nobody can be asked."""
    if variable in os.environ:
        return os.environ[variable]
    if not sys.stdin.isatty():
        if optional:
            return ""
        raise Failure(f"nobody can be asked for the {words}: put it into {variable}", Exit.USAGE)
    given: str = click.prompt(words.capitalize(), hide_input=True, default="" if optional else None, show_default=False)
    return given


@examples("csms payments gateway list", "csms payments gateway list --json")
@gateway.command("list")
@server_option
@common
def list_all(call: Invocation, server: str | None) -> None:
    """List accounts at payment gateways."""
    found = Server(call.config, server).call("GET", f"{GATEWAYS}?limit=200")["items"]
    show.rows(call.json, found, COLUMNS, empty="There are none: csms payments gateway add NAME --provider razorpay --key-id KEY")


@examples(
    "csms payments gateway add shop --provider razorpay --key-id rzp_test_1DP5mmOlF5G5ag",
    "GATEWAY_KEY_SECRET=... csms payments gateway add shop --provider razorpay --key-id rzp_live_... --live",
)
@gateway.command()
@click.argument("name")
@click.option("--provider", required=True, metavar="NAME", help="The gateway, as its plugin calls it, such as razorpay.")
@click.option("--key-id", required=True, metavar="KEY", help="The key's id; its secret is asked for.")
@click.option("--base-url", default="", metavar="URL", help="Another address than the gateway's own, such as of a stub.")
@click.option("--live", is_flag=True, help="Real money moves.")
@click.option("--default", "is_default", is_flag=True, help="New payments go through it.")
@server_option
@common
def add(call: Invocation, name: str, server: str | None, **said: Any) -> None:
    """Add an account. Prints where its gateway is to send webhooks."""
    body = {
        "name": name,
        **said,
        "key_secret": _secret(KEY_SECRET, "secret of the key"),
        "webhook_secret": _secret(WEBHOOK_SECRET, "secret of its webhooks (empty for none)", optional=True),
    }
    api = Server(call.config, server)
    made = api.call("POST", GATEWAYS, body)
    words = f"Account {made['id']} was added. Its gateway is to send webhooks to {api.url}{made['notice_path']}"
    show.done(call.json, f"{words} (or this server's public address)\nDo its keys work? csms payments check {made['id']}", **made)


@examples(
    "csms payments gateway set 2 --default",
    "csms payments gateway set 2 --key-id rzp_live_... --key-secret --live",
    "csms payments gateway set 2 --close",
)
@gateway.command("set")
@click.argument("gateway_id", type=int)
@click.option("--name", metavar="NAME", help="Another name.")
@click.option("--key-id", metavar="KEY", help="Another key.")
@click.option("--key-secret", "ask_key", is_flag=True, help="Ask for another secret of the key.")
@click.option("--webhook-secret", "ask_webhook", is_flag=True, help="Ask for another secret of its webhooks.")
@click.option("--base-url", metavar="URL", help="Another address; '' for the gateway's own.")
@click.option("--live/--test", default=None, help="Whether real money moves.")
@click.option("--default", "is_default", is_flag=True, help="New payments go through it.")
@click.option("--close", is_flag=True, help="Take no new payments with it.")
@server_option
@common
def set_some(
    call: Invocation,
    gateway_id: int,
    ask_key: bool,
    ask_webhook: bool,
    is_default: bool,
    close: bool,
    server: str | None,
    **said: Any,
) -> None:
    """Change an account, or close it."""
    api = Server(call.config, server)
    body = {name: value for name, value in said.items() if value is not None}
    if is_default:
        body["is_default"] = True
    if ask_key:
        body["key_secret"] = _secret(KEY_SECRET, "secret of the key")
    if ask_webhook:
        body["webhook_secret"] = _secret(WEBHOOK_SECRET, "secret of its webhooks (empty for none)", optional=True)
    if not body and not close:
        raise click.UsageError("say what is to be other, such as --default or --key-secret")
    if body:
        api.call("PATCH", f"{GATEWAYS}/{gateway_id}", body)
    if close:
        api.call("DELETE", f"{GATEWAYS}/{gateway_id}")
    changed = api.call("GET", f"{GATEWAYS}/{gateway_id}")
    show.done(call.json, f"Account {gateway_id} ({changed['name']}) is {changed['state']}", **changed)
