"""The frames that wait for one charger's socket, sent whole and in order by whichever task is free to."""

from __future__ import annotations

from collections import deque

import structlog
import trio

from csms.core.errors import StoreUnavailable
from csms.core.ports import Admission, FrameEntry
from csms.ocpp.conversation import Send

from .connection import Connection
from .terms import Log

OUTBOX_LIMIT = 64
"""Frames that may wait for a slow peer before its messages are no longer read."""
NOT_SENDING = float("inf")

log = structlog.get_logger("csms.net")


class Outbox:
    """A queue without a task and without a lock: one flushes it, and what others add meanwhile goes out with it."""

    __slots__ = ("_admission", "_log", "_log_failed", "_muted", "busy", "frames", "room", "sending_since", "sent")

    def __init__(self, admission: Admission, log: Log) -> None:
        self._admission = admission
        self._log = log
        self._log_failed = False
        self._muted = False
        self.frames: deque[Send] = deque()
        self.busy = False
        """Whether a task is flushing."""
        self.sending_since = NOT_SENDING
        """Monotonic instant since which one send has not come to its end."""
        self.sent = 0
        self.room = trio.lowlevel.ParkingLot()
        """Where those wait that want the outbox to get shorter."""

    def put(self, frame: Send) -> None:
        """Add a frame; forgotten when nothing is sent any more."""
        if not self._muted:
            self.frames.append(frame)

    def mute(self) -> None:
        """Forget what waits and whatever is still to come: the peer is gone."""
        self._muted = True
        self.frames.clear()
        self.room.unpark_all()

    async def flush(self, connection: Connection) -> None:
        """Send everything, unless another task is at it. Raises ``Closed``; cancelling it in the middle breaks the connection."""
        if self.busy:
            return
        frames = self.frames
        self.busy = True
        try:
            while frames:
                frame = frames.popleft()
                self.sending_since = trio.current_time()
                await connection.send(frame.text)
                self.sending_since = NOT_SENDING
                self.sent += 1
                await self.record(frame.entry)
                if self.room:
                    self.room.unpark_all()
        finally:
            self.busy = False
            self.sending_since = NOT_SENDING
            if self.room:
                self.room.unpark_all()

    async def emptied(self) -> None:
        """Wait until nothing waits to be sent."""
        while self.frames or self.busy:
            await self.room.park()

    async def record(self, entry: FrameEntry) -> None:
        """Log a frame. That the log is away never costs a charger its answer; it is said once per link."""
        try:
            await self._log(self._admission, entry)
        except Exception as error:
            if not self._log_failed:
                self._log_failed = True
                log.warning(
                    "link.frame_log_failed",
                    charger=self._admission.charger_id,
                    connection=entry.connection_id,
                    error=str(error) or type(error).__name__,
                    exc_info=None if isinstance(error, StoreUnavailable) else error,
                )
