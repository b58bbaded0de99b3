"""The command line of the SMS stub."""

from __future__ import annotations

from functools import partial

import click
import trio

from simulators.options import GroupedCommand, in_group, option
from simulators.serving import LAG_S, serve

from .server import ACCOUNT_SID, AUTH_KEY, AUTH_TOKEN, SmsStub

HELP = "An SMS gateway of one's own, in the shapes of MSG91 and Twilio: nothing is sent."
EPILOG = """\b
Examples:
  python -m simulators.sms --port 8803
  curl http://127.0.0.1:8803/api/v5/flow -H 'authkey: stub-authkey' -H 'Content-Type: application/json' \\
       -d '{"template_id": "T1", "recipients": [{"mobiles": "919000000001", "code": "123456"}]}'
  curl http://127.0.0.1:8803/stub/outbox
"""


@click.command("simulators.sms", cls=GroupedCommand, help=HELP, epilog=EPILOG)
@in_group(
    "Where",
    option("--host", default="127.0.0.1", show_default=True, help="address to listen on"),
    option("--port", default=8803, show_default=True, type=click.IntRange(0, 65535), help="port to listen on, 0 for any"),
)
@in_group(
    "The account",
    option("--auth-key", default=AUTH_KEY, show_default=True, envvar="SMS_AUTH_KEY", help="MSG91's authkey"),
    option("--account-sid", default=ACCOUNT_SID, show_default=True, help="Twilio's account"),
    option("--auth-token", default=AUTH_TOKEN, show_default=True, envvar="SMS_AUTH_TOKEN", help="Twilio's token; signs callbacks"),
    option("--webhook-url", default="", help="where MSG91-shaped delivery reports are posted"),
)
def command(host: str, port: int, auth_key: str, account_sid: str, auth_token: str, webhook_url: str) -> int:
    """Serve until a signal comes."""

    async def start(nursery: trio.Nursery) -> None:
        stub = SmsStub(auth_key=auth_key, account_sid=account_sid, auth_token=auth_token, lag_s=LAG_S)
        stub.webhook_url = webhook_url
        await nursery.start(partial(stub.serve_tcp, port, host=host))
        print(f"listening on http://{host}:{stub.web.port}", flush=True)

    return serve(start)
