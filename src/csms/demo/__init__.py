"""``csms serve --demo``: an example station in an empty database, simulated chargers that live at it, and stubs to pay and write with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import structlog
import trio

from csms.core.errors import CsmsError
from csms.core.ids import DEFAULT_TENANT, charger_key
from csms.core.ports import Ports
from csms.domain.stations import keys as charger_keys
from csms.domain.users.gate import Gate

from . import money, stubs, welcome
from .api import Api
from .stubs import Stubs, equip
from .world import CHARGERS, DRIVER, STATION, TOKENS, DemoCharger, Ground, lay, live, prepare

TRIES, AGAIN_S = 5, 1.0

log = structlog.get_logger("csms.demo")


class Server(Protocol):
    """What the demo needs of the running server."""

    @property
    def ports(self) -> Ports: ...
    @property
    def gate(self) -> Gate: ...
    @property
    def chargers(self) -> Sequence[Address]: ...
    @property
    def api_url(self) -> str: ...
    @property
    def operator_key(self) -> str: ...


class Address(Protocol):
    """Where chargers connect."""

    @property
    def url(self) -> str: ...


async def run(
    server: Server,
    beside: Stubs,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Prepare the database and keep the simulated chargers and the stubs running, each in a process of its own, until cancelled."""
    ports = server.ports
    passwords = {each.charger_id: ports.random.token(24) for each in CHARGERS}
    sealed = {charger_id: charger_keys.seal(key.encode(), ports.random) for charger_id, key in passwords.items()}
    keys = tuple(charger_key(charger_id) for charger_id in passwords)
    ground = await ports.database.write(lay, tenant=DEFAULT_TENANT)
    fresh = await ports.database.write(prepare, ground, sealed, tenant=DEFAULT_TENANT, keys=keys)
    task_status.started()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stubs.live, beside, server.api_url)
        for each in CHARGERS:
            nursery.start_soon(live, each, server.chargers[0].url, passwords[each.charger_id])
        laid = await _money(server, beside, ground)
        if laid is not None and laid.webhook_path:
            await stubs.tell_webhook(beside, ports, f"{server.api_url}{laid.webhook_path}")
        print(welcome.text(server.api_url, beside, laid, fresh=fresh), flush=True)  # noqa: T201 - it is for the person who started the demo


async def _money(server: Server, beside: Stubs, ground: Ground) -> money.Laid | None:
    """What the tour pays with; a demo without it is a demo still.

    The chargers come up meanwhile and make connectors of their own, so a step may be refused because it was just done: then again.
    """
    api = Api(server.ports.http, server.api_url, server.operator_key)
    reason = ""
    for _ in range(TRIES):
        try:
            return await money.lay(api, server.gate, beside, ground)
        except (CsmsError, OSError) as error:
            reason = str(error)
        await trio.sleep(AGAIN_S)
    log.warning("demo.no_money", reason=reason, hint="charging goes on without it")
    return None


__all__ = [
    "CHARGERS",
    "DRIVER",
    "STATION",
    "TOKENS",
    "DemoCharger",
    "Ground",
    "Stubs",
    "equip",
    "lay",
    "live",
    "prepare",
    "run",
]
