"""The state machine of one charger's link: text and time in, effects out.

It answers each CALL of the charger once, in whatever order verdicts come, holds our own commands to one at a time, keeps the boot
gate, and knows repeated messages. It does no I/O and reads no clock: ``now`` is the instant, ``mono`` a monotonic time in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from csms.core.commands import Command
from csms.core.ports import FrameEntry
from csms.core.quirks import NO_QUIRKS, Quirks
from csms.core.reports import Mangled, Registration, TimeTold, Verdict

from . import frames
from .censoring import censored, without
from .codec import Unsayable, codec_for, told
from .dialect import Dialect, Fault, Hears
from .effects import Call, Effect, Ended, Heard, Send, Shut, Told
from .errands import ACCEPTED, Errands
from .noticing import Noticed

__all__ = ["Call", "Conversation", "ConversationSettings", "Effect", "Ended", "Heard", "Send", "Shut", "Told"]


LONG_AGO = float("-inf")
SOON_S = 30.0
"""A charger that boots again within so many seconds does so needlessly."""


@attrs.frozen(slots=True, kw_only=True)
class ConversationSettings:
    """What can be configured about a conversation."""

    call_timeout_s: float = 30.0
    """Longest wait for the charger's answer to a command."""
    command_ttl_s: float = 60.0
    """Longest wait of a command in the queue."""
    command_queue_limit: int = 50
    before_boot: frozenset[str] = frozenset({"StatusNotification"})
    """The actions, besides BootNotification, that are heard before the charger is accepted."""
    duplicate_ids: int = 64
    """How many answered calls are remembered."""
    retry_interval_s: int = 60
    """The retry wait of a boot that is not accepted, where the verdict names none."""
    max_frame_chars: int = frames.MAX_CHARS


