"""The example's station, chargers and cards in the database, and the simulated chargers that live at it."""

from __future__ import annotations

import sys

import attrs

from csms.core.errors import Refused
from csms.core.ids import charger_key, token_key
from csms.core.ports import Tx
from csms.domain.drivers import service as drivers
from csms.domain.drivers import store as drivers_store
from csms.domain.drivers.model import TOKENS_KEY, driver_key
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store

from .processes import keep_running

HABITS = ("--speed", "60", "--gap", "300", "--stay", "1800", "--meter-interval", "300", "--quiet")
"""A minute of charging passes in a second; a car comes to each connector within the first five of them."""
QUIET = ("--speed", "20", "--gap", "1000000000", "--stay", "100000", "--meter-interval", "60")
"""Nobody comes but whoever is started from afar, and stays until the charge is stopped. Meter values come every three seconds."""


@attrs.frozen(slots=True)
class DemoCharger:
    """One simulated charger: its id and what it is like."""

    charger_id: str
    name: str
    arguments: tuple[str, ...]
    connectors: int
    power_w: int
    current_type: str = "AC"


CHARGERS = (
    DemoCharger("DEMO-1", "Entrance, AC", ("--version", "1.6", "--connectors", "2", "--power", "11", "--seed", "1"), 2, 11_000),
    DemoCharger("DEMO-2", "Roof, AC", ("--version", "1.6", "--connectors", "1", "--power", "22", "--seed", "2"), 1, 22_000),
    DemoCharger(
        "DEMO-3", "Street, DC", ("--version", "2.0.1", "--connectors", "2", "--power", "60", "--seed", "3"), 2, 60_000, "DC"
    ),
    DemoCharger(
        "DEMO-4", "Quiet corner, AC", ("--version", "1.6", "--connectors", "2", "--power", "11", "--seed", "4", *QUIET), 2, 11_000
    ),
)
STATION, DRIVER = "Demo station", "Demo Driver"
TOKENS = ("DEMO-TAG-1", "DEMO-TAG-2", "DEMO-TAG-3")


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


async def live(charger: DemoCharger, url: str, password: str) -> None:
    """Keep a simulated charger running, in a process of its own, until cancelled."""
    tags = [argument for token in TOKENS for argument in ("--tag", token)]
    where = ("--url", url, "--id", charger.charger_id)
    command = [sys.executable, "-m", "simulators.charger", *where, *HABITS, *charger.arguments, *tags]
    await keep_running(charger.charger_id, command, {"CHARGER_PASSWORD": password})
