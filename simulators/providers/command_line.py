"""The command line of all stubs of providers."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import click
import trio

from simulators.options import GroupedCommand, in_group, option
from simulators.serving import LAG_S, serve

from .all import FIRST, Ports, Providers

HELP = "Razorpay, WhatsApp, SMS, SMTP and S3 of one's own, and a page that leads to them."
EPILOG = """\b
Examples:
  python -m simulators.providers --folder stubs
  python -m simulators.providers --folder stubs --port 0 --json     # any free ports, told in one line
  python -m simulators.providers --folder stubs --whatsapp-webhook-url http://127.0.0.1:8080/plugins/whatsapp/webhook
"""


@click.command("simulators.providers", cls=GroupedCommand, help=HELP, epilog=EPILOG)
@in_group(
    "Where",
    option("--host", default="127.0.0.1", show_default=True, help="address to listen on"),
    option(
        "--port",
        default=FIRST,
        show_default=True,
        type=click.IntRange(0, 65000),
        help="port of the page; the stubs have the next six; 0 for any",
    ),
    option("--folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="where everything is kept"),
)
@in_group("What it tells", option("--whatsapp-webhook-url", default="", help="where what people write by WhatsApp is posted"))
@in_group("How it tells", option("--json", "as_json", is_flag=True, help="print addresses and keys as one line of JSON"))
def command(host: str, port: int, folder: Path, whatsapp_webhook_url: str, as_json: bool) -> int:
    """Serve until a signal comes."""

    async def start(nursery: trio.Nursery) -> None:
        providers = Providers(folder, seed=secrets.randbits(64), lag_s=LAG_S)
        providers.whatsapp.webhook_url = whatsapp_webhook_url

        async def run(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
            await providers.serve(Ports.after(port), host=host, task_status=task_status)

        await nursery.start(run)
        told = providers.told()
        if as_json:
            print(json.dumps(told), flush=True)
        else:
            for name, each in told.items():
                where = f" and smtp://127.0.0.1:{each['port']}" if name == "smtp" else ""
                print(f"{name:9} {each['url']}{where}", flush=True)

    return serve(start)
