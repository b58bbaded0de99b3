"""The framing by the websockets package's sans-I/O protocol, straight on the stream: a third cheaper per message than ``wire.py``.

There is no task and no queue between socket and link: whoever calls ``receive`` reads the stream. A sender that finds another in the
middle of sending leaves its frame to that one, so that frames stay whole and in order without a lock.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable

import trio
from websockets.frames import BINARY, CONT, PING, PONG, TEXT
from websockets.protocol import CLOSED, OPEN, SERVER, Protocol

from .connection import CLOSE_WAIT_S, NEVER, Closed, Connection

BROKEN = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)
RECEIVE_BYTES = 4096
READS_AT_ONCE = os.name == "posix"
"""Elsewhere sockets are no files."""
MAX_UNSENT = 64
"""Frames that may wait for a sender in progress before whoever brings another has to wait, too."""

_SILENT = logging.getLogger("csms.net.websockets")
_SILENT.setLevel(logging.WARNING)


class LeanWebSocket:
    """A ``Connection`` on websockets' protocol."""

    __slots__ = (
        "_give",
        "_messages",
        "_parts",
        "_protocol",
        "_room",
        "_sending",
        "_socket",
        "_stream",
        "_take",
        "_text",
        "_unsent",
        "last_control_at",
        "last_pong_at",
    )

    def __init__(self, stream: trio.abc.Stream, early: bytes, max_message_bytes: int) -> None:
        self._stream = stream
        self._socket: trio.socket.SocketType | None = None
        self._take: Callable[[int], Awaitable[bytes | bytearray]] = stream.receive_some
        self._give: Callable[[bytes], Awaitable[int | None]] = stream.send_all
        if isinstance(stream, trio.SocketStream):
            # What the stream adds to its socket is a guard against two senders, which ``_sending`` is here, and an error translation.
            self._take, self._give = stream.socket.recv, stream.socket.send
            self._socket = stream.socket if READS_AT_ONCE else None
        self._protocol = Protocol(SERVER, state=OPEN, max_size=max_message_bytes, logger=_SILENT)
        self._messages: deque[str | bytes] = deque()
        self._parts: list[bytes] = []
        self._text = False
        self._unsent: deque[bytes] = deque()
        self._sending = False
        self._room = trio.lowlevel.ParkingLot()
        self.last_control_at = NEVER
        self.last_pong_at = NEVER
        if early:
            self._protocol.receive_data(early)
            self._sort()

    def __del__(self) -> None:
        """Undo the knots of the protocol (its parser, and what ended it, refer to it): links that end leave nothing to collect."""
        protocol = self._protocol
        protocol.parser.close()
        if protocol.parser_exc is not None:
            protocol.parser_exc.__traceback__ = None

    async def receive(self) -> str | bytes:
        """The next message."""
        messages, protocol, take, socket = self._messages, self._protocol, self._take, self._socket
        while not messages:
            if protocol.writes:
                await self._answer_controls()
            if protocol.state is not OPEN:
                raise self._closed()
            try:
                if socket is not None:  # chargers seldom have more to say: trying first mostly fails, at a cost
                    await trio.lowlevel.wait_readable(socket)
                    data: bytes | bytearray = os.read(socket.fileno(), RECEIVE_BYTES)  # trio's own gives up its turn once more
                else:
                    data = await take(RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except BROKEN:
                data = b""
            if protocol.state is CLOSED:  # a send failed meanwhile: whatever still came is not for us any more
                raise self._closed()
            if data:
                protocol.receive_data(data)
                self._sort()
            else:
                protocol.receive_eof()
            if protocol.writes:
                await self._answer_controls()
        return messages.popleft()

    async def _answer_controls(self) -> None:
        """Send the pongs and the close frame that the protocol has written.

        Whoever stops the reader must not cut one in half: answers to what was received may still have to follow it.
        """
        with trio.move_on_after(CLOSE_WAIT_S, shield=True) as scope:
            await self._send_written()
        if scope.cancelled_caught:
            await trio.aclose_forcefully(self._stream)

    def _sort(self) -> None:
        """Take what the protocol has read: whole messages to ``_messages``; pings and pongs are only noted (it has answered them)."""
        for frame in self._protocol.events_received():
            kind = frame.opcode  # type: ignore[union-attr]  # no HTTP events after the handshake
            if kind is PONG or kind is PING:
                self.last_control_at = trio.current_time()
                if kind is PONG:
                    self.last_pong_at = self.last_control_at
                continue
            if kind is TEXT or kind is BINARY:
                self._text = kind is TEXT
            elif kind is not CONT:
                continue
            data = bytes(frame.data)  # type: ignore[union-attr]
            if self._parts or not frame.fin:  # type: ignore[union-attr]
                if data or not self._parts:  # empty ones count towards no limit, and might go on for ever
                    self._parts.append(data)
                if not frame.fin:  # type: ignore[union-attr]
                    continue
                data = b"".join(self._parts)
                self._parts.clear()
            try:
                self._messages.append(data.decode() if self._text else data)
            except UnicodeDecodeError as error:
                self._protocol.fail(1007, f"{error.reason} at position {error.start}")
                return

    async def send(self, text: str) -> None:
        """Send a text message."""
        if self._protocol.state is not OPEN:
            raise self._closed()
        self._protocol.send_text(text.encode())
        await self._send_written()

    async def ping(self) -> None:
        """Send a ping."""
        if self._protocol.state is not OPEN:
            raise self._closed()
        self._protocol.send_ping(b"csms")
        await self._send_written()

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye and free the socket."""
        try:
            with trio.move_on_after(CLOSE_WAIT_S):
                if self._protocol.state is OPEN:
                    self._protocol.send_close(code, reason.encode()[:120].decode(errors="ignore"))
                    await self._send_written()
                    while not self._protocol.eof_sent and (data := await self._take(RECEIVE_BYTES)):
                        self._protocol.receive_data(data)
                        self._protocol.events_received()
        except (Closed, trio.BusyResourceError, *BROKEN):
            pass  # the peer is gone, or the reader is still there and sees it go
        finally:
            await trio.aclose_forcefully(self._stream)

    async def _send_written(self) -> None:
        """Put what the protocol has written onto the stream; unless another task is at it: then that one does."""
        unsent = self._unsent
        unsent.extend(self._protocol.data_to_send())
        if self._sending:
            while self._sending and len(unsent) > MAX_UNSENT:
                await self._room.park()
            return
        self._sending = True
        try:
            while unsent:
                data = unsent.popleft()
                if data:
                    sent = await self._give(data)
                    if sent is not None and sent < len(data):
                        unsent.appendleft(data[sent:])
                elif isinstance(self._stream, trio.abc.HalfCloseableStream):
                    await self._stream.send_eof()
        except BROKEN:
            unsent.clear()
            self._protocol.receive_eof()
            raise self._closed() from None
        finally:
            self._sending = False
            self._room.unpark_all()

    def _closed(self) -> Closed:
        protocol = self._protocol
        said = protocol.close_rcvd or protocol.close_sent
        return Closed(1006) if said is None else Closed(int(said.code), said.reason)


def lean(stream: trio.abc.Stream, early: bytes, max_message_bytes: int, nursery: trio.Nursery) -> Connection:
    """The ``Framing`` by websockets' protocol."""
    return LeanWebSocket(stream, early, max_message_bytes)
