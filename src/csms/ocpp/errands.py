"""Our commands to one charger: one outstanding, the rest in a bounded queue with a time to live."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import attrs

from csms.core.commands import (
    CallError,
    Command,
    Expired,
    Lost,
    NotSupported,
    Offline,
    QueueFull,
    Superseded,
    TimedOut,
)
from csms.core.errors import CannotSay
from csms.core.ports import FrameEntry

from . import frames
from .censoring import censored, secrets_of, shown, suspicious, without
from .codec import Codec, Mouth
from .dialect import Says
from .effects import Effect, Ended, Heard, Send
from .frames import Payload
from .noticing import Noticed

ACCEPTED, PENDING, REJECTED = "accepted", "pending", "rejected"

_REMEMBERED = 8
_LONGEST_WORD, _LONGEST_TEXT = 100, 1000
"""Characters of a status or an error code, and of an error's description, that are kept: they end up in rows and events."""
_SECRETS = 4
"""Keys that the charger was told lately, hidden from the log wherever they stand."""


@attrs.define(slots=True, eq=False)
class Errand:
    """A command under way. ``expires`` bounds its wait in the queue, ``timeout_s`` the wait for its answer; times are monotonic.

    ``request_id`` is what it was asked for by.
    """

    ticket: int
    command: Command
    mouth: Mouth
    payload: Payload
    expires: float
    timeout_s: float
    request_id: str
    message_id: str = ""
    sent: float = 0.0

    @property
    def deadline(self) -> float:
        """When its answer is overdue."""
        return self.sent + self.timeout_s


def gate(says: Says, registration: str) -> str | None:
    """Why a charger in this registration may not be told this, or None (1.6 §4.2; 2.0.1 B02, B03)."""
    if registration == ACCEPTED:
        return None
    if registration == PENDING:
        return "the charger's registration is pending" if says.starts_or_stops else None
    if registration == REJECTED:
        return "the charger's registration was rejected"
    return "the charger has not booted yet"


