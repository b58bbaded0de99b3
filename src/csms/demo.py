"""``csms serve --demo``: an example station in an empty database, and simulated chargers that live at it."""

from __future__ import annotations

import os
import subprocess
import sys

import attrs
import structlog
import trio

from csms.core.errors import Refused
from csms.core.ids import DEFAULT_TENANT, charger_key, token_key
from csms.core.ports import Ports, Tx
from csms.domain.drivers import service as drivers
from csms.domain.drivers import store as drivers_store
from csms.domain.drivers.model import TOKENS_KEY, driver_key
from csms.domain.stations import keys as charger_keys
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store

RESTART_S = 5.0
STOP_S = 1.0

log = structlog.get_logger("csms.demo")


@attrs.frozen(slots=True)
class DemoCharger:
    """One simulated charger: its id and what it is like."""

    charger_id: str
    name: str
    arguments: tuple[str, ...]


CHARGERS = (
    DemoCharger("DEMO-1", "Entrance, AC", ("--version", "1.6", "--connectors", "2", "--power", "11", "--seed", "1")),
    DemoCharger("DEMO-2", "Roof, AC", ("--version", "1.6", "--connectors", "1", "--power", "22", "--seed", "2")),
    DemoCharger("DEMO-3", "Street, DC", ("--version", "2.0.1", "--connectors", "2", "--power", "60", "--seed", "3")),
)
STATION, DRIVER = "Demo station", "Demo Driver"
TOKENS = ("DEMO-TAG-1", "DEMO-TAG-2", "DEMO-TAG-3")
HABITS = ("--speed", "60", "--gap", "300", "--stay", "1800", "--meter-interval", "300", "--quiet")
"""A minute of charging passes in a second; a car comes to each connector within the first five of them."""


@attrs.frozen(slots=True)
class Ground:
    """What the chargers and cards of the example stand on."""

    station_id: int
    driver_id: int


def lay(tx: Tx) -> Ground:
    """The example's station and driver, added if there are none. Raises ``Refused`` for a database that has only other chargers.

    It is a write of its own, because what is counted among others can be claimed only once its id is settled.
    """
    if not _known(tx) and stations_store.list_chargers(tx, limit=1):
        raise Refused("--demo wants an empty database or its own; this one has other chargers (name another with --config)")
    known_drivers = drivers_store.list_drivers(tx)
    station_id = next((each.id for each in stations_store.list_stations(tx) if each.name == STATION), None)
    driver_id = next((each.id for each in known_drivers if each.name == DRIVER), None)
    if station_id is None:
        station_id = stations.add_station(tx, STATION, address="1 Example Street", latitude=12.9716, longitude=77.5946).id
    if driver_id is None:
        driver_id = drivers.add_driver(tx, DRIVER, email="" if known_drivers else "driver@example.org").id
    return Ground(station_id, driver_id)


def prepare(tx: Tx, ground: Ground, sealed: dict[str, str]) -> bool:
    """Fill an empty database, or give the example's chargers their new keys; whether it was empty.

    What was taken away of the example comes back, for the simulated chargers need it.
    """
    tx.claim(
        TOKENS_KEY,
        driver_key(tx.tenant, ground.driver_id),
        *(charger_key(each.charger_id) for each in CHARGERS),
        *(token_key(tx.tenant, token) for token in TOKENS),
    )
    known = _known(tx)
    for each in CHARGERS:
        key = sealed[each.charger_id]
        if each.charger_id in known:
            stations.set_key(tx, each.charger_id, key)
        else:
            stations.add_charger(tx, each.charger_id, name=each.name, station_id=ground.station_id, sealed_key=key)
    for token in TOKENS:
        if drivers_store.token(tx, token.casefold()) is None:
            drivers.add_token(tx, token, driver_id=ground.driver_id, label="demo card", max_transactions=0)
    return not known


def _known(tx: Tx) -> set[str]:
    return {each.charger_id for each in CHARGERS if stations_store.charger(tx, each.charger_id) is not None}


async def run(
    ports: Ports,
    chargers_url: str,
    api_url: str,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Prepare the database and keep the simulated chargers running, each in a process of its own, until cancelled."""
    passwords = {each.charger_id: ports.random.token(24) for each in CHARGERS}
    sealed = {charger_id: charger_keys.seal(key.encode(), ports.random) for charger_id, key in passwords.items()}
    keys = tuple(charger_key(charger_id) for charger_id in passwords)
    ground = await ports.database.write(lay, tenant=DEFAULT_TENANT)
    fresh = await ports.database.write(prepare, ground, sealed, tenant=DEFAULT_TENANT, keys=keys)
    task_status.started()
    print(_welcome(api_url, fresh=fresh), flush=True)  # noqa: T201 - it is for the person who started the demo
    async with trio.open_nursery() as nursery:
        for each in CHARGERS:
            nursery.start_soon(_keep_running, each, chargers_url, passwords[each.charger_id])


async def _keep_running(charger: DemoCharger, url: str, password: str) -> None:
    tags = [argument for token in TOKENS for argument in ("--tag", token)]
    command = [
        sys.executable,
        "-m",
        "simulators.charger",
        "--url",
        url,
        "--id",
        charger.charger_id,
        *charger.arguments,
        *HABITS,
        *tags,
    ]
    while True:
        status = await trio.run_process(
            command,
            env=os.environ | {"CHARGER_PASSWORD": password},
            check=False,
            stdin=subprocess.DEVNULL,
            deliver_cancel=_terminate,
        )
        log.warning("demo.charger_ended", charger=charger.charger_id, exit_code=status.returncode)
        await trio.sleep(RESTART_S)


async def _terminate(process: trio.Process) -> None:
    process.terminate()
    with trio.move_on_after(STOP_S):
        await process.wait()
    process.kill()


def _welcome(api_url: str, *, fresh: bool) -> str:
    what = "A demo station was put into the empty database." if fresh else "The demo station was there already; it goes on."
    return f"""
{what} Three simulated chargers (two OCPP 1.6, one 2.0.1) live at it,
sixty times faster than life. In another terminal:

  csms tail                          what they say, live
  csms transaction list              what they charge
  csms send DEMO-1 StartCharging token=DEMO-TAG-1 evse=1
  curl {api_url}/health

Ctrl+C ends the demo.
"""
