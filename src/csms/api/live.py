"""The live feed over HTTP: who may hear what, as server-sent events that can be taken up again where they broke off."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import attrs
import msgspec
from attrs import validators

from csms.core.access import Principal
from csms.core.checks import Told
from csms.core.errors import StoreUnavailable
from csms.core.events import EVENT_TYPES
from csms.core.paging import filter_by

from . import auth
from .calls import Authenticate, Call, Shown
from .feed import Feed, Listener
from .items import FRAME, Check, Item, Scope, Wants, Word
from .problems import Problem
from .routes import LIST, OWN, Routes, Streamed

READ_LIVE, READ_FRAMES, READ_OWN = "live:read", "frames:read", "me:read"
SSE = "text/event-stream"
RETRY_MS = 2000
"""How soon a browser comes back by itself."""

GROUPS: Mapping[str, frozenset[str]] = {
    "connections": frozenset(
        {
            "charger_connected",
            "charger_disconnected",
            "charger_booted",
            "charger_registration_changed",
            "charger_removed",
            "charger_security_changed",
        }
    ),
    "statuses": frozenset({"charger_status_changed", "availability_changed"}),
    "transactions": frozenset({"transaction_started", "transaction_updated", "transaction_ended", "transaction_corrected"}),
    "meter_values": frozenset({"meter_values"}),
    "costs": frozenset({"cost_updated", "charge_limit_reached"}),
    "bills": frozenset(
        {"bill_settled", "bill_open", "bill_paid", "bill_corrected", "bill_credited", "bill_not_billable", "bill_failed"}
    ),
    "alerts": frozenset({"alert_raised", "alert_resolved"}),
    "frames": frozenset({FRAME}),
}
"""Names for several kinds at once."""
OF_DRIVERS = GROUPS["transactions"] | GROUPS["meter_values"] | GROUPS["costs"]
"""What drivers are told, of their own transactions."""


PLACE = r"^\d{1,6}(\.\d{1,6})?$"


def _places(instance: object, attribute: object, value: tuple[str, ...]) -> None:
    for text in value:
        _place(text)


def _place(text: str) -> tuple[int, int]:
    evse, _, connector = text.partition(".")
    if not all(each.isascii() and each.isdigit() and len(each) < 7 for each in (evse, connector or "0")):
        raise ValueError(f"expected a connector such as 1, or 1.2 for connector 2 of EVSE 1, got {text!r}")
    return int(evse), int(connector or "0")


@attrs.frozen(slots=True, kw_only=True)
class LiveQuery:
    """What of the feed somebody wants; what is not given does not filter."""

    kinds: tuple[str, ...] = attrs.field(
        default=(), metadata={"help": f"groups ({', '.join(GROUPS)}) and types of events, with commas between them"}
    )
    charger_id: tuple[str, ...] = attrs.field(default=(), metadata={"help": "only of these chargers"})
    station_id: tuple[int, ...] = attrs.field(default=(), metadata={"help": "only of chargers at these stations"})
    connector: tuple[str, ...] = attrs.field(
        default=(),
        validator=Told(_places, {"items": {"type": "string", "pattern": PLACE}}),
        metadata={"help": "only about these connectors: 1, or 1.2 for connector 2 of EVSE 1"},
    )
    transaction_id: tuple[int, ...] = attrs.field(default=(), metadata={"help": "only about these transactions"})
    last_event_id: int | None = attrs.field(
        default=None,
        validator=validators.optional(validators.ge(0)),
        metadata={"help": "go on after this event, as the header Last-Event-ID does"},
    )


@attrs.frozen(slots=True, kw_only=True)
class OwnQuery:
    """What of their own feed a driver wants."""

    transaction_id: tuple[int, ...] = attrs.field(default=(), metadata={"help": "only about these transactions"})
    last_event_id: int | None = filter_by("go on after this event, as the header Last-Event-ID does")


# --- who may hear what ----------------------------------------------------------------------------------------------------------


def scope_of(who: Principal, *, own: bool = False) -> Scope | None:
    """What somebody may hear; None for nothing. ``own``: of their own transactions."""
    if own:
        if who.driver_id is None or not who.may(READ_OWN):
            return None
        return Scope(tenant=who.tenant, identity=who.identity, frames=False, driver_id=who.driver_id)
    if not who.may(READ_LIVE):
        return None
    return Scope(tenant=who.tenant, identity=who.identity, stations=who.stations, frames=who.may(READ_FRAMES))


def wants_of(query: LiveQuery, who: Principal) -> Wants:
    """A query as a choice. Raises ``Problem`` for kinds that there are not, and for frames where they may not be read."""
    kinds: set[str] = set()
    for name in query.kinds:
        kinds |= GROUPS.get(name, frozenset({name}))
    if unknown := sorted(kinds - {FRAME, *EVENT_TYPES}):
        known = ", ".join([*GROUPS, *sorted({FRAME, *EVENT_TYPES} - {*GROUPS})])
        raise Problem(422, "Invalid Input", f"kinds: there is no {', '.join(unknown)}; there are {known}")
    if FRAME in kinds and not who.may(READ_FRAMES):
        raise Problem(403, "Forbidden", f"kinds: frames need the permission {READ_FRAMES}")
    return Wants(
        kinds=frozenset(kinds),
        chargers=frozenset(query.charger_id),
        stations=frozenset(query.station_id),
        places=frozenset(map(_place, query.connector)),
        transactions=frozenset(query.transaction_id),
    )


def still(authenticate: Authenticate, shown: Shown, *, own: bool = False) -> Check:
    """Asks again whether what somebody showed still lets them listen."""

    async def check() -> Scope | None:
        try:
            return scope_of(await authenticate(shown), own=own)
        except Problem as problem:
            if problem.status >= 500:
                raise StoreUnavailable(str(problem)) from None
            return None

    return check


def room_for(feed: Feed, who: Principal) -> None:
    """Refuse one stream too many. Raises ``Problem``."""
    if feed.full:
        raise Problem(503, "Service Unavailable", f"at most {feed.limit} live feeds at a time")
    if feed.has_enough(who.identity):
        raise Problem(429, "Too Many Requests", f"at most {feed.each} live feeds at a time for one user or key")


@asynccontextmanager
async def listening(
    feed: Feed, scope: Scope, wants: Wants, *, since: int = 0, check: Check | None = None
) -> AsyncIterator[Listener]:
    """Listen, once it is known what decides who may see an item. Raises ``StoreUnavailable``."""
    if scope.stations is not None or wants.stations:
        await feed.learn_stations(scope.tenant)
    with feed.listen(scope, wants, since=since, check=check) as listener:
        if scope.driver_id is not None and feed.history is not None:
            listener.mine.update(await feed.history.open_transactions(scope.tenant, scope.driver_id))
        yield listener


# --- server-sent events ---------------------------------------------------------------------------------------------------------


async def stream(
    feed: Feed, scope: Scope, wants: Wants, *, since: int = 0, check: Check | None = None
) -> AsyncGenerator[bytes, None]:
    """Server-sent events (WHATWG HTML §9.2) for one listener, with a comment now and then so that a dead reader is noticed.

    The first bytes go out when nothing can be missed any more.
    """
    try:
        async with listening(feed, scope, wants, since=since, check=check) as listener:
            ended = False
            while not ended:
                told = await listener.next()
                if told:
                    yield b"".join(map(encode, told))
                    ended = is_end(told[-1])
    except StoreUnavailable as error:
        yield encode(Word(kind="end", reason=str(error)))


def is_end(item: Item | Word) -> bool:
    """Whether nothing comes after this."""
    return isinstance(item, Word) and item.kind == "end"


def encode(item: Item | Word) -> bytes:
    """An item as one server-sent event; a word as an event, or as a comment where it is nothing to act upon."""
    if isinstance(item, Item):
        head = f"id: {item.event_id}\n" if item.event_id else ""
        return f"{head}event: {item.kind}\ndata: ".encode() + item.text + b"\n\n"
    if item.kind == "begin":
        return f": csms live feed\nretry: {RETRY_MS}\n\n".encode()
    if item.kind == "alive":
        # without data it is no event; what comes back after it starts from there (WHATWG HTML §9.2.6)
        return b": still here\n" + (f"id: {item.event_id}\n\n".encode() if item.event_id else b"\n")
    return f"event: {item.kind}\ndata: ".encode() + msgspec.json.encode({"reason": item.reason}) + b"\n\n"


def since_of(asked: int | None, headers: Iterable[str]) -> int:
    """After which event to go on. A header that names none is passed over: a browser repeats what it was once told."""
    if asked is not None:
        return asked
    text = next(iter(headers), "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def routes(feed: Feed) -> Routes:
    """The feed over HTTP."""
    made = Routes("live", "What happens, as it happens.")

    @made.get(
        "/live", needs=READ_LIVE, reach=LIST, produces=SSE, limit_s=None, errors={429: "too many feeds", 503: "too many feeds"}
    )
    async def follow(call: Call, query: LiveQuery) -> Streamed:
        """Follow what happens, as server-sent events.

        An event's `event` is its type, or `frame`; its `data` is what the event log shows of it. Stored events have an `id`: who comes
        back with it as `Last-Event-ID` is told everything since, and then what happens now; `reset` says that something may be missing,
        `end` why nothing more comes. Staff of some stations hear of the chargers there. The same over WebSocket is `/live/ws`.
        """
        return await _answer(feed, call, scope_of(call.who), wants_of(query, call.who), query.last_event_id)

    @made.get(
        "/me/live", needs=READ_OWN, reach=OWN, produces=SSE, limit_s=None, errors={429: "too many feeds", 503: "too many feeds"}
    )
    async def follow_own(call: Call, query: OwnQuery) -> Streamed:
        """Follow one's own transactions, and what is measured in them, as server-sent events."""
        scope = scope_of(call.who, own=True)
        return await _answer(
            feed, call, scope, Wants(kinds=OF_DRIVERS, transactions=frozenset(query.transaction_id)), query.last_event_id, own=True
        )

    return made


async def _answer(feed: Feed, call: Call, scope: Scope | None, wants: Wants, asked: int | None, *, own: bool = False) -> Streamed:
    if scope is None:
        raise Problem(403, "Forbidden", "this is for drivers" if own else f"this needs the permission {READ_LIVE}")
    room_for(feed, call.who)
    since = since_of(asked, call.request.headers.getlist("Last-Event-ID"))
    check = still(call.backing.authenticate, auth.shown(call.request), own=own)
    pieces = stream(feed, scope, wants, since=since, check=check)
    return Streamed(pieces=pieces, content_type=SSE, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}, limit_s=None)
