"""One writer's queue: it takes batches, hands them to the engine, and tells every waiter how its verb ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

import attrs
import outcome
import structlog
import trio

from csms.core.errors import StoreUnavailable, WriterStopped
from csms.core.events import Event
from csms.core.ids import TenantId

from .statements import Statement
from .stats import BatchReport, Stats
from .work import Append, Work, Write, weight

log = structlog.get_logger(__name__)

MOST_PATIENT = 8
"""Patient verbs in a batch: everybody in it waits for all of them."""
LINGER_S = 0.02
"""How long rows that nobody waits for wait for a verb to be committed with: alone they would cost as much as one."""
FIRST_REST_S = 0.05
LONGEST_REST_S = 1.0
"""Rest after a batch that could not be written, doubling; a write that comes meanwhile waits that long at most."""


@attrs.define(slots=True)
class Batch:
    """What became of a batch: what must go first in the next one, and what to tell after commit."""

    left_over: list[Work] = attrs.field(factory=list)
    emitted: Sequence[str] = ()
    """The types of the events that were stored."""
    volatile: Sequence[tuple[TenantId, int, Event]] = ()
    wrote: Collection[Statement] = ()
    rows: int = 0
    seconds: float = 0.0
    commit_seconds: float = 0.0
    problem: StoreUnavailable | None = None
    """Why the rest was not written, where a part of the batch was."""


class Writer(Protocol):
    """An engine's side of a lane."""

    async def run(self, batch: list[Work], settle: Callable[[Batch], None]) -> None:
        """Run and commit, then call ``settle`` at once, and only once: every ``Write`` that is not left over has its ``outcome``.

        Raises ``StoreUnavailable``: nothing was written, and nothing settled.
        """
        ...

    async def close(self) -> None:
        """Give the connection back."""
        ...


