"""SQL of looking through the frame log, at so many rows at a time that no look is long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from csms.core.paging import Direction, Stretch, cursor, direction
from csms.core.ports import ReadTx, Row
from csms.domain.listing import Listing, conditions
from csms.domain.stations.model.frames import FramesQuery, LoggedFrame
from csms.domain.timeline import LOOKED, Timeline, stretch

FRAMES = Timeline("frames")
LISTING = Listing(
    columns="id, charger_id, connection_id, at, direction, kind, message_id, action, text, took_ms, problem, request_id",
    source="frames WHERE tenant = :tenant",
    filters={
        "charger_id": "charger_id = :charger_id",
        "from_at": "at >= :from_at",
        "to_at": "at < :to_at",
        "direction": "direction = :direction",
        "kind": "kind = :kind",
        "action": "action = :action",
        "message_id": "message_id = :message_id",
        "connection_id": "connection_id = :connection_id",
        "problem": "(problem <> '') = (:problem = 1)",
        "request_id": "request_id = :request_id AND request_id <> ''",  # said twice for the index, which has no others
        "stations": "charger_id IN (SELECT c.id FROM chargers c WHERE c.tenant = :tenant AND c.station_id IN ({stations}))",
    },
    search="lower(text) LIKE :search ESCAPE '!'",
    unique="id",
)


def frames(tx: ReadTx, query: FramesQuery, stations: Iterable[int] | None) -> Stretch[LoggedFrame]:
    """Frames in the query's direction, out of at most ``LOOKED`` at a time: those of a charger by its index, those for a request by theirs,
    all others by number.
    """
    seen = None if stations is None else tuple(stations)
    if query.charger_id is None or query.request_id is not None:
        return stretch(tx, LISTING, FRAMES, query, _frame, indexed=query.request_id is not None, stations=seen)
    where, parameters = conditions(LISTING, query, {"stations": seen})
    way = direction(query)
    reach = ""
    if query.after is not None:
        # the first bound repeats what the second says, so that the index on at serves it on both engines
        reach = f" AND at {way.beyond}= :after_at AND (at, id) {way.beyond} (:after_at, :after_id)"
        parameters["after_at"], parameters["after_id"] = cursor(query.after, 2)
    end = _end(tx, query, way, reach, parameters)
    if end is not None:
        where += f" AND :end_at {way.beyond}= at AND (:end_at, :end_id) {way.beyond}= (at, id)"
        parameters |= {"end_at": end["at"], "end_id": end["id"]}
    rows = tx.all(
        f"SELECT {LISTING.columns} FROM {LISTING.source}{where}{reach}"  # noqa: S608 (our own text)
        f" ORDER BY at {way.order}, id {way.order} LIMIT :limit",
        **parameters,
        limit=query.limit + 1,
    )
    last: Row | None = end
    if len(rows) > query.limit:
        rows = rows[: query.limit]
        last = rows[-1]
    following = None if last is None else f"{last['at']}-{last['id']}"
    return Stretch(items=[_frame(row) for row in rows], limit=query.limit, next=following)


def _end(tx: ReadTx, query: FramesQuery, way: Direction, reach: str, parameters: dict[str, Any]) -> Row | None:
    """The last frame of a charger that this request looks at; None where it may look at all that are left."""
    bounds = "".join(f" AND {LISTING.filters[name]}" for name in ("from_at", "to_at") if getattr(query, name) is not None)
    named = {
        name: value for name, value in parameters.items() if name in ("charger_id", "from_at", "to_at", "after_at", "after_id")
    }
    return tx.one(
        f"SELECT at, id FROM {LISTING.source} AND charger_id = :charger_id{bounds}{reach}"  # noqa: S608 (our own text)
        f" ORDER BY at {way.order}, id {way.order} LIMIT 1 OFFSET :looked",
        **named,
        looked=LOOKED - 1,
    )


def frame(tx: ReadTx, frame_id: int) -> tuple[LoggedFrame, int | None] | None:
    """One frame, and where its charger stands."""
    row = tx.one(
        "SELECT f.id, f.charger_id, f.connection_id, f.at, f.direction, f.kind, f.message_id, f.action, f.text, f.took_ms, f.problem,"
        " f.request_id, c.station_id FROM frames f LEFT JOIN chargers c ON c.id = f.charger_id WHERE f.id = :id AND f.tenant = :tenant",
        id=frame_id,
    )
    return None if row is None else (_frame(row), row["station_id"])


def _frame(row: Row) -> LoggedFrame:
    return LoggedFrame(
        id=row["id"],
        charger_id=row["charger_id"],
        connection_id=row["connection_id"],
        at=row["at"],
        direction=row["direction"],
        kind=row["kind"],
        message_id=row["message_id"],
        action=row["action"],
        text=row["text"],
        took_ms=None if row["took_ms"] is None else round(row["took_ms"], 3),
        problem=row["problem"],
        request_id=row["request_id"],
    )
