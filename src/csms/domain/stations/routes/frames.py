"""The frame log over HTTP."""

from __future__ import annotations

import attrs

from csms.api.calls import Call
from csms.api.routes import LIST, Routes
from csms.core.errors import NotFound
from csms.core.paging import Stretch
from csms.core.ports import ReadTx
from csms.domain.stations.model.frames import Exchange, FramesQuery, LoggedFrame
from csms.domain.stations.store import frame_log
from csms.domain.stations.store.frames import exchange


def routes() -> Routes:
    """Routes of the frame log."""
    made = Routes("frames", "What chargers and the server said to each other, word for word, without secrets.", tag="Frame log")

    @made.get("/frames", needs="frames:read", reach=LIST)
    async def list_(call: Call, query: FramesQuery) -> Stretch[LoggedFrame]:
        """Frames, the newest first.

        One request looks at 20,000 frames at most, of one charger where `charger_id` is given: with a filter or a `search` that few
        frames meet it may answer fewer than `limit`, or none, and still a `next` to go on from.
        """
        return await call.read(frame_log.frames, query, call.stations)

    @made.get("/frames/<int:frame_id>", needs="frames:read", reach=LIST)
    async def show(call: Call, frame_id: int) -> Exchange:
        """One frame with its partners: the call and its answer, and what was sent again with the same message id."""
        found, station_id = await call.read(_exchange, frame_id)
        call.needs_station(station_id)
        return found

    return made


def _exchange(tx: ReadTx, frame_id: int) -> tuple[Exchange, int | None]:
    known = frame_log.frame(tx, frame_id)
    if known is None:
        raise NotFound(f"there is no frame {frame_id}")
    frame, station_id = known
    partners = [each for each in exchange(tx, frame.charger_id, frame_id) if each.id != frame_id]
    return Exchange(**attrs.asdict(frame), partners=partners), station_id