class Lane:
    """A queue in front of one writer. ``taken`` hears when work leaves the queue, ``settled`` when it is written or given up."""

    def __init__(
        self,
        name: str,
        writer: Writer,
        *,
        most_verbs: int,
        most_rows: int,
        stats: Stats,
        taken: Callable[[int], None],
        settled: Callable[[Work], None] | None,
        committed: Callable[[Batch, BatchReport], None],
    ) -> None:
        self.name = name
        self._writer = writer
        self._most_verbs = most_verbs
        self._most_rows = most_rows
        self._stats = stats
        self._taken = taken
        self._settled = settled
        self._committed = committed
        self._queue: deque[Work] = deque()
        self._patient: deque[Work] = deque()
        self._idle = trio.lowlevel.ParkingLot()
        self._asleep = False
        self._lingering = False
        self._verbs = 0
        """How many of what is queued are verbs, for which somebody waits."""
        self._ended = False
        self._stopping = trio.Event()
        self._rest_s = 0.0
        self.problem = ""
        """Why the last batch could not be written; empty when it could."""

    def put(self, work: Work) -> None:
        """Queue a piece of work, behind what is there; a patient one behind the patient. Raises ``WriterStopped``."""
        if self._ended:
            raise WriterStopped("the writer has stopped; nothing was written")
        self._queue_of(work).append(work)
        if isinstance(work, Write):
            self._verbs += 1
        elif self._lingering and len(self._queue) < self._most_rows:
            return
        if self._asleep:
            self._asleep = self._lingering = False
            self._idle.unpark()

    def hurry(self) -> None:
        """Somebody waits for rows that are queued: do not linger."""
        if self._lingering:
            self._asleep = self._lingering = False
            self._idle.unpark()

    def stop(self) -> None:
        """Write what is queued, then end."""
        self._stopping.set()
        self._asleep = self._lingering = False
        self._idle.unpark_all()

    @trio.lowlevel.enable_ki_protection
    async def serve(self) -> None:
        """Take batches until stopped; whatever ends this, nobody is left waiting."""
        try:
            while True:
                while not self._queue and not self._patient:
                    if self._stopping.is_set():
                        return
                    self._asleep = True
                    await self._idle.park()
                if not self._verbs and len(self._queue) < self._most_rows and not self._stopping.is_set():
                    await self._linger()
                batch = self._take()
                if batch:
                    await self._commit(batch)
                if self._rest_s:
                    with trio.move_on_after(self._rest_s):
                        await self._stopping.wait()
        finally:
            self._ended = True
            for queue in (self._queue, self._patient):
                self._give_up(queue, WriterStopped("the writer has stopped; nothing was written"))
                queue.clear()
            with trio.CancelScope(shield=True):
                await self._writer.close()

    async def _linger(self) -> None:
        """Only rows are queued: give a verb a moment to come, too."""
        self._asleep = self._lingering = True
        with trio.move_on_after(LINGER_S):
            await self._idle.park()
        self._asleep = self._lingering = False

    def _queue_of(self, work: Work) -> deque[Work]:
        return self._patient if isinstance(work, Write) and work.patient else self._queue

    def _take(self) -> list[Work]:
        """The next batch: who waits for an answer, then a few of those who have time. Neither ever waits for all of the others."""
        batch = self._next(self._queue, self._most_verbs)
        return batch + self._next(self._patient, min(self._most_verbs, MOST_PATIENT))

    def _next(self, queue: deque[Work], most_verbs: int) -> list[Work]:
        batch: list[Work] = []
        verbs = rows = left = 0
        while queue and verbs < most_verbs and rows < self._most_rows:
            work = queue.popleft()
            if isinstance(work, Write):
                self._verbs -= 1
                if work.left:
                    left += 1
                    self._done(work)
                    continue
                work.started = True
                verbs += 1
            else:
                rows += len(work.rows)
            batch.append(work)
        if verbs + rows + left:
            self._taken(verbs + rows + left)
        return batch

    async def _commit(self, batch: list[Work]) -> None:
        try:
            await self._run(batch)
        except BaseException:
            self._give_up(batch, StoreUnavailable("the writer broke off; whether this was written is not known"))
            raise

    async def _run(self, batch: list[Work]) -> None:
        try:
            await self._writer.run(batch, partial(self._settle, batch))
        except StoreUnavailable as error:
            for work in batch:
                if isinstance(work, Write):
                    work.outcome = None
            self._unavailable(batch, error)

    def _settle(self, batch: list[Work], done: Batch) -> None:
        """Tell every waiter; in the moment in which it is known, which may be before the writer's own task has its turn."""
        verbs = failed = 0
        again = set(map(id, done.left_over))
        rest: list[Work] = []
        for work in batch:
            if id(work) in again:
                continue
            if isinstance(work, Write):
                if work.outcome is None:
                    rest.append(work)
                    continue
                verbs += 1
                failed += isinstance(work.outcome, outcome.Error)
                work.wake()
            self._done(work)
        self._put_back(done.left_over)
        if done.problem is not None:
            self._unavailable(rest, done.problem)
        else:
            self.problem = ""
            self._rest_s = 0.0
        self._committed(done, BatchReport(self.name, verbs, failed, done.rows, done.seconds, done.commit_seconds))

    def _unavailable(self, batch: list[Work], error: StoreUnavailable) -> None:
        """Nothing of this was written: every waiter hears it; rows that nobody waits for go back, unless this is the end."""
        if not self.problem:
            log.error("the database cannot be written", lane=self.name, problem=str(error))
        self.problem = str(error)
        self._stats.unavailable += 1
        self._rest_s = min(self._rest_s * 2 or FIRST_REST_S, LONGEST_REST_S)
        if self._stopping.is_set():
            self._give_up(batch, error)
            return
        self._give_up([work for work in batch if isinstance(work, Write)], error)
        self._put_back([work for work in batch if isinstance(work, Append)])

    def _give_up(self, batch: Iterable[Work], error: StoreUnavailable) -> None:
        dropped = 0
        for work in batch:
            if isinstance(work, Write):
                work.outcome = outcome.Error(_copy(error))
                work.wake()
            else:
                dropped += len(work.rows)
            self._done(work)
        if dropped:
            self._stats.dropped_rows += dropped
            log.error("appended rows were not stored", lane=self.name, rows=dropped, problem=str(error))

    def _put_back(self, works: Sequence[Work]) -> None:
        if not works:
            return
        for work in reversed(works):
            self._queue_of(work).appendleft(work)
            self._verbs += isinstance(work, Write)
        self._taken(-sum(map(weight, works)))

    def _done(self, work: Work) -> None:
        if self._settled is not None:
            self._settled(work)


def _copy(error: StoreUnavailable) -> StoreUnavailable:
    """An exception for one waiter: raised in several tasks, one object would collect all their tracebacks."""
    copy: Any = type(error)(*error.args)
    copy.__cause__ = error.__cause__
    return copy  # type: ignore[no-any-return]  # the type of its argument