class Conversation:
    """One charger on one connection. ``registration`` is ``accepted``, ``pending``, ``rejected``, or ``""`` before its first boot."""

    __slots__ = (
        "_answered",
        "_before_boot",
        "_booted",
        "_charger_id",
        "_codec",
        "_connection_id",
        "_errands",
        "_heartbeat",
        "_ids",
        "_in_progress",
        "_interval_s",
        "_quirks",
        "_settings",
        "_waiting",
        "noticed",
        "registration",
    )

    def __init__(
        self,
        dialect: Dialect,
        *,
        charger_id: str,
        connection_id: str,
        registration: str,
        settings: ConversationSettings,
        new_message_id: Callable[[], str],
        quirks: Quirks = NO_QUIRKS,
    ) -> None:
        self.registration = registration
        self.noticed = Noticed()
        """What the charger did wrong besides its messages; for whoever reads it to take away."""
        self._codec = codec_for(dialect)
        self._charger_id = charger_id
        self._connection_id = connection_id
        self._settings = settings
        self._errands = Errands(
            self._codec,
            connection_id=connection_id,
            call_timeout_s=settings.call_timeout_s,
            ttl_s=settings.command_ttl_s,
            limit=settings.command_queue_limit,
            new_message_id=new_message_id,
            noticed=self.noticed,
        )
        self.adapt(quirks)
        self._waiting = 0
        self._ids: dict[frames.Id, int] = {}
        self._booted = self._heartbeat = LONG_AGO
        self._interval_s = 0
        # Both by the hash of the whole text: the same id with the same action and payload. The same id with anything else is new.
        self._in_progress: dict[int, Call] = {}
        self._answered: dict[int, frames.Payload] = {}

    def adapt(self, quirks: Quirks) -> None:
        """The charger turned out to be of a kind with these quirks."""
        self._quirks = quirks
        self._before_boot = self._settings.before_boot | quirks.before_boot

    @property
    def queued(self) -> int:
        """Commands that wait to be sent."""
        return self._errands.queued

    @property
    def waiting_calls(self) -> int:
        """Calls of the charger that were told and not answered yet."""
        return self._waiting

    # --- what the charger says ----------------------------------------------------------------------------------------------

    def receive(self, text: str | bytes, now: int, mono: float) -> list[Effect]:
        """Hear one message. Never raises for what it says."""
        frame = frames.parse(text, max_chars=self._settings.max_frame_chars)
        if isinstance(frame, frames.CallFrame):
            return self._hear(frame, now, mono)
        if isinstance(frame, frames.BrokenFrame):
            return self._puzzle(frame, now)
        return self._errands.settle(frame, self.registration, now, mono)

    def _hear(self, frame: frames.CallFrame, now: int, mono: float) -> list[Effect]:
        action = frame.action
        ear = self._codec.ears.get(action)
        if self.registration != ACCEPTED and not (ear is not None and ear.row.registers) and action not in self._before_boot:
            self.noticed.note("boot", action, "before it was accepted")
            return self._refuse(frame, "SecurityError", f"{action} before this charger is accepted", {}, now)
        if ear is None:
            if self._codec.knows(action):
                self.noticed.note("action", action, "not supported")
                return self._refuse(frame, "NotSupported", f"{action} is not supported", {}, now)
            self.noticed.note("action", action, "not known")
            return self._refuse(frame, "NotImplemented", f"{action} is not known", {}, now)
        key = hash(frame.text)
        if self._ids.setdefault(frame.id, key) != key or self._waiting or frame.problem:
            self._watch(frame, key)
        elif len(self._ids) > self._settings.duplicate_ids:
            del self._ids[next(iter(self._ids))]
        if ear.row.anew:
            self._time(ear.row, mono)
        else:
            if (first := self._in_progress.get(key)) is not None:
                first.copies = min(first.copies + 1, self._settings.duplicate_ids)
                return [self._heard(frame, now, "repeated while in progress: it shares the answer")]
            if (payload := self._answered.get(key)) is not None:
                answer = frames.result(frame.id, payload)
                sent = self._sent("result", frame.id, action, answer, now, 0.0)
                return [self._heard(frame, now, "repeated: answered as before"), Send(answer, sent)]
        try:
            report, understood = self._codec.hear(ear, frame.payload, self._charger_id, now, self._quirks)
        except Fault as fault:
            code = self._codec.dialect.codes.for_fault(fault.kind)
            self.noticed.note("refused", ".".join((action, *fault.fields[:1])), fault.description)
            return self._refuse(frame, code, f"{action}: {fault.description}", {"fields": list(fault.fields)}, now)
        except Exception as error:
            # A reader that fails is our mistake. It must not end the link: the charger would connect and say the same for ever.
            return self._refuse(frame, "InternalError", f"{action} could not be read", {}, now, f"{type(error).__name__}: {error}")
        call = Call(frame.id, action, understood, ear, key, mono)
        self._waiting += 1
        if not ear.row.anew:
            self._in_progress[key] = call
        problem = told(report.oddities) if report.oddities else ""
        if isinstance(report, Mangled):
            problem = f"quarantined for {', '.join(report.missing)}; {problem}"
        return [self._heard(frame, now, problem), Told(call, report)]

    def _watch(self, frame: frames.CallFrame, key: int) -> None:
        """Notice what is wrong about a CALL besides its payload."""
        if self._waiting and key not in self._in_progress:
            self.noticed.note("pipelining", frame.action, "a call while another was not answered yet")
        if frame.problem:
            self.noticed.note("frame", frame.action, frame.problem)
        if self._ids[frame.id] != key:
            self.noticed.note("id", "messageId", f"{frame.id} for another message")
            self._ids[frame.id] = key
        elif len(self._ids) > self._settings.duplicate_ids:
            del self._ids[next(iter(self._ids))]

    def _time(self, row: Hears, mono: float) -> None:
        """Notice boots and heartbeats that come far too soon."""
        if row.registers:
            if mono - self._booted < SOON_S:
                self.noticed.note("boot", row.action, f"again after {mono - self._booted:.0f} s")
            self._booted = mono
        elif row.verdict is TimeTold:
            if mono - self._heartbeat < self._interval_s / 2:
                self.noticed.note("heartbeat", row.action, f"after {mono - self._heartbeat:.0f} s, not {self._interval_s}")
            self._heartbeat = mono

    def _puzzle(self, frame: frames.BrokenFrame, now: int) -> list[Effect]:
        """What is no CALL, CALLRESULT or CALLERROR: answered as the dialect's OCPP-J asks, or only logged."""
        self.noticed.note("frame", frame.action, frame.problem)
        codes = self._codec.dialect.codes
        id = codes.unreadable_id if frame.id is None else frame.id
        code: str | None = {"type": codes.unknown_type, "payload": codes.format, "answer": None}.get(frame.fault, codes.unreadable)
        effects: list[Effect] = [
            Heard(self._entry(now, "in", "unreadable", frame.id, frame.action, frame.text, None, frame.problem)),
        ]
        if id is not None and code is not None:
            text = frames.error(id, code, frame.problem, {})
            effects.append(Send(text, self._entry(now, "out", "error", id, frame.action, text, None, code)))
        return effects

    def _refuse(
        self, frame: frames.CallFrame, code: str, description: str, details: dict[str, Any], now: int, problem: str = ""
    ) -> list[Effect]:
        text = frames.error(frame.id, code, description, details)
        sent = self._sent("error", frame.id, frame.action, text, now, 0.0, code)
        return [self._heard(frame, now, problem or f"{code}: {description}"), Send(text, sent)]

    # --- what we answer -----------------------------------------------------------------------------------------------------

    def answer(self, call: Call, verdict: Verdict, now: int, mono: float) -> list[Effect]:
        """Answer a call after what it reported is durable. Raises ``TypeError`` for a verdict that belongs to another report."""
        if call.done:
            return []
        if isinstance(verdict, Registration) and verdict.status != ACCEPTED and verdict.interval_s < 1:
            verdict = attrs.evolve(verdict, interval_s=self._settings.retry_interval_s)
        try:
            payload = self._codec.answer(call.ear, call.payload, verdict)
            text = frames.result(call.id, payload)
        except (Unsayable, UnicodeEncodeError) as error:
            return self.fail(call, str(error), now, mono)
        effects = self._close(call, "result", text, now, mono)
        if not call.ear.row.anew:
            self._remember(call.key, payload)
        if isinstance(verdict, Registration):
            self._interval_s = verdict.interval_s
            effects += self.admit(verdict.status, now, mono)
        return effects

    def fail(self, call: Call, description: str, now: int, mono: float) -> list[Effect]:
        """Nothing was stored for this call: the charger is told so with ``InternalError``, and may try again."""
        if call.done:
            return []
        return self._close(call, "error", frames.error(call.id, "InternalError", description, {}), now, mono, "InternalError")

    def _close(self, call: Call, kind: str, text: str, now: int, mono: float, problem: str = "") -> list[Effect]:
        """Send the answer of a call, once for it and once for each of its repetitions."""
        call.done = True
        self._waiting -= 1
        self._in_progress.pop(call.key, None)
        send = Send(text, self._sent(kind, call.id, call.action, text, now, (mono - call.heard_mono) * 1000, problem))
        return [send] * (1 + call.copies)

    def _remember(self, key: int, payload: frames.Payload) -> None:
        answered = self._answered
        answered[key] = payload
        if len(answered) > self._settings.duplicate_ids:
            del answered[next(iter(answered))]

    # --- what we command ----------------------------------------------------------------------------------------------------

    def command(
        self,
        ticket: int,
        command: Command,
        now: int,
        mono: float,
        *,
        ttl_s: float | None = None,
        timeout_s: float | None = None,
        request_id: str = "",
    ) -> list[Effect]:
        """Send a command, or queue it; ``Ended`` with this ticket follows, now or later, unless it is withdrawn unsent.

        Its frames are logged under ``request_id``.
        """
        limits = {"ttl_s": ttl_s, "timeout_s": timeout_s}
        return self._errands.add(ticket, command, self.registration, now, mono, request_id=request_id, **limits)

    def withdraw(self, ticket: int, now: int, mono: float) -> list[Effect]:
        """The asker went away: forget the command if it was not sent yet. What was sent still ends with ``Ended``."""
        self._errands.withdraw(ticket)
        return []

    def admit(self, registration: str, now: int, mono: float) -> list[Effect]:
        """The registration changed: queued commands that it forbids end, those that it allows go out."""
        self.registration = registration
        return self._errands.pump(registration, now, mono)

    def tick(self, now: int, mono: float) -> list[Effect]:
        """End what timed out or expired, and go on."""
        return self._errands.tick(self.registration, now, mono)

    def next_deadline(self) -> float | None:
        """The monotonic time of the next tick worth doing."""
        return self._errands.next_deadline()

    def close(self, now: int, mono: float) -> list[Effect]:
        """The link died: a command that was sent is lost, queued ones end, and further ones are refused.

        Calls that wait may still be answered; whether the answer can be sent is the link's affair.
        """
        return self._errands.close()

    # --- the frame log ------------------------------------------------------------------------------------------------------

    def _heard(self, frame: frames.CallFrame, now: int, problem: str) -> Heard:
        id = frame.id
        if frame.problem:
            problem = f"{frame.problem}; {problem}" if problem else frame.problem
        if isinstance(id, str) and len(id) > frames.MAX_ID_CHARS:
            self.noticed.note("id", "messageId", f"longer than {frames.MAX_ID_CHARS} characters")
            too_long = f"the message id is longer than {frames.MAX_ID_CHARS} characters"
            problem = f"{too_long}; {problem}" if problem else too_long
        return Heard(self._entry(now, "in", "call", id, frame.action, frame.text, None, problem))

    def _sent(self, kind: str, id: frames.Id, action: str, text: str, now: int, took_ms: float, problem: str = "") -> FrameEntry:
        return self._entry(now, "out", kind, id, action, text, took_ms, problem)

    def _entry(
        self,
        now: int,
        direction: str,
        kind: str,
        id: frames.Id | None,
        action: str,
        text: str,
        took_ms: float | None,
        problem: str,
    ) -> FrameEntry:
        text, hidden = censored(text)
        return FrameEntry(
            connection_id=self._connection_id,
            at=now,
            direction=direction,
            kind=kind,
            message_id=frames.loggable(id),
            action=action[:100],
            text=text,
            took_ms=took_ms,
            problem=without(problem, hidden)[:500],
        )
