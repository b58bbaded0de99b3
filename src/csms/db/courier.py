"""Carries events to one consumer: several keys at a time, in order within a key, a failing key set aside until it is due."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import structlog
import trio

from csms.core.errors import StoreUnavailable, WriterStopped
from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Clock, Random

from . import deliveries
from .aside import Aside
from .database import StoreDatabase
from .deliveries import Change, DeadLetter
from .pace import Handle, Pace
from .spine import Entry, Position, scan

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 500
"""Events in one read."""
DUE_AT_ONCE = 50
"""Waiting events of one key in one read."""
READ_AT_LEAST = 200
"""So many are read at once while there are as many: not one whenever one was delivered."""
FIRST_GAP_S = 0.005
LATE_WARNING_S = 60.0
"""How long events may wait for an earlier transaction before somebody should look for it."""


class Courier:
    """One consumer's deliveries. ``run`` reads and saves; up to ``pace.parallel`` workers deliver one key each."""

    def __init__(
        self,
        database: StoreDatabase,
        name: str,
        handle: Handle,
        types: frozenset[str] | None,
        *,
        clock: Clock,
        random: Random | None,
        max_attempts: int,
        on_dead: Callable[[DeadLetter], None] | None,
        pace: Pace,
    ) -> None:
        self._database = database
        self._name = name
        self._handle = handle
        self._types = types
        self._clock = clock
        self._random = random
        self._max_attempts = max_attempts
        self._on_dead = on_dead
        self._pace = pace
        self._cursor: Position = (0, 0)
        self._scanned: Position = (0, 0)
        self._entries: deque[Entry] = deque()
        """Read and not yet below the cursor, in order."""
        self._chains: dict[str, deque[Entry]] = {}
        """Events in memory by key; a key's first is the one being delivered."""
        self._ready: deque[str] = deque()
        self._working = 0
        self._aside = Aside(pace.parallel * 4)
        self._retrying = 0
        self._changes: dict[int, Change] = {}
        self._behind = True
        self._late = False
        self._late_since = 0.0
        self._gap_s = FIRST_GAP_S
        self._read_at = 0.0
        self._replays = -1
        self._unsaved = False
        self._save_at = 0.0
        self._look_at = 0.0
        self._bell = trio.Event()
        self._strange: set[str] = set()

    async def run(self, from_start: bool, started: Callable[[], None]) -> None:
        """Deliver for ever; saves progress when cancelled."""
        self._cursor = self._scanned = await self._database.write(
            deliveries.begin, self._database.engine, self._name, from_start, tenant=DEFAULT_TENANT, keys=self._keys
        )
        started()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen)
                while True:
                    self._bell = trio.Event()
                    try:
                        await self._round()
                    except WriterStopped:
                        nursery.cancel_scope.cancel()
                        return
                    except StoreUnavailable as error:
                        log.warning("a consumer waits for the database", consumer=self._name, problem=str(error))
                        await trio.sleep(self._pace.first_retry_s)
                        continue
                    while self._ready and self._working < self._pace.parallel:
                        self._working += 1
                        nursery.start_soon(self._work)
                    with trio.move_on_after(self._idle_s()):
                        await self._bell.wait()
        finally:
            with trio.move_on_after(2, shield=True):
                await self._last_save()

    @property
    def _keys(self) -> tuple[str, ...]:
        return (f"consumer:{self._name}",)

    async def _listen(self) -> None:
        """What this process stores is read at once. Other events are passed over every ``poll_s``, all together, when all is looked at."""
        mark = self._database.event_mark
        while True:
            mark = await self._database.wait_for_events(mark, self._types)
            self._behind = True
            self._bell.set()

    async def _round(self) -> None:
        """Save what is due to be saved, take up what is due again, read what is new."""
        now = trio.current_time()
        look = now >= self._look_at or self._replays != self._database.replay_mark
        if self._unsaved and (now >= self._save_at or look):
            await self._save()
        if look:
            replays = self._database.replay_mark
            self._behind = True
            await self._look()  # until this succeeds nothing new is read: it may belong behind something that waits
            self._replays = replays
            self._look_at = now + self._pace.poll_s
        await self._resume()
        while (self._behind or self._late) and self._has_room() and trio.current_time() >= self._read_at:
            await self._scan()
            if self._late:
                break

    def _idle_s(self) -> float:
        now = trio.current_time()
        until = self._look_at
        if self._unsaved:
            until = min(until, self._save_at)
        if self._late:
            until = min(until, now + self._pace.late_poll_s)
        if self._behind and self._has_room():
            until = min(until, self._read_at)
        if (due := self._aside.next_due()) is not None:
            until = min(until, now + (due - self._clock.now()) / 1000)
        return max(until - now, 0.0)

    # --- reading ------------------------------------------------------------------------------------------------------------

    def _has_room(self) -> bool:
        room = self._pace.window - len(self._entries)
        return room >= min(READ_AT_LEAST, self._pace.window) and self._retrying < self._pace.most_retrying

    def _gather(self, now: float, *, more: bool) -> None:
        """When to read next: at once where there is more; else the later, the more often there was something to read lately."""
        since = now - self._read_at
        self._gap_s = min(self._gap_s * 2, self._pace.gather_s) if since < self._gap_s else FIRST_GAP_S
        self._read_at = now if more else now + min(self._gap_s, self._pace.gather_s)

    async def _scan(self) -> None:
        limit = max(1, min(MOST_AT_ONCE, self._pace.window - len(self._entries)))
        self._behind = False
        try:
            found = await self._database.read(
                scan, self._database.engine, self._name, self._scanned, limit, self._types, tenant=DEFAULT_TENANT
            )
        except StoreUnavailable:
            self._behind = True
            raise
        self._late = found.late
        if found.full:
            self._behind = True
        moved = found.reached != self._scanned
        self._entries.extend(
            found.entries
        )  # all of them before anything is done with one: where none is left, the cursor is at the end
        self._scanned = found.reached
        self._gather(trio.current_time(), more=self._behind or self._late)
        self._watch_late(moved)
        for entry in found.entries:
            if entry.recorded:
                entry.settled = True
            elif entry.key in self._aside:
                self._set_aside(entry)
            else:
                self._line_up(entry)
        if moved:
            self._progress()

    def _watch_late(self, moved: bool) -> None:
        now = trio.current_time()
        if moved or not self._late:
            self._late_since = now
        elif now - self._late_since > LATE_WARNING_S:
            self._late_since = now
            log.warning("events wait for an earlier transaction that does not end", consumer=self._name, seconds=LATE_WARNING_S)

    def _wanted(self, entry: Entry) -> bool:
        return self._types is None or entry.type in self._types

    def _line_up(self, entry: Entry) -> None:
        chain = self._chains.get(entry.key)
        if chain is None:
            self._chains[entry.key] = deque([entry])
            self._ready.append(entry.key)
        else:
            chain.append(entry)

    async def _look(self) -> None:
        """Learn from the database what waits, as another process may have asked for a replay."""
        found, self._retrying = await self._database.read(deliveries.heads, self._name, tenant=DEFAULT_TENANT)
        self._aside.learn(found, {change.entry.key for change in self._changes.values()})

    async def _resume(self) -> None:
        """Take up the keys that are due; one whose events are all delivered is not set aside any more."""
        now = self._clock.now()
        while (key := self._aside.due(now, self._chains)) is not None:
            try:
                if self._unsaved:
                    await self._save()
                entries = await self._database.read(deliveries.due, self._name, key, DUE_AT_ONCE, tenant=DEFAULT_TENANT)
            except BaseException:
                self._aside.put_back(key)
                raise
            if not entries:
                self._aside.drop(key)
                continue
            self._aside.deliver(key)
            for entry in entries:
                self._line_up(entry)

    # --- delivering ---------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            while self._ready:
                await self._deliver_chain(self._ready.popleft())
        finally:
            self._working -= 1
            self._bell.set()

    async def _deliver_chain(self, key: str) -> None:
        chain = self._chains[key]
        while chain:
            entry = chain[0]
            error = await self._deliver(entry)
            entry.attempts += bool(error)
            if not error:
                self._done(entry)
            elif entry.attempts >= self._max_attempts:
                self._bury(entry, error)
            else:
                self._wait(chain, error)
                break
            chain.popleft()
        del self._chains[key]
        self._aside.put_back(key)
        self._bell.set()

    async def _deliver(self, entry: Entry) -> str:
        """Empty when it was taken, or is none of ours (a replay is of all types), else the error."""
        if not self._wanted(entry):
            return ""
        try:
            event = entry.decode()
        except KeyError:
            if entry.type not in self._strange:
                self._strange.add(entry.type)
                log.warning("events of an unknown type are skipped", consumer=self._name, event_type=entry.type)
            return ""
        except ValueError as error:
            entry.attempts = self._max_attempts - 1
            return str(error)
        try:
            with trio.fail_after(self._pace.timeout_s):
                await self._handle(Delivered(entry.sequence, entry.tenant, entry.at, event, entry.attempts + 1))
        except Exception as error:
            log.warning(
                "an event was not taken",
                consumer=self._name,
                event_id=entry.sequence,
                event_type=entry.type,
                attempt=entry.attempts + 1,
                error=repr(error),
            )
            return f"{type(error).__name__}: {error}"[:500]
        return ""

    def _done(self, entry: Entry) -> None:
        entry.settled = True
        if entry.recorded:
            self._changes[entry.sequence] = Change(entry, "" if entry.position <= self._cursor else "done")
            self._retrying -= 1
        self._progress()

    def _bury(self, entry: Entry, error: str) -> None:
        entry.settled = True
        if entry.recorded:
            self._retrying -= 1
        self._changes[entry.sequence] = Change(entry, "dead", error=error)
        entry.recorded = True
        self._progress()
        log.error("a dead letter", consumer=self._name, event_id=entry.sequence, event_type=entry.type, error=error)
        if self._on_dead is not None:
            letter = DeadLetter(
                consumer=self._name,
                event_id=entry.sequence,
                tenant=entry.tenant,
                type=entry.type,
                key=entry.key,
                at=entry.at,
                attempts=entry.attempts,
                error=error,
                given_up_at=self._clock.now(),
            )
            try:
                self._on_dead(letter)
            except Exception:
                log.exception("nobody heard of a dead letter", consumer=self._name, event_id=entry.sequence)

    def _wait(self, chain: deque[Entry], error: str) -> None:
        """Set a key aside: its first event is tried again later, and those behind it wait."""
        first = chain[0]
        delay_s = min(self._pace.longest_retry_s, self._pace.first_retry_s * 2.0 ** (first.attempts - 1))
        if self._random is not None:
            delay_s *= self._random.uniform(0.8, 1.2)
        due = self._clock.now() + round(delay_s * 1000)
        self._aside.put(first.key, due)
        self._set_aside(first, due, error)
        for entry in list(chain)[1:]:
            if not entry.recorded:
                self._set_aside(entry)

    def _set_aside(self, entry: Entry, due: int = 0, error: str = "") -> None:
        entry.settled = True
        if not entry.recorded:
            entry.recorded = True
            self._retrying += 1
        self._changes[entry.sequence] = Change(entry, "retry", due, error)
        self._progress()

    # --- saving -------------------------------------------------------------------------------------------------------------

    def _progress(self) -> None:
        entries = self._entries
        while entries and entries[0].settled:
            self._cursor = entries.popleft().position
        if not entries:
            self._cursor = self._scanned
        if not self._unsaved:
            self._unsaved = True
            self._save_at = trio.current_time() + self._pace.save_every_s

    async def _save(self) -> None:
        changes = dict(self._changes)
        for entry in self._entries:
            if entry.settled and not entry.recorded:
                entry.recorded = True
                changes[entry.sequence] = Change(entry, "done")
        self._changes = {}
        self._unsaved = False
        try:
            await self._database.write(
                deliveries.save, self._name, self._cursor, list(changes.values()), tenant=DEFAULT_TENANT, keys=self._keys
            )
        except BaseException:
            self._changes = {**changes, **self._changes}
            self._progress()
            raise

    async def _last_save(self) -> None:
        if self._unsaved:
            try:
                await self._save()
            except StoreUnavailable as error:
                log.warning("a consumer's progress was not saved", consumer=self._name, problem=str(error))
