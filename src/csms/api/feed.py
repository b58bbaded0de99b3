"""The feed of what happens: many listeners, none of which can slow a charger, and each of which can come back where it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import attrs
import trio

from csms.core.errors import StoreUnavailable

from .items import FRAME, Check, History, Item, Position, Scope, Wants, Word

BACKLOG = 1000
"""Items that may wait for one listener before it is dropped."""
BATCH = 64
"""Items that are told at once."""
KEEPALIVE_S = 15.0
CHECK_S = 30.0
"""How soon a login that has ended ends its streams."""
FOLLOWER_LIMIT_S = 2.0
"""Longest wait of a new listener for the stored events; with the store away it begins without them."""
PAGE = 500
RETRY_S = 1.0
JOIN_POLL_S = 0.02
"""How soon one that has caught up looks again whether the follower is as far."""
MOST_REPLAYED = 100_000
"""Stored events that are looked through for one that comes back; who was away for longer reads the event log."""
TOO_SLOW, STOPPING = "too slow", "server stopping"
SKIPPED = "events were skipped: come back with the last event id"
LOGGED_OUT = "the login has ended, or may not see this any more"


@attrs.define(slots=True, eq=False)
class Listener:
    """One reader of the feed. ``next`` gives what is to be told, in order, for ever; a ``Word`` of kind ``end`` is the last."""

    feed: Feed
    scope: Scope
    wants: Wants
    check: Check | None
    send: trio.MemorySendChannel[Item]
    receive: trio.MemoryReceiveChannel[Item]
    ended: str = ""
    """Why it gets nothing more."""
    live: bool = True
    """Whether it is told what happens now; not while it catches up."""
    position: Position | None = None
    """Stored events up to here were told."""
    mine: set[int] = attrs.field(factory=set)
    """Of a driver's listener: the running transactions."""
    since: int = 0
    """The last event that was told before it came."""
    _begun: bool = False
    _replayed: int = 0
    _check_at: float = 0.0

    @property
    def by_station(self) -> bool:
        """Whether it must be known where chargers stand."""
        return self.scope.stations is not None or bool(self.wants.stations)

    def hears(self, item: Item) -> bool:
        """Whether an item is for this listener."""
        scope, wants = self.scope, self.wants
        if item.tenant != scope.tenant or (scope.driver_id is not None and not self._is_mine(item, scope.driver_id)):
            return False
        if (wants.kinds and item.kind not in wants.kinds) or (item.kind == FRAME and not scope.frames):
            return False
        if wants.chargers and item.charger_id not in wants.chargers:
            return False
        if wants.transactions and item.facts.get("transaction_id") not in wants.transactions:
            return False
        if wants.places and ((place := item.place) is None or (place not in wants.places and (place[0], 0) not in wants.places)):
            return False
        return not self.by_station or self._stands_right(item)

    def _is_mine(self, item: Item, driver_id: int) -> bool:
        """Whether an item is about a transaction of the driver. What a charger measures does not say whose it is."""
        number = item.facts.get("transaction_id")
        if "driver_id" not in item.facts:
            return item.kind != FRAME and number in self.mine
        if number is None or item.facts["driver_id"] != driver_id:
            return False
        if item.kind in ("transaction_ended", "transaction_corrected"):
            self.mine.discard(number)
        else:
            self.mine.add(number)
        return True

    def _stands_right(self, item: Item) -> bool:
        station = self.feed.station_of(item.tenant, item.charger_id)
        if station is None or (self.scope.stations is not None and station not in self.scope.stations):
            return False
        return not self.wants.stations or station in self.wants.stations

    def end(self, reason: str) -> None:
        """Tell it nothing more than what waits, and why."""
        self.ended = self.ended or reason
        self.send.close()

    # --- reading --------------------------------------------------------------------------------------------------------------

    async def next(self) -> Sequence[Item | Word]:
        """What is to be told now; waits for it, and says ``alive`` now and then. Raises ``trio.ClosedResourceError`` after the end."""
        if not self._begun:
            self._begun = True
            return await self._begin()
        if trio.current_time() >= self._check_at and (reason := await self._not_any_more()):
            self.end(reason)
            return [Word(kind="end", reason=reason)]
        if not self.live and not self.ended:
            return await self._catch_up()
        batch: list[Item | Word] = []
        with trio.move_on_after(KEEPALIVE_S):
            try:
                batch.append(await self.receive.receive())
            except trio.EndOfChannel:
                return [Word(kind="end", reason=self.ended)]
        if not batch:
            return [Word(kind="alive", event_id=self.feed.told_id)]
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while len(batch) < BATCH:
                batch.append(self.receive.receive_nowait())
        return batch

    async def _not_any_more(self) -> str:
        self._check_at = trio.current_time() + CHECK_S
        if self.check is None:
            return ""
        try:
            scope = await self.check()
            if scope is None:
                return LOGGED_OUT
            if scope.stations is not None and scope.stations != self.scope.stations:
                await self.feed.learn_stations(scope.tenant)
            self.scope = scope
        except StoreUnavailable:
            pass  # nobody can say; it is asked again
        return ""

    async def _begin(self) -> Sequence[Item | Word]:
        self._check_at = trio.current_time() + CHECK_S
        with trio.move_on_after(FOLLOWER_LIMIT_S):
            await self.feed.followed()
        return [Word(kind="begin")]

    async def _catch_up(self) -> Sequence[Item | Word]:
        """Stored events, by pages, until nothing stands between them and what happens now."""
        history = self.feed.history
        if history is None:
            self.live = True
            return [Word(kind="reset", reason="events are not kept")]
        try:
            position = self.position if self.position is not None else await history.position_of(self.since)
            if position is None:
                self.live = True
                return [Word(kind="reset", reason=f"event {self.since} is not kept (any more): what followed it may be missing")]
            items, position, more = await history.after(position, PAGE)
            if self.by_station and any(self.feed.is_unknown(item) for item in items if item.tenant == self.scope.tenant):
                await self.feed.learn_stations(self.scope.tenant)
        except StoreUnavailable:
            await trio.sleep(RETRY_S)
            return []
        self.position = position
        self._replayed += len(items)
        told: list[Item | Word] = [item for item in items if self.hears(item)]
        if not more and self.feed.told is not None and position >= self.feed.told:
            self.live = True
        elif self._replayed > MOST_REPLAYED:
            self.live = True
            told.append(Word(kind="reset", reason=f"more than {MOST_REPLAYED} events happened meanwhile; read the event log"))
        if not told and items:
            told.append(Word(kind="alive", event_id=items[-1].event_id))
        if not items and not self.live:
            await trio.sleep(JOIN_POLL_S)
        return told


