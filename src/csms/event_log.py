"""The event log over HTTP: what happened, who has heard of it, and what could not be delivered."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.routes import LIST, Routes
from csms.core.errors import NotFound
from csms.core.facts import PublicEvent, public
from csms.core.ids import charger_key
from csms.core.paging import Following, Page, Paged, Stretch, cut, filter_by, sorts
from csms.core.ports import ReadTx, Row
from csms.db import StoreDatabase, outbox
from csms.db.deliveries import DeadLetter, Progress
from csms.domain.listing import Listing, page
from csms.domain.timeline import Timeline, stretch

_LARGEST = 2**62
_IDS: Any = validators.optional(validators.and_(validators.ge(0), validators.le(_LARGEST)))


@attrs.frozen(slots=True, kw_only=True)
class LoggedEvent(PublicEvent):
    """An event of the log. ``request_id`` is the request to the API that it came of, ``""`` for none."""

    request_id: str


@attrs.frozen(slots=True, kw_only=True)
class EventsQuery(Following):
    """Which events somebody wants; ``search`` is for their key, type and payload."""

    type: str | None = filter_by("of this type, such as transaction_ended")
    key: str | None = filter_by("about this, such as charger:C1")
    charger_id: str | None = filter_by("about this charger")
    request_id: str | None = filter_by("that came of the request to the API which has this X-Request-Id")
    from_at: int | None = filter_by("not before")
    to_at: int | None = filter_by("before")


@attrs.frozen(slots=True, kw_only=True)
class DeadLettersQuery(Paged):
    """Which dead letters somebody wants."""

    sort: str = sorts("event_id", "given_up_at", default="-event_id")
    consumer: str | None = filter_by("that this consumer could not take")
    type: str | None = filter_by("events of this type")


@attrs.frozen(slots=True, kw_only=True)
class ConsumersQuery(Paged):
    """Which consumers of events somebody wants."""

    sort: str = sorts("name", "behind", "retrying", "dead", default="name")
    dead: bool | None = filter_by("true: only those with dead letters; false: only others")


@attrs.frozen(slots=True, kw_only=True)
class Replay:
    """What to deliver again: the dead letters, or every event of a range of ids that the consumer has heard before."""

    first_event_id: int | None = attrs.field(default=None, validator=_IDS)
    last_event_id: int | None = attrs.field(default=None, validator=_IDS)


@attrs.frozen(slots=True, kw_only=True)
class Replayed:
    """How many events a consumer hears again."""

    consumer: str
    events: int


LINE = Timeline("events", "sequence")
EVENTS = Listing(
    columns="sequence AS id, type, key, at, payload, request_id",
    source="events WHERE tenant = :tenant",
    filters={
        "type": "type = :type",
        "key": "key = :key",
        "about": "key = :about",
        "request_id": "request_id = :request_id AND request_id <> ''",  # said twice for the index, which has no others
        "from_at": "at >= :from_at",
        "to_at": "at < :to_at",
        "stations": "key IN (SELECT 'charger:' || c.id FROM chargers c WHERE c.tenant = :tenant AND c.station_id IN ({stations}))",
    },
    search="lower(key) LIKE :search ESCAPE '!' OR lower(type) LIKE :search ESCAPE '!' OR lower(payload) LIKE :search ESCAPE '!'",
    unique="sequence",
)
DEAD = Listing(
    columns="d.consumer, d.sequence AS event_id, e.tenant, e.type, e.key, e.at, d.attempts, d.error, d.changed_at AS given_up_at",
    source="deliveries d JOIN events e ON e.sequence = d.sequence WHERE d.state = 'dead'",
    filters={"consumer": "d.consumer = :consumer", "type": "e.type = :type"},
    search="lower(d.error) LIKE :search ESCAPE '!' OR lower(e.key) LIKE :search ESCAPE '!'",
    sorts={"event_id": "d.sequence", "given_up_at": "d.changed_at"},
    unique="d.consumer",
)


def events(tx: ReadTx, query: EventsQuery, stations: frozenset[int] | None) -> Stretch[LoggedEvent]:
    """Events, the newest first."""
    about = None if query.charger_id is None else charger_key(query.charger_id)
    return stretch(
        tx,
        EVENTS,
        LINE,
        query,
        _event,
        indexed=query.request_id is not None
        or (not query.search and (query.key is not None or about is not None or query.type is not None)),
        about=about,
        stations=None if stations is None else tuple(stations),
    )


def need_event(tx: ReadTx, event_id: int, stations: frozenset[int] | None) -> LoggedEvent:
    """One event. Raises ``NotFound``."""
    sql = f"SELECT {EVENTS.columns} FROM {EVENTS.source} AND sequence = :id"  # noqa: S608 (our own text)
    row = tx.one(sql, id=event_id)
    if row is None or (stations is not None and not _at_one_of(tx, row["key"], stations)):
        raise NotFound(f"there is no event {event_id}")
    return _event(row)


def _at_one_of(tx: ReadTx, key: str, stations: frozenset[int]) -> bool:
    station_id = tx.value(
        "SELECT station_id FROM chargers WHERE tenant = :tenant AND id = :charger_id", charger_id=key.removeprefix("charger:")
    )
    return key.startswith("charger:") and station_id in stations


def _event(row: Row) -> LoggedEvent:
    facts = msgspec.json.decode(row["payload"], type=dict[str, Any])
    shown = public(row["type"], facts, at=row["at"], event_id=row["id"])
    return LoggedEvent(**attrs.asdict(shown, recurse=False), request_id=row["request_id"])


def dead_letters(tx: ReadTx, query: DeadLettersQuery) -> Page[DeadLetter]:
    """Dead letters of every tenant."""
    return page(tx.system("dead letters concern the installation"), DEAD, query, lambda row: DeadLetter(**row))


def routes(database: StoreDatabase) -> Routes:
    """Routes of the event log and of those who hear it."""
    made = Routes("events", "What happened, as it was stored and told to whoever hears events.", tag="Event log")

    @made.get("/events", needs="events:read", reach=LIST)
    async def list_(call: Call, query: EventsQuery) -> Stretch[LoggedEvent]:
        """Events, the newest first.

        A search, or a list that is filtered by neither type nor key, looks at 20,000 events at most per request: it may answer fewer than
        `limit`, or none, and still a `next` to go on from.
        """
        return await call.read(events, query, call.stations)

    @made.get("/events/<int:event_id>", needs="events:read", reach=LIST)
    async def show(call: Call, event_id: int) -> LoggedEvent:
        """One event."""
        return await call.read(need_event, event_id, call.stations)

    @made.get("/dead-letters", needs="system:read")
    async def dead(call: Call, query: DeadLettersQuery) -> Page[DeadLetter]:
        """Events of any tenant that a consumer could not take after all its attempts."""
        return await call.read(dead_letters, query)

    @made.get("/consumers", needs="system:read")
    async def consumers(call: Call, query: ConsumersQuery) -> Page[Progress]:
        """Who hears events, the core's own parts and every plugin, and how far each is."""
        words = (query.search or "").casefold()
        found = [each for each in await outbox.progress(database) if words in each.name.casefold()]
        found = [each for each in found if query.dead in (None, each.dead > 0)]
        found.sort(key=lambda each: getattr(each, query.sort.removeprefix("-")), reverse=query.sort.startswith("-"))
        return cut(found, query)

    @made.post("/consumers/<path:consumer>/replay", needs="system:write", example={"first_event_id": 1200, "last_event_id": 1300})
    async def replay(call: Call, consumer: str, body: Replay) -> Replayed:
        """Have a consumer's dead letters delivered again or, with ids, every event of that range that it has heard before."""
        count = await outbox.replay(database, consumer, first=body.first_event_id, last=body.last_event_id)
        await call.note(Subject("consumer", consumer), {"first": body.first_event_id, "last": body.last_event_id, "events": count})
        return Replayed(consumer=consumer, events=count)

    @made.delete("/consumers/<path:consumer>", needs="system:write", compared=False)
    async def forget(call: Call, consumer: str) -> None:
        """Forget a consumer that will not come back, with its dead letters: events are kept until every known one has them."""
        if not await outbox.forget_consumer(database, consumer):
            raise NotFound(f"there is no consumer {consumer!r}")

    return made
