"""What the live feed shows: frames as they pass, events once they are committed."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec
import structlog
import trio

from csms.api.live import FRAME, Feed, Item
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Admission, FrameEntry
from csms.db import StoreDatabase, spine

PAGE = 500
RETRY_S = 1.0
POLL_S = 0.25
"""Events of another process on the same database show within this time, and so long does a new stream wait at most for its beginning."""

log = structlog.get_logger("csms.live")


def frame_item(admission: Admission, entry: FrameEntry) -> Item:
    """A frame as the live feed tells it."""
    return Item(FRAME, admission.tenant, admission.charger_id, attrs.asdict(entry))


async def follow(database: StoreDatabase, feed: Feed) -> None:
    """Tell the feed of every durable event, for ever. Nothing is kept: a listener hears what happens from now on.

    While nobody listens nothing is read.
    """
    position: spine.Position | None = None
    while True:
        if not feed.listening:
            position = None
            await feed.wanted()
        mark = database.event_mark
        try:
            if position is None:
                position = await database.read(spine.end, database.engine, tenant=DEFAULT_TENANT)
            feed.following()
            position = await _tell(database, feed, position)
        except StoreUnavailable:
            await trio.sleep(RETRY_S)
            continue
        except Exception:  # a feed that cannot be told something must not end the server
            log.exception("live.events_skipped", position=position)
            position = None
            await trio.sleep(RETRY_S)
            continue
        with trio.move_on_after(POLL_S):
            await database.wait_for_events(mark)


async def _tell(database: StoreDatabase, feed: Feed, position: spine.Position) -> spine.Position:
    while True:
        entries, _ = await database.read(spine.scan, database.engine, "live", position, PAGE, tenant=DEFAULT_TENANT)
        for entry in entries:
            position = entry.position
            feed.publish(
                event_item(entry.type, entry.tenant, entry.at, msgspec.json.decode(entry.payload), event_id=entry.sequence)
            )
        if len(entries) < PAGE:
            return position


def event_item(kind: str, tenant: int, at: int, facts: dict[str, Any], *, event_id: int = 0) -> Item:
    """An event as the live feed tells it."""
    return Item(kind, tenant, facts.get("charger_id", ""), {**facts, "event_id": event_id, "occurred_at": at}, event_id=event_id)