class Feed:
    """Fans items out to bounded listeners; a full one is dropped and told so, the others go on.

    Stored events come from a follower: it sleeps in ``wanted`` while nobody listens and says ``following`` once it knows from where on
    it tells, so that a stream which has begun misses nothing.
    """

    def __init__(self, limit: int, *, each: int = 0, backlog: int = BACKLOG, history: History | None = None) -> None:
        self.limit = limit
        self.each = each or limit
        """Most listeners of one user or key."""
        self.history = history
        self.told: Position | None = None
        """Up to where stored events were told; None while nobody follows them."""
        self.told_id = 0
        self.dropped = 0
        self.uncertain = False
        """Whether a charger came by of which nobody knew where it stands."""
        self._backlog = backlog
        self._listeners: list[Listener] = []
        self._of: Counter[str] = Counter()
        self._stations: dict[int, Mapping[str, int | None]] = {}
        self._wanted = trio.Event()
        self._followed = trio.Event()
        self._draining = False

    @property
    def listening(self) -> int:
        """How many listeners there are; with none, nobody needs to prepare items."""
        return len(self._listeners)

    @property
    def full(self) -> bool:
        """Whether there is no room for another listener."""
        return self._draining or len(self._listeners) >= self.limit

    def has_enough(self, identity: str) -> bool:
        """Whether one user or key has as many listeners as anybody may."""
        return self._of[identity] >= self.each

    # --- for the follower -----------------------------------------------------------------------------------------------------

    async def wanted(self) -> None:
        """Wait until somebody listens."""
        await self._wanted.wait()

    def following(self, position: Position) -> None:
        """Every event that is stored after this position will be published."""
        self.told = position
        self._followed.set()

    def tell(self, items: Sequence[Item], position: Position) -> None:
        """Stored events, in order, the last of them at ``position``."""
        for item in items:
            self.publish(item)
        self.told = position
        if items:
            self.told_id = items[-1].event_id

    def skipped(self) -> None:
        """Stored events could not be told: who comes back gets them."""
        self.told = None
        for listener in self._listeners:
            listener.end(SKIPPED)

    async def learn_stations(self, tenant: int | None = None) -> None:
        """Look again where chargers stand, of one tenant or of all for whose listeners it matters. Raises ``StoreUnavailable``."""
        if self.history is None:
            return
        self.uncertain = False
        tenants = {tenant} if tenant is not None else {each.scope.tenant for each in self._listeners if each.by_station}
        for one in tenants:
            self._stations[one] = await self.history.stations(one)

    @property
    def by_station(self) -> frozenset[int]:
        """Tenants with listeners for whom it matters where chargers stand."""
        return frozenset(each.scope.tenant for each in self._listeners if each.by_station)

    def station_of(self, tenant: int, charger_id: str) -> int | None:
        """Where a charger stands, as far as it is known."""
        known = self._stations.get(tenant, {})
        if charger_id and charger_id not in known:
            self.uncertain = True
        return known.get(charger_id)

    def is_unknown(self, item: Item) -> bool:
        """Whether an item is about a charger of which it is not known where it stands."""
        return bool(item.charger_id) and item.charger_id not in self._stations.get(item.tenant, {})

    # --- for whoever has something to tell ------------------------------------------------------------------------------------

    def publish(self, item: Item) -> None:
        """Give an item to all who want it; never waits."""
        for listener in self._listeners:
            if listener.ended or not listener.live or not listener.hears(item):
                continue
            if item.position is not None and listener.position is not None and item.position <= listener.position:
                continue
            try:
                listener.send.send_nowait(item)
            except trio.WouldBlock:
                self.dropped += 1
                listener.end(TOO_SLOW)

    def drain(self) -> None:
        """End every stream once it has told what waits: the server is stopping."""
        self._draining = True
        for listener in self._listeners:
            listener.end(STOPPING)

    # --- for listeners --------------------------------------------------------------------------------------------------------

    async def followed(self) -> None:
        """Wait until stored events are followed."""
        await self._followed.wait()

    @contextmanager
    def listen(self, scope: Scope, wants: Wants, *, since: int = 0, check: Check | None = None) -> Iterator[Listener]:
        """Listen; ``since`` is the last event that was told before, 0 for none. ``learn_stations`` first where stations matter."""
        send, receive = trio.open_memory_channel[Item](self._backlog)
        listener = Listener(self, scope, wants, check, send, receive, live=not since, since=since)
        if self.full:
            listener.end(f"at most {self.limit} live feeds at a time")
        if self.has_enough(scope.identity):
            listener.end(f"at most {self.each} live feeds at a time for one user or key")
        if not self._listeners:
            self._followed = trio.Event()
            self.told = None
        self._listeners.append(listener)
        self._of[scope.identity] += 1
        self._wanted.set()
        try:
            yield listener
        finally:
            self._listeners.remove(listener)
            self._of[scope.identity] -= 1
            if not self._of[scope.identity]:
                del self._of[scope.identity]
            if not self._listeners:
                self._wanted = trio.Event()
                self._stations.clear()
            send.close()
            receive.close()
