"""Sends a stub's webhooks: in order, again where they were not taken, and wrongly where a fault says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import attrs
import httpx
import trio

from simulators.faults import OF_WEBHOOKS, Faults
from simulators.web import Answer, Failed, Json, Request

RETRY_S = (0.5, 2.0, 8.0, 30.0, 120.0, 600.0)
"""After how long what was not taken is sent again; then nobody tries any more. Real providers are slower, and go on for a day or more."""

LIMIT_S = 5.0
"""Who has not answered by then has not taken it."""

KEPT = 1000

WAITING, TAKEN, GIVEN_UP, DROPPED, NOWHERE = "waiting", "taken", "given up", "dropped", "no url"


@attrs.define(slots=True, eq=False)
class Notice:
    """One webhook. ``attempts`` is how each attempt ended: a status, or what went wrong."""

    event_id: str
    kind: str
    url: str
    body: bytes = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    forged: Mapping[str, str] = attrs.field(repr=False)
    due: float = 0.0
    state: str = WAITING
    attempts: list[str] = attrs.field(factory=list)

    def shown(self) -> Json:
        """As JSON."""
        return {
            "event_id": self.event_id,
            "kind": self.kind,
            "url": self.url,
            "state": self.state,
            "attempts": self.attempts,
            "body": self.body.decode("utf-8", "replace"),
        }


class Poster:
    """See the module. What it sent last is kept, to be looked at and sent again. ``lag_s`` is how long each takes at the least."""

    def __init__(self, faults: Faults, *, retry_s: Sequence[float] = RETRY_S, limit_s: float = LIMIT_S, lag_s: float = 0.0) -> None:
        self.faults = faults
        self.retry_s = retry_s
        self.limit_s = limit_s
        self.lag_s = lag_s
        self.notices: deque[Notice] = deque(maxlen=KEPT)
        self.held: list[Notice] = []
        self._send, self._receive = trio.open_memory_channel[Notice](10 * KEPT)
        self._busy = 0
        self._idle = trio.Event()

    def post(
        self, event_id: str, kind: str, url: str, body: bytes, headers: Mapping[str, str], forged: Mapping[str, str]
    ) -> Notice:
        """Send a webhook when its turn comes. ``forged`` are the headers that it has where its signature is not to hold."""
        notice = Notice(event_id, kind, url, body, headers, forged, state=WAITING if url else NOWHERE)
        self.notices.append(notice)
        if url:
            self._queue(notice)
        return notice

    def again(self, notice: Notice) -> None:
        """Send one that was sent before, as it was."""
        self._queue(notice)

    def _queue(self, notice: Notice) -> None:
        self._busy += 1
        notice.due = trio.current_time() + self.lag_s
        self._send.send_nowait(notice)

    async def settled(self) -> None:
        """Wait until nothing is under way: all was taken, given up or dropped."""
        while self._busy:
            await self._idle.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send until cancelled."""
        async with httpx.AsyncClient(timeout=self.limit_s, trust_env=False) as client, trio.open_nursery() as nursery:
            task_status.started()
            async for notice in self._receive:
                await self._turn(client, nursery, notice)

    async def _turn(self, client: httpx.AsyncClient, nursery: trio.Nursery, notice: Notice) -> None:
        await trio.sleep_until(notice.due)
        fault = self.faults.take(notice.kind, *OF_WEBHOOKS)
        wait_s = fault.delay_s if fault is not None else 0.0
        match fault.kind if fault is not None else "":
            case "drop":
                notice.state = DROPPED
                self._done()
                return
            case "forge":
                await self._attempt(client, notice, notice.forged)
                notice.state = DROPPED
                self._done()
                return
            case "delay":
                nursery.start_soon(self._later, client, notice, wait_s)
                return
            case "reorder":
                self.held.append(notice)
                nursery.start_soon(self._not_for_ever, client, nursery, notice, wait_s)
                return
            case "duplicate":
                await self._attempt(client, notice, notice.headers)
        await self._first(client, nursery, notice)
        for held in self.held[:]:
            self.held.remove(held)
            await self._first(client, nursery, held)

    async def _first(self, client: httpx.AsyncClient, nursery: trio.Nursery, notice: Notice) -> None:
        if await self._attempt(client, notice, notice.headers):
            self._done()
        else:
            nursery.start_soon(self._retry, client, notice)

    async def _not_for_ever(self, client: httpx.AsyncClient, nursery: trio.Nursery, notice: Notice, wait_s: float) -> None:
        await trio.sleep(wait_s)
        if notice in self.held:
            self.held.remove(notice)
            await self._first(client, nursery, notice)

    async def _later(self, client: httpx.AsyncClient, notice: Notice, wait_s: float) -> None:
        await trio.sleep(wait_s)
        if await self._attempt(client, notice, notice.headers):
            self._done()
        else:
            await self._retry(client, notice)

    async def _retry(self, client: httpx.AsyncClient, notice: Notice) -> None:
        for wait_s in self.retry_s:
            await trio.sleep(wait_s)
            if await self._attempt(client, notice, notice.headers):
                break
        else:
            notice.state = GIVEN_UP
        self._done()

    async def _attempt(self, client: httpx.AsyncClient, notice: Notice, headers: Mapping[str, str]) -> bool:
        try:
            with trio.fail_after(self.limit_s):
                answer = await client.post(notice.url, content=notice.body, headers=dict(headers))
        except (httpx.HTTPError, httpx.InvalidURL, trio.TooSlowError) as error:
            notice.attempts.append(type(error).__name__)
            return False
        notice.attempts.append(str(answer.status_code))
        if answer.is_success:
            notice.state = TAKEN
        return answer.is_success

    def _done(self) -> None:
        self._busy -= 1
        if not self._busy:
            done, self._idle = self._idle, trio.Event()
            done.set()

    # --- over HTTP: /stub/webhooks --------------------------------------------------------------------------------------------

    def show(self, request: Request) -> Answer:
        """The latest webhooks, newest last."""
        return Answer.json({"busy": self._busy, "webhooks": [notice.shown() for notice in self.notices]})

    def repeat(self, request: Request, event_id: str) -> Answer:
        """Send one again, with the same id and the same words."""
        for notice in self.notices:
            if notice.event_id == event_id and notice.url:
                self.again(notice)
                return Answer.json(notice.shown(), 202)
        raise Failed(Answer.json({"error": f"no such webhook: {event_id}"}, 404))
