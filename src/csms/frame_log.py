"""The frame log: every frame is stored and shown live; a charger that says far too much has the rest of it cut, not kept out."""

from __future__ import annotations

from collections import OrderedDict

import attrs
import trio

from csms.api.feed import Feed
from csms.core.ids import charger_key
from csms.core.ports import Admission, FrameEntry, Ports
from csms.domain.stations import store as stations_store
from csms.following import frame_item

BURST_MIN = 10
"""Minutes' worth of its allowance that a charger may use at once, such as after a day offline."""
CUT_CHARS = 200
ROW_BYTES = 100
"""What a row costs besides its text."""
MOST_CHARGERS = 50_000
TOO_MUCH = "cut: the charger is over its frame log allowance"


class FrameLog:
    """Keeps frames within ``kb_per_min`` for each charger id, whichever link it uses; 0 sets no limit."""

    def __init__(self, ports: Ports, feed: Feed, *, kb_per_min: int) -> None:
        self._ports = ports
        self._feed = feed
        self._per_s = kb_per_min * 1000 / 60
        self._burst = self._per_s * 60 * BURST_MIN
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Bytes left, and the monotonic time at which that was so, by charger id."""

    async def keep(self, admission: Admission, entry: FrameEntry) -> None:
        """Queue a frame for the store, and show it to whoever looks."""
        if self._per_s and not self._allowed(admission.charger_id, len(entry.text) + ROW_BYTES) and len(entry.text) > CUT_CHARS:
            problem = f"{TOO_MUCH}; {entry.problem}" if entry.problem else TOO_MUCH
            entry = attrs.evolve(entry, text=entry.text[:CUT_CHARS], problem=problem[:500])
        row = stations_store.frame_row(admission, entry)
        await self._ports.database.append(
            stations_store.FRAME_INSERT, (row,), key=charger_key(admission.charger_id), tenant=admission.tenant
        )
        if self._feed.listening:
            self._feed.publish(frame_item(admission, entry))

    def _allowed(self, charger_id: str, size: int) -> bool:
        mono = trio.current_time()
        left, since = self._left.get(charger_id, (self._burst, mono))
        left = min(self._burst, left + (mono - since) * self._per_s)
        allowed = left >= size
        self._left[charger_id] = (left - size if allowed else left, mono)
        if len(self._left) > MOST_CHARGERS:
            self._left.popitem(last=False)
        return allowed
