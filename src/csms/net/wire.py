"""The framing by trio-websocket.

The HTTP handshake is over when it takes the stream (``door.py`` does that, the same for every framing), so it starts in the open state:
trio-websocket's connection is given wsproto's frame protocol alone, without its HTTP half and the memory that half holds. Two names of
trio-websocket that are not public are used, ``_reader_task`` and ``_send``: its public ways to start a connection insist on reading the
request themselves, and its public ``ping`` waits for the pong and remembers every ping that never got one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import cast

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto import WSConnection
from wsproto.connection import Connection as Frames
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import Event, Ping, Pong
from wsproto.utilities import LocalProtocolError

from .connection import CLOSE_WAIT_S, NEVER, Closed, Connection

RECEIVE_BYTES = 4096


class _Watched(Frames):
    """wsproto's frame protocol, which also notices the peer's pings and pongs."""

    def __init__(self, early: bytes) -> None:
        self.last_control_at = NEVER
        self.last_pong_at = NEVER
        super().__init__(ConnectionType.SERVER, trailing_data=early)

    def events(self) -> Generator[Event, None, None]:
        for event in super().events():
            kind = type(event)
            if kind is Pong:
                self.last_control_at = self.last_pong_at = trio.current_time()
            elif kind is Ping:
                self.last_control_at = trio.current_time()
            yield event

    def send(self, event: Event) -> bytes:
        # A peer may ping after we said goodbye; trio-websocket would answer, and wsproto raise.
        if type(event) is Pong and self.state is not ConnectionState.OPEN:
            return b""
        return super().send(event)


class TrioWebSocket:
    """A ``Connection`` on trio-websocket."""

    __slots__ = ("_frames", "_socket", "_stream")

    def __init__(self, stream: trio.abc.Stream, early: bytes, max_message_bytes: int, nursery: trio.Nursery) -> None:
        self._stream = stream
        self._frames = _Watched(early)
        self._socket = WebSocketConnection(
            stream,
            cast("WSConnection", self._frames),  # it has all of a WSConnection that is used once the handshake is over
            message_queue_size=1,
            max_message_size=max_message_bytes,
            receive_buffer_size=RECEIVE_BYTES,
        )
        nursery.start_soon(self._run)

    @property
    def last_control_at(self) -> float:
        """When the peer's latest ping or pong came."""
        return self._frames.last_control_at

    @property
    def last_pong_at(self) -> float:
        """When the peer's latest pong came."""
        return self._frames.last_pong_at

    async def _run(self) -> None:
        try:
            await self._socket._reader_task()
        except LocalProtocolError:
            # The two ends closed at the same moment and wsproto would not send a second close frame. receive() says Closed.
            await trio.aclose_forcefully(self._stream)

    async def receive(self) -> str | bytes:
        """The next message."""
        try:
            message: str | bytes = await self._socket.get_message()
        except ConnectionClosed as error:
            raise _closed(error) from None
        return message

    async def send(self, text: str) -> None:
        """Send a text message."""
        try:
            await self._socket.send_message(text)
        except ConnectionClosed as error:
            raise _closed(error) from None
        except LocalProtocolError:
            raise Closed(1006, "closing") from None

    async def ping(self) -> None:
        """Send a ping."""
        try:
            await self._socket._send(Ping(payload=b"csms"))
        except ConnectionClosed as error:
            raise _closed(error) from None
        except LocalProtocolError:
            raise Closed(1006, "closing") from None

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye and free the socket."""
        try:
            with trio.move_on_after(CLOSE_WAIT_S):
                await self._socket.aclose(code, reason)
        except LocalProtocolError:
            pass  # both ends said goodbye at once: nothing is left to say
        finally:
            # trio-websocket leaves the socket open where the connection had failed already (a message too large).
            await trio.aclose_forcefully(self._stream)


def _closed(error: ConnectionClosed) -> Closed:
    reason = error.reason
    return Closed(1006) if reason is None else Closed(int(reason.code), reason.reason or "")


def trio_websocket(stream: trio.abc.Stream, early: bytes, max_message_bytes: int, nursery: trio.Nursery) -> Connection:
    """The ``Framing`` by trio-websocket."""
    return TrioWebSocket(stream, early, max_message_bytes, nursery)