class Errands:
    """The commands of one conversation. A charger is told one thing at a time (OCPP-J §4.1.1)."""

    __slots__ = (
        "_call_timeout_s",
        "_closed",
        "_codec",
        "_connection_id",
        "_given_up",
        "_limit",
        "_new_message_id",
        "_noticed",
        "_outstanding",
        "_queue",
        "_secrets",
        "_ttl_s",
    )

    def __init__(
        self,
        codec: Codec,
        *,
        connection_id: str,
        call_timeout_s: float,
        ttl_s: float,
        limit: int,
        new_message_id: Callable[[], str],
        noticed: Noticed,
    ) -> None:
        self._noticed = noticed
        self._codec = codec
        self._connection_id = connection_id
        self._call_timeout_s = call_timeout_s
        self._ttl_s = ttl_s
        self._limit = limit
        self._new_message_id = new_message_id
        self._queue: deque[Errand] = deque()
        self._outstanding: Errand | None = None
        self._given_up: dict[str, str] = {}  # message id -> action, so that a late answer can be named in the log
        self._secrets: tuple[str, ...] = ()
        self._closed = False

    @property
    def queued(self) -> int:
        """Commands that wait to be sent."""
        return len(self._queue)

    def add(
        self,
        ticket: int,
        command: Command,
        registration: str,
        now: int,
        mono: float,
        *,
        ttl_s: float | None,
        timeout_s: float | None,
        request_id: str = "",
    ) -> list[Effect]:
        """Send a command if nothing is under way, else queue it, behind all others and in the place of an equal idempotent one."""
        if self._closed:
            return [Ended(ticket, Offline())]
        try:
            mouth, payload = self._codec.say(command)
        except CannotSay as error:
            return [Ended(ticket, NotSupported(str(error)))]
        if (reason := gate(mouth.row, registration)) is not None:
            return [Ended(ticket, Offline(reason))]
        effects: list[Effect] = []
        if command.idempotent:
            # The newer one goes to the end, not to the older one's position: something that undoes it may stand between.
            for older in [errand for errand in self._queue if errand.command == command]:
                self._queue.remove(older)
                effects.append(Ended(older.ticket, Superseded()))
        if self._outstanding is not None and len(self._queue) >= self._limit:
            return [*effects, Ended(ticket, QueueFull())]
        expires = mono + (self._ttl_s if ttl_s is None else ttl_s)
        timeout_s = self._call_timeout_s if timeout_s is None else timeout_s
        self._queue.append(Errand(ticket, command, mouth, payload, expires, timeout_s, request_id))
        return effects + self.pump(registration, now, mono)

    def withdraw(self, ticket: int) -> None:
        """Forget a command that was not sent yet."""
        for errand in self._queue:
            if errand.ticket == ticket:
                self._queue.remove(errand)
                return

    def pump(self, registration: str, now: int, mono: float) -> list[Effect]:
        """End queued commands that the registration forbids; send the next if nothing is outstanding."""
        effects: list[Effect] = []
        for errand in list(self._queue):
            if (reason := gate(errand.mouth.row, registration)) is not None:
                self._queue.remove(errand)
                effects.append(Ended(errand.ticket, Offline(reason)))
        while self._queue and self._outstanding is None:
            errand = self._queue.popleft()
            if errand.expires < mono:
                effects.append(Ended(errand.ticket, Expired()))
                continue
            errand.message_id, errand.sent = self._new_message_id(), mono
            self._outstanding = errand
            action = errand.mouth.row.action
            text = frames.call(errand.message_id, action, errand.payload)
            if suspicious(text):
                self._secrets = (*self._secrets, *secrets_of(errand.payload))[-_SECRETS:]
            entry = self._entry(now, "out", "call", errand.message_id, action, text, request_id=errand.request_id)
            effects.append(Send(text, entry))
        return effects

    def settle(self, frame: frames.ResultFrame | frames.ErrorFrame, registration: str, now: int, mono: float) -> list[Effect]:
        """The charger answered, or refused, what we said; an answer to nothing we wait for is only logged."""
        errand = self._outstanding
        kind = "result" if isinstance(frame, frames.ResultFrame) else "error"
        if errand is None or str(frame.id) != errand.message_id:
            action = self._given_up.get(str(frame.id), "")
            problem = "an answer that came too late" if action else "an answer to nothing that was asked"
            if not action:
                self._noticed.note("answer", "CALLRESULT" if kind == "result" else "CALLERROR", problem)
            return [Heard(self._entry(now, "in", kind, frame.id, action, frame.text, problem=problem))]
        self._outstanding = None
        action, took_ms = errand.mouth.row.action, (mono - errand.sent) * 1000
        if isinstance(frame, frames.ResultFrame):
            payload = shown(frame.payload, self._secrets) if self._secrets or suspicious(frame.text) else frame.payload
            outcome, odd = self._codec.outcome(errand.mouth, payload)
            if len(outcome.status) > _LONGEST_WORD:
                outcome = attrs.evolve(outcome, status=outcome.status[:_LONGEST_WORD])
            ended = Ended(errand.ticket, outcome)
            problem = "; ".join(filter(None, (frame.problem, odd)))
        else:
            description = without(frame.description, self._secrets)[:_LONGEST_TEXT]
            ended = Ended(errand.ticket, CallError(frame.code[:_LONGEST_WORD], description, shown(frame.details, self._secrets)))
            problem = "; ".join(filter(None, (frame.code, frame.problem)))
        heard = Heard(self._entry(now, "in", kind, frame.id, action, frame.text, took_ms, problem, errand.request_id))
        return [heard, ended, *self.pump(registration, now, mono)]

    def tick(self, registration: str, now: int, mono: float) -> list[Effect]:
        """End what timed out or expired; send the next if nothing is outstanding."""
        effects: list[Effect] = []
        errand = self._outstanding
        if errand is not None and errand.deadline <= mono:
            self._outstanding = None
            self._given_up[errand.message_id] = errand.mouth.row.action
            if len(self._given_up) > _REMEMBERED:
                del self._given_up[next(iter(self._given_up))]
            effects.append(Ended(errand.ticket, TimedOut()))
        for errand in [waiting for waiting in self._queue if waiting.expires <= mono]:
            self._queue.remove(errand)
            effects.append(Ended(errand.ticket, Expired()))
        return effects + self.pump(registration, now, mono)

    def next_deadline(self) -> float | None:
        """The monotonic time at which ``tick`` has something to end."""
        errand = self._outstanding
        if errand is None:
            return None  # nothing is queued either: it would have been sent
        return min([errand.deadline, *(waiting.expires for waiting in self._queue)])

    def close(self) -> list[Effect]:
        """The link died: what was sent is lost, what waits ends, and nothing is taken any more."""
        self._closed = True
        effects: list[Effect] = [Ended(errand.ticket, Offline("the connection closed")) for errand in self._queue]
        self._queue.clear()
        if self._outstanding is not None:
            effects.insert(0, Ended(self._outstanding.ticket, Lost()))
            self._outstanding = None
        return effects

    def _entry(
        self,
        now: int,
        direction: str,
        kind: str,
        id: frames.Id,
        action: str,
        text: str,
        took_ms: float | None = None,
        problem: str = "",
        request_id: str = "",
    ) -> FrameEntry:
        text, hidden = censored(text, self._secrets)
        return FrameEntry(
            connection_id=self._connection_id,
            at=now,
            direction=direction,
            kind=kind,
            message_id=frames.loggable(id),
            action=action,
            text=text,
            took_ms=took_ms,
            problem=without(problem, hidden)[:500],
            request_id=request_id,
        )
