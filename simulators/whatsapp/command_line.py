"""The command line of the WhatsApp stub."""

from __future__ import annotations

from functools import partial

import click
import trio

from simulators.options import GroupedCommand, in_group, option
from simulators.serving import LAG_S, serve

from .server import APP_SECRET, NUMBER_ID, TOKEN, WhatsAppStub

HELP = "A WhatsApp Cloud API of one's own: nothing is sent."
EPILOG = """\b
Examples:
  python -m simulators.whatsapp --port 8802 --webhook-url http://127.0.0.1:8080/...
  curl http://127.0.0.1:8802/stub/inbound -d '{"from": "919000000001", "text": "BALANCE"}'
  curl http://127.0.0.1:8802/stub/outbox
"""


@click.command("simulators.whatsapp", cls=GroupedCommand, help=HELP, epilog=EPILOG)
@in_group(
    "Where",
    option("--host", default="127.0.0.1", show_default=True, help="address to listen on"),
    option("--port", default=8802, show_default=True, type=click.IntRange(0, 65535), help="port to listen on, 0 for any"),
)
@in_group(
    "The business",
    option("--token", default=TOKEN, show_default=True, envvar="WHATSAPP_TOKEN", help="its access token"),
    option("--phone-number-id", default=NUMBER_ID, show_default=True, help="the number that it sends from"),
    option("--app-secret", default=APP_SECRET, show_default=True, envvar="WHATSAPP_APP_SECRET", help="signs webhooks"),
    option("--webhook-url", default="", help="where webhooks are posted"),
    option("--verify-token", default="", help="what the webhook wants to hear at its verification"),
    option("--window/--no-window", default=True, show_default=True, help="free words only to who wrote in the last 24 hours"),
)
def command(
    host: str, port: int, token: str, phone_number_id: str, app_secret: str, webhook_url: str, verify_token: str, window: bool
) -> int:
    """Serve until a signal comes."""

    async def start(nursery: trio.Nursery) -> None:
        stub = WhatsAppStub(token=token, phone_number_id=phone_number_id, app_secret=app_secret, window=window, lag_s=LAG_S)
        stub.webhook_url, stub.verify_token = webhook_url, verify_token
        await nursery.start(partial(stub.serve_tcp, port, host=host))
        print(f"listening on http://{host}:{stub.web.port}", flush=True)

    return serve(start)
