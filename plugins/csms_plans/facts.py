"""SQL that reads the core's facts: who a driver is, where a charger stands, whether the places of a plan are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import msgspec

from csms.hooks import NotFound, ReadTx

from .terms import Terms


@attrs.frozen(slots=True, kw_only=True)
class Customer:
    """What a plan asks about a driver."""

    driver_id: int
    name: str
    membership: str
    groups: tuple[str, ...]
    state: str


def customer(tx: ReadTx, driver_id: int) -> Customer:
    """A driver. Raises ``NotFound``."""
    row = tx.one(
        "SELECT name, membership, preferences FROM drivers WHERE tenant = :tenant AND id = :driver_id AND removed_at IS NULL",
        driver_id=driver_id,
    )
    if row is None:
        raise NotFound(f"there is no driver {driver_id}")
    groups = tx.all(
        "SELECT name FROM driver_groups WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY name", driver_id=driver_id
    )
    return Customer(
        driver_id=driver_id,
        name=row["name"],
        membership=row["membership"],
        groups=tuple(each["name"] for each in groups),
        state=state_of(row["preferences"]),
    )


def customer_state(tx: ReadTx, driver_id: int) -> str:
    """The state that a driver is in, as far as it is known; of one who was removed, too."""
    text = tx.value("SELECT preferences FROM drivers WHERE tenant = :tenant AND id = :driver_id", driver_id=driver_id)
    return state_of(text or "{}")


def state_of(preferences: str) -> str:
    """The state that stands in a driver's preferences."""
    said = msgspec.json.decode(preferences)
    return str(said.get("state", "")) if isinstance(said, dict) else ""


def money_and_time(tx: ReadTx) -> tuple[str, str]:
    """The tenant's currency and time zone."""
    row = tx.one("SELECT currency, time_zone FROM tenants WHERE id = :tenant")
    assert row is not None
    return row["currency"], row["time_zone"]


def station_group(tx: ReadTx, station_id: int | None) -> int | None:
    """The group of a station."""
    if station_id is None:
        return None
    found: int | None = tx.value(
        "SELECT station_group_id FROM stations WHERE tenant = :tenant AND id = :station_id", station_id=station_id
    )
    return found


def missing_places(tx: ReadTx, terms: Terms) -> str:
    """Which of the places of a plan is not there, in words; ``""`` where all are."""
    for field, table, wanted in (
        ("stations", "stations", terms.stations),
        ("station_groups", "station_groups", terms.station_groups),
        ("chargers", "chargers", terms.chargers),
    ):
        if gone := _missing(tx, table, wanted):
            return f"{field}: there is no {field[:-1].replace('_', ' ')} {gone[0]!r}"
    return ""


def _missing(tx: ReadTx, table: str, wanted: Sequence[Any]) -> list[Any]:
    if not wanted:
        return []
    names = {f"id_{number}": each for number, each in enumerate(wanted)}
    there = " AND removed_at IS NULL" if table == "chargers" else ""
    rows = tx.all(
        f"SELECT id FROM {table} WHERE tenant = :tenant AND id IN ({', '.join(f':{name}' for name in names)}){there}",  # noqa: S608
        **names,
    )
    found = {row["id"] for row in rows}
    return [each for each in wanted if each not in found]
