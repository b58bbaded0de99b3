"""A charger's doings as lines to read."""

from __future__ import annotations

from simulators.clock import Clock
from simulators.frames import Payload, json_text
from simulators.watch import SentCall, Watcher


class Trace(Watcher):
    """Prints what happens; with ``frames`` every raw frame instead of a summary of calls."""

    def __init__(self, clock: Clock, *, frames: bool) -> None:
        self._clock = clock
        self._frames = frames

    def line(self, text: str) -> None:
        """One line with the time of day."""
        print(f"{self._clock.now_iso()[11:23]}  {text}", flush=True)

    def happened(self, charger_id: str, what: str) -> None:
        """As it is said."""
        self.line(what)

    def frame(self, charger_id: str, direction: str, text: str | bytes) -> None:
        """A raw frame."""
        if self._frames:
            self.line(f"{'->' if direction == 'out' else '<-'} {text!s}")

    def answered(self, call: SentCall, answer: Payload, seconds: float, overdue: bool) -> None:
        """A call and its answer."""
        if not self._frames and call.action != "Heartbeat":
            again = f" (sent {call.attempt} times)" if call.attempt > 1 else ""
            late = ", after it was given up" if overdue else ""
            self.line(f"-> {call.action}{again}  <- {json_text(answer)}  {seconds * 1000:.0f} ms{late}")

    def refused(self, call: SentCall, code: str, description: str, seconds: float) -> None:
        """A call and its error."""
        self.line(f"-> {call.action}  <- error {code}: {description}")

    def commanded(self, charger_id: str, action: str, payload: Payload, reply: str) -> None:
        """A call of the server."""
        self.line(f"<- {action} {json_text(payload)}  -> {reply}")
