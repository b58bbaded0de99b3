"""A charger's side of a connection: the handshake, frames, and the answers that somebody waits for."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from typing import Any

import trio
from websockets.frames import CLOSE, TEXT
from websockets.protocol import CLIENT, OPEN, Protocol

from .network import End, Wire

HANDSHAKE_S = 20.0
_SILENT = logging.getLogger("csms.testing.world")
_SILENT.setLevel(logging.ERROR)


class Gone(Exception):
    """The connection cannot be used any more, or could not be made."""


class Line:
    """One connection of a charger. ``read`` runs beside whoever asks; answers wait for those who want them."""

    def __init__(self, wire: Wire, obey: Callable[[str, Any], Any], heard: Callable[[str], None]) -> None:
        self.wire = wire
        self._end: End = wire.charger
        self._protocol = Protocol(CLIENT, state=OPEN, logger=_SILENT)
        self._obey = obey
        self._heard = heard
        self._answers: dict[str, list[Any]] = {}
        self._news = trio.lowlevel.ParkingLot()
        self.over = False

    async def shake_hands(self, charger_id: str, key: str, protocol: str) -> None:
        """The HTTP upgrade. Raises ``Gone``."""
        credentials = base64.b64encode(f"{charger_id}:{key}".encode()).decode()
        request = (
            f"GET /ocpp/{charger_id} HTTP/1.1\r\nHost: world\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(b'0123456789abcdef').decode()}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {protocol}\r\nAuthorization: Basic {credentials}\r\n\r\n"
        )
        head = b""
        try:
            with trio.fail_after(HANDSHAKE_S):
                await self._end.send_all(request.encode())
                while b"\r\n\r\n" not in head:
                    data = await self._end.receive_some()
                    if not data:
                        raise Gone("hung up in the handshake")
                    head += data
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError) as error:
            raise Gone("no handshake") from error
        head, _, early = head.partition(b"\r\n\r\n")
        status = head.split(b"\r\n")[0].decode()
        if " 101 " not in status:
            raise Gone(status)
        if early:
            self._protocol.receive_data(early)

    async def read(self) -> None:
        """Read until the connection is over; then every wait for an answer ends."""
        try:
            while True:
                for frame in self._protocol.events_received():
                    if frame.opcode is CLOSE:  # type: ignore[union-attr]  # no HTTP events after the handshake
                        return
                    if frame.opcode is TEXT:  # type: ignore[union-attr]
                        await self._hear(bytes(frame.data).decode())  # type: ignore[union-attr]
                await self._flush()
                data = await self._end.receive_some()
                if not data:
                    return
                self._protocol.receive_data(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # that is how it usually ends here
        finally:
            self.over = True
            self._news.unpark_all()

    async def _hear(self, text: str) -> None:
        self._heard(text)
        frame = json.loads(text)
        if frame[0] == 2:
            self._protocol.send_text(json.dumps([3, frame[1], self._obey(frame[2], frame[3])]).encode())
            await self._flush()
        else:
            self._answers[frame[1]] = frame
            self._news.unpark_all()

    async def send(self, text: str, *, only_bytes: float = 1.0) -> None:
        """Send a message, or only the first part of it. Raises ``Gone``."""
        try:
            if self._protocol.state is not OPEN:
                raise Gone("closing")
            self._protocol.send_text(text.encode())
            data = b"".join(self._protocol.data_to_send())
            await self._end.send_all(data[: round(len(data) * only_bytes)])
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Gone("broken") from error

    async def _flush(self) -> None:
        data = b"".join(self._protocol.data_to_send())
        if data:
            await self._end.send_all(data)

    async def answer(self, message_id: str, within_s: float) -> list[Any] | None:
        """The answer to a message; None when none came in time. Raises ``Gone``."""
        with trio.move_on_after(within_s):
            while message_id not in self._answers:
                if self.over:
                    raise Gone("broken while waiting for an answer")
                await self._news.park()
        return self._answers.pop(message_id, None)

    def forget(self, message_id: str) -> None:
        """An answer that came before does not answer what is said now under the same id."""
        self._answers.pop(message_id, None)

    def hang_up(self) -> None:
        """Close the socket without a word."""
        self._end.close()
        self.over = True
        self._news.unpark_all()
