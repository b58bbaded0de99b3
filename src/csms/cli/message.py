"""``csms message``: what people are told and what became of it, through the running server."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import click

from . import show
from .options import Invocation, common, examples
from .server import Server, segment, server_option

ROOT = "/api/v1/messages"
TEMPLATES = "/api/v1/message-templates"
STATES = ["queued", "held", "sending", "sent", "delivered", "read", "failed", "suppressed"]
COLUMNS = ["id", "template", "recipient", "channel", "state", "attempts", "error", "created_at", "sent_at"]
LOG_COLUMNS = ["logged_at", "what", "channel", "detail", "took_ms"]
TEMPLATE_COLUMNS = ["name", "kind", "about", "languages", "own", "sent"]


@click.group()
def message() -> None:
    """See what people are told, send it again, and look at the words."""


@examples("csms message list", "csms message list --state failed", "csms message list --driver 7 --json")
@message.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those that stand so.")
@click.option("--template", help="Only of this template.")
@click.option("--channel", help="Only by this channel.")
@click.option("--driver", "driver_id", type=int, metavar="ID", help="Only to this driver.")
@click.option("--payment", "payment_id", type=int, metavar="ID", help="Only to the guest who pays this payment.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="At most so many.")
@server_option
@common
def list_some(call: Invocation, server: str | None, limit: int, **asked: Any) -> None:
    """List messages, the newest first."""
    query = urlencode({"limit": limit, **{name: value for name, value in asked.items() if value is not None}})
    found = Server(call.config, server).call("GET", f"{ROOT}?{query}")["items"]
    show.rows(call.json, found, COLUMNS, empty="Nobody was told anything")


@examples("csms message show 12")
@message.command("show")
@click.argument("message_id", type=int)
@server_option
@common
def show_one(call: Invocation, message_id: int, server: str | None) -> None:
    """Show a message: what it said, and everything that happened to it. One-time codes are never shown."""
    found = Server(call.config, server).call("GET", f"{ROOT}/{message_id}")
    if call.json:
        show.as_json(found)
        return
    show.rows(False, [found["message"]], COLUMNS, empty="")
    words = "(secret)" if found["message"]["is_secret"] else "\n".join(each for each in (found["subject"], found["text"]) if each)
    click.echo(f"\n{words or '(nothing was sent yet)'}\n")
    entries = [{**each, "logged_at": each["at"]} for each in found["log"]]
    show.rows(False, entries, LOG_COLUMNS, empty="Nothing happened to it yet")


@examples("csms message resend 12")
@message.command()
@click.argument("message_id", type=int)
@server_option
@common
def resend(call: Invocation, message_id: int, server: str | None) -> None:
    """Send a message once more, as a delivery of its own."""
    again = Server(call.config, server).call("POST", f"{ROOT}/{message_id}/resend")
    show.done(call.json, f"Message {message_id} is sent again by {again['channel']}", **again)


@examples("csms message test email asha@example.org", "csms message test sms +919800000001 --template low_balance --language hi")
@message.command()
@click.argument("channel")
@click.argument("recipient")
@click.option("--template", default="plain", show_default=True, help="What to send; its examples fill it.")
@click.option("--language", default="en", show_default=True, help="In which language.")
@server_option
@common
def test(call: Invocation, channel: str, recipient: str, template: str, language: str, server: str | None) -> None:
    """Send a template with its examples to an address."""
    body = {"channel": channel, "recipient": recipient, "template": template, "language": language}
    made = Server(call.config, server).call("POST", f"{ROOT}/test", body)
    show.done(call.json, f"Message {made['id']} is {made['state']}: csms message show {made['id']}", **made)


@examples("csms message templates", "csms message templates --kind plans")
@message.command()
@click.option("--kind", help="Only of this kind, such as charging.")
@server_option
@common
def templates(call: Invocation, kind: str | None, server: str | None) -> None:
    """List the templates that there are, and in which languages."""
    query = "?limit=200" + (f"&{urlencode({'kind': kind})}" if kind else "")
    found = Server(call.config, server).call("GET", TEMPLATES + query)["items"]
    show.rows(call.json, found, TEMPLATE_COLUMNS, empty="There are none")


@examples("csms message preview charging_ended", "csms message preview receipt --language hi --field station=Pune --form sms")
@message.command()
@click.argument("template")
@click.option("--language", default="en", show_default=True, help="In which language.")
@click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="In place of an example (repeat).")
@click.option(
    "--form", type=click.Choice(["text", "html", "sms", "whatsapp"]), default="text", show_default=True, help="In which form."
)
@server_option
@common
def preview(call: Invocation, template: str, language: str, fields: tuple[str, ...], form: str, server: str | None) -> None:
    """Show how a template looks, with its examples."""
    given: dict[str, str] = {}
    for each in fields:
        name, found, value = each.partition("=")
        if not found:
            raise click.UsageError(f"--field {each}: write NAME=VALUE")
        given[name] = value
    body = {"language": language, "fields": given}
    looks = Server(call.config, server).call("POST", f"{TEMPLATES}/{segment(template)}/preview", body)
    if call.json:
        show.as_json(looks)
    elif form == "sms":
        click.echo(f"{looks['sms']}\n\n{looks['sms_parts']} part(s), {looks['sms_encoding']}")
    else:
        click.echo(f"{looks['subject']}\n\n{looks[form]}" if form == "text" else looks[form])
