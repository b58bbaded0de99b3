"""The stubs of providers beside the demo: a gateway, mail, WhatsApp and SMS, where the operator's file says nothing else."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from csms.config import Config
from csms.core.ports import Ports
from csms.plugins import installed

from .api import Api
from .processes import RESTART_S, keep_running

FIRST: int = 8800
COUNT: int = 7
"""Where the page of the stubs is, and how many ports they take in a row from there on, where those are free."""
FOLDER = "demo-stubs"
KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_stub", "stub-secret", "stub-webhook-secret"
PLUGINS = ("tariff", "plans", "razorpay", "email", "whatsapp", "sms")
WHATSAPP_HEARS = "/plugins/whatsapp/webhook"
LOOK_S, PATIENCE_S = 0.2, 20.0

log = structlog.get_logger("csms.demo")


@attrs.frozen(slots=True, kw_only=True)
class Stubs:
    """Where the stubs are, and which plugins use them."""

    first: int
    folder: Path
    plugins: frozenset[str]
    own_gateway: bool
    own_whatsapp: bool

    def url(self, number: int = 0) -> str:
        """Where one of them is: 0 the page that leads to all, 1 the gateway."""
        return f"http://127.0.0.1:{self.first + number}"


def equip(config: Config) -> tuple[Config, Stubs]:
    """The configuration with the plugins that the tour needs, speaking to the stubs; and where those are to be.

    A plugin for which the operator's file has settings keeps them.
    """
    first = free_ports(FIRST, COUNT)
    there = installed()
    enabled = [*config.plugins.enabled, *(name for name in PLUGINS if name in there and name not in config.plugins.enabled)]
    wanted = settings(first)
    given = config.plugins.settings
    added = {name: wanted[name] for name in enabled if name in wanted and name not in given}
    plugins = attrs.evolve(config.plugins, enabled=tuple(enabled), settings={**given, **added})
    stubs = Stubs(
        first=first,
        folder=config.folder / FOLDER,
        plugins=frozenset(enabled),
        own_gateway="razorpay" in added,
        own_whatsapp="whatsapp" in added,
    )
    return attrs.evolve(config, plugins=plugins), stubs


def settings(first: int) -> Mapping[str, dict[str, Any]]:
    """What the plugins are told, by their names."""

    def url(number: int) -> str:
        return f"http://127.0.0.1:{first + number}"

    return {
        "razorpay": {"allowed_hosts": ["127.0.0.1"], "merchant_name": "Demo Charging"},
        "email": {"host": "127.0.0.1", "port": first + 6, "security": "none", "sender": "Demo Charging <noreply@example.org>"},
        "whatsapp": {
            "phone_number_id": "100000000000001",
            "token": "stub-token",
            "app_secret": "stub-app-secret",
            "url": url(2),
        },
        "sms": {
            "preset": "twilio",
            "account": "AC00000000000000000000000000000000",
            "key": "stub-auth-token",
            "sender": "+15005550006",
            "url": url(3),
        },
    }


def free_ports(first: int, count: int) -> int:
    """The first of so many ports in a row that nobody listens on: from ``first`` on, else anywhere. Raises ``OSError``."""
    begins: list[int] = [first, *range(first + 100, 60_000, 97)]
    for begin in begins:
        if all(_is_free(begin + number) for number in range(count)):
            return begin
    raise OSError("there are not enough free ports for the stubs of the demo")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


async def live(stubs: Stubs, api_url: str) -> None:
    """Keep the stubs running, in one process of their own, until cancelled. What somebody writes by WhatsApp goes to the server."""
    command = [sys.executable, "-m", "simulators.providers", "--folder", str(stubs.folder), "--port", str(stubs.first)]
    if stubs.own_whatsapp:
        command += ["--whatsapp-webhook-url", f"{api_url}{WHATSAPP_HEARS}"]
    await keep_running("provider stubs", command)


async def tell_webhook(stubs: Stubs, ports: Ports, webhook_url: str) -> None:
    """Tell the gateway's stub where webhooks go, as soon as it is there; a restarted one knows it from its folder."""
    said = {"key_id": KEY_ID, "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET, "webhook_url": webhook_url}
    stub = Api(ports.http, stubs.url(1), key="")
    with trio.move_on_after(PATIENCE_S):
        while True:
            try:
                await stub.ask("POST", "/stub/accounts", said)
                return
            except OSError:
                await trio.sleep(LOOK_S)
    log.warning("demo.stub_silent", url=stubs.url(1), hint="payments are found by asking; it takes longer", again_s=RESTART_S)
