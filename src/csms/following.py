"""What the live feed shows: frames as they pass, events once they are committed, and what was stored before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import msgspec
import structlog
import trio

from csms.api.feed import Feed
from csms.api.items import FRAME, Item, Position
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Admission, FrameEntry, ReadTx
from csms.db import StoreDatabase, spine

PAGE = 500
RETRY_S = 1.0
POLL_S = 0.25
"""Events of another process on the same database show within this time, and so long does a new stream wait at most for its beginning."""
STATIONS_S = 5.0
"""How soon it shows that a charger was moved to another station."""
READERS = 2
"""Readers for those who come back and are told what they missed."""

log = structlog.get_logger("csms.live")


def frame_item(admission: Admission, entry: FrameEntry) -> Item:
    """A frame as the live feed tells it."""
    facts: dict[str, Any] = {"charger_id": admission.charger_id, **attrs.asdict(entry)}
    return Item(FRAME, admission.tenant, admission.charger_id, facts, entry.at)


def event_item(kind: str, tenant: int, at: int, facts: Mapping[str, Any]) -> Item:
    """A volatile event as the live feed tells it."""
    return Item(kind, tenant, str(facts.get("charger_id", "")), facts, at)


def _stored(entry: spine.Entry) -> Item | None:
    try:
        facts: dict[str, Any] = msgspec.json.decode(entry.payload, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        log.error("live.event_unreadable", event_id=entry.sequence, reason=str(error))
        return None
    charger_id = str(facts.get("charger_id", ""))
    return Item(entry.type, entry.tenant, charger_id, facts, entry.at, event_id=entry.sequence, position=entry.position)


def _items(entries: Sequence[spine.Entry]) -> list[Item]:
    return [item for entry in entries if (item := _stored(entry)) is not None]


@attrs.frozen(slots=True, eq=False)
class StoredHistory:
    """``api.items.History`` over the event spine. Those who catch up share few readers, so that nobody else waits for one."""

    database: StoreDatabase
    readers: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(READERS))

    async def position_of(self, event_id: int) -> Position | None:
        """Where a stored event stands; None when it is not there (any more)."""
        async with self.readers:
            return await self.database.read(_position_of, event_id, tenant=DEFAULT_TENANT)

    async def after(self, position: Position, limit: int) -> tuple[list[Item], Position, bool]:
        """The next events of all tenants, up to where that read, and whether there may be more already."""
        async with self.readers:
            entries, reached = await self.database.read(_after, self.database.engine, position, limit, tenant=DEFAULT_TENANT)
        return _items(entries), reached, len(entries) == limit

    async def stations(self, tenant: int) -> Mapping[str, int | None]:
        """Where every charger of a tenant stands."""
        return await self.database.read(_stations, tenant=TenantId(tenant))

    async def open_transactions(self, tenant: int, driver_id: int) -> Sequence[int]:
        """A driver's running transactions."""
        return await self.database.read(_open_transactions, driver_id, tenant=TenantId(tenant))


def _position_of(tx: ReadTx, event_id: int) -> Position | None:
    system = tx.system("where an event stands tells nothing about it")
    row = system.one("SELECT xid, sequence FROM events WHERE sequence = :event_id", event_id=event_id)
    return None if row is None else (row["xid"], row["sequence"])


def _after(tx: ReadTx, engine: str, position: Position, limit: int) -> tuple[list[spine.Entry], Position]:
    """A page, and the position up to which everything was read.

    The end is asked for before the page: what commits in between is then in the page, or above the end.
    """
    end = spine.end(tx, engine)
    entries = spine.scan(tx, engine, "live", position, limit).entries
    if len(entries) == limit:
        return entries, entries[-1].position
    return entries, max([position, end, *(entry.position for entry in entries[-1:])])


def _stations(tx: ReadTx) -> dict[str, int | None]:
    return {row["id"]: row["station_id"] for row in tx.all("SELECT id, station_id FROM chargers WHERE tenant = :tenant")}


def _open_transactions(tx: ReadTx, driver_id: int) -> list[int]:
    sql = "SELECT id FROM transactions WHERE tenant = :tenant AND closed_at IS NULL AND driver_id = :driver_id"
    return [row["id"] for row in tx.all(sql, driver_id=driver_id)]


# --- what happens now -----------------------------------------------------------------------------------------------------------


async def follow(database: StoreDatabase, feed: Feed) -> None:
    """Tell the feed of every durable event, for ever.

    While nobody listens nothing is read: then it begins at the end of what is stored.
    """
    position: Position | None = None
    stations_at = 0.0
    while True:
        if not feed.listening:
            position = None
            await feed.wanted()
        mark = database.event_mark
        try:
            if feed.by_station and (feed.uncertain or trio.current_time() >= stations_at):
                await feed.learn_stations()
                stations_at = trio.current_time() + STATIONS_S
            if position is None:
                position = await database.read(spine.end, database.engine, tenant=DEFAULT_TENANT)
            feed.following(position)
            position = await _tell(database, feed, position)
        except StoreUnavailable:
            await trio.sleep(RETRY_S)
            continue
        except Exception:  # a feed that cannot be told something must not end the server
            log.exception("live.events_skipped", position=position)
            feed.skipped()
            position = None
            await trio.sleep(RETRY_S)
            continue
        with trio.move_on_after(POLL_S):
            await database.wait_for_events(mark)


async def _tell(database: StoreDatabase, feed: Feed, position: Position) -> Position:
    while True:
        found = await database.read(spine.scan, database.engine, "live", position, PAGE, tenant=DEFAULT_TENANT)
        if found.entries:
            items = _items(found.entries)
            by_station = feed.by_station
            if any(item.tenant in by_station and feed.is_unknown(item) for item in items):
                await feed.learn_stations()
            position = found.reached
            feed.tell(items, position)
        if not found.full:
            return position
