"""The command line of the Razorpay stub."""

from __future__ import annotations

import secrets
from functools import partial
from pathlib import Path

import click
import trio

from simulators.options import GroupedCommand, in_group, option
from simulators.serving import LAG_S, serve

from .server import RazorpayStub

HELP = "A Razorpay of one's own: no money moves."
EPILOG = """\b
Examples:
  python -m simulators.razorpay --port 8801 --webhook-url http://127.0.0.1:8080/api/v1/payments/webhooks/razorpay
  curl -u rzp_test_stub:stub-secret http://127.0.0.1:8801/v1/orders -H 'Content-Type: application/json' \\
       -d '{"amount": 50000, "currency": "INR", "receipt": "r1"}'
  curl http://127.0.0.1:8801/stub/pay/order_... -d method=upi
  curl http://127.0.0.1:8801/stub/faults -d '{"kind": "lost", "match": "POST /v1/payments/*/refund"}'
"""


@click.command("simulators.razorpay", cls=GroupedCommand, help=HELP, epilog=EPILOG)
@in_group(
    "Where",
    option("--host", default="127.0.0.1", show_default=True, help="address to listen on"),
    option("--port", default=8801, show_default=True, type=click.IntRange(0, 65535), help="port to listen on, 0 for any"),
    option("--data", type=click.Path(dir_okay=False, path_type=Path), help="file in which everything is kept"),
)
@in_group(
    "The account",
    option("--key-id", default="rzp_test_stub", show_default=True, help="the merchant's key"),
    option("--key-secret", default="stub-secret", show_default=True, envvar="RAZORPAY_KEY_SECRET", help="its secret"),
    option("--webhook-url", default="", help="where webhooks are posted"),
    option(
        "--webhook-secret", default="stub-webhook-secret", show_default=True, envvar="RAZORPAY_WEBHOOK_SECRET", help="signs them"
    ),
)
@in_group(
    "How it behaves",
    option(
        "--refund-delay", default=0.0, show_default=True, type=click.FloatRange(0), help="seconds for which a refund is pending"
    ),
    option("--seed", type=int, help="ids follow from it; without one they are others at every start"),
)
def command(
    host: str,
    port: int,
    data: Path | None,
    key_id: str,
    key_secret: str,
    webhook_url: str,
    webhook_secret: str,
    refund_delay: float,
    seed: int | None,
) -> int:
    """Serve until a signal comes."""

    async def start(nursery: trio.Nursery) -> None:
        stub = RazorpayStub(
            seed=secrets.randbits(64) if seed is None else seed, refund_delay_s=refund_delay, data=data, lag_s=LAG_S
        )
        stub.account(key_id, key_secret, webhook_secret, webhook_url)
        stub.till.load()
        await nursery.start(partial(stub.serve_tcp, port, host=host))
        print(f"listening on http://{host}:{stub.web.port}", flush=True)

    return serve(start)
