"""A scripted charger for tests: says exactly what the test says, over a real socket, and remembers all it heard."""

from __future__ import annotations

import base64
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import trio
import trio_websocket

PATIENCE_S = 10.0
"""Longest wait for anything a test expects."""
GOODBYE_S = 2.0
"""Longest wait for the server's part of closing a connection."""


class CallFailed(Exception):
    """The server answered a call with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code, self.description = code, description


class ScriptedCharger:
    """One connection. ``call`` sends a CALL and gives the payload of its answer; ``expect`` waits for a CALL of the server's."""

    def __init__(self, socket: trio_websocket.WebSocketConnection) -> None:
        self._socket = socket
        self._answers: dict[str, list[Any]] = {}
        self._calls: deque[tuple[str, str, dict[str, Any]]] = deque()
        self._arrived = trio.Condition()
        self._sequence = 0
        self.closed: tuple[int | None, str | None] | None = None
        self.heard: list[Any] = []

    @property
    def subprotocol(self) -> str | None:
        """What the handshake agreed on."""
        subprotocol: str | None = self._socket.subprotocol
        return subprotocol

    async def read(self) -> None:
        """Read for ever; runs in the nursery of ``connect``."""
        try:
            while True:
                frame = json.loads(await self._socket.get_message())
                self.heard.append(frame)
                async with self._arrived:
                    if frame[0] == 2:
                        self._calls.append((frame[1], frame[2], frame[3]))
                    else:
                        self._answers[frame[1]] = frame
                    self._arrived.notify_all()
        except trio_websocket.ConnectionClosed as closed:
            async with self._arrived:
                self.closed = (closed.reason.code, closed.reason.reason) if closed.reason else (None, None)
                self._arrived.notify_all()

    async def send_text(self, text: str | bytes) -> None:
        """Send anything at all as one message."""
        await self._socket.send_message(text)

    async def send_call(self, action: str, payload: Any, message_id: str = "") -> str:
        """Send a CALL without waiting; its message id."""
        self._sequence += 1
        message_id = message_id or f"m{self._sequence}"
        await self.send_text(json.dumps([2, message_id, action, payload]))
        return message_id

    async def answer_to(self, message_id: str) -> Any:
        """The frame that answers a CALL of ours. Raises ``trio.TooSlowError`` after ``PATIENCE_S``."""
        with trio.fail_after(PATIENCE_S):
            async with self._arrived:
                while message_id not in self._answers:
                    if self.closed is not None:
                        raise ConnectionError(f"closed before {message_id} was answered: {self.closed}")
                    await self._arrived.wait()
                return self._answers.pop(message_id)

    async def call(self, action: str, payload: Any, message_id: str = "") -> dict[str, Any]:
        """Send a CALL; the payload of its CALLRESULT. Raises ``CallFailed`` for a CALLERROR."""
        frame = await self.answer_to(await self.send_call(action, payload, message_id))
        if frame[0] == 4:
            raise CallFailed(frame[2], frame[3])
        result: dict[str, Any] = frame[2]
        return result

    async def heard_call(self) -> str:
        """Wait for the server's next CALL, whatever it is; its message id."""
        with trio.fail_after(PATIENCE_S):
            async with self._arrived:
                while not self._calls:
                    if self.closed is not None:
                        raise ConnectionError(f"closed before a call came: {self.closed}")
                    await self._arrived.wait()
                return self._calls.popleft()[0]

    async def expect(self, action: str) -> tuple[str, dict[str, Any]]:
        """Wait for the server's next CALL, which must be this action; its message id and payload."""
        with trio.fail_after(PATIENCE_S):
            async with self._arrived:
                while not self._calls:
                    if self.closed is not None:
                        raise ConnectionError(f"closed before {action} came: {self.closed}")
                    await self._arrived.wait()
                message_id, heard, payload = self._calls.popleft()
        if heard != action:
            raise AssertionError(f"expected {action}, heard {heard} {payload}")
        return message_id, payload

    async def reply(self, message_id: str, payload: Any) -> None:
        """Answer a CALL of the server's."""
        await self.send_text(json.dumps([3, message_id, payload]))

    async def obey(self, action: str, answer: Any) -> dict[str, Any]:
        """Wait for the server's next CALL, which must be this action, and answer it; its payload."""
        message_id, payload = await self.expect(action)
        await self.reply(message_id, answer)
        return payload

    async def refuse(self, message_id: str, code: str, description: str = "") -> None:
        """Answer a CALL of the server's with a CALLERROR."""
        await self.send_text(json.dumps([4, message_id, code, description, {}]))

    async def hang_up(self) -> None:
        """Close the connection, as a charger that goes away in good order."""
        await self._socket.aclose()

    async def wait_closed(self) -> tuple[int | None, str | None]:
        """Wait until the server has closed the connection; the code and the reason."""
        with trio.fail_after(PATIENCE_S):
            async with self._arrived:
                while self.closed is None:
                    await self._arrived.wait()
                return self.closed

    async def boot_v16(self, **more: Any) -> dict[str, Any]:
        """BootNotification of OCPP 1.6."""
        return await self.call("BootNotification", {"chargePointVendor": "Test", "chargePointModel": "T1", **more})

    async def boot_v201(self, reason: str = "PowerUp") -> dict[str, Any]:
        """BootNotification of OCPP 2.0.1."""
        return await self.call("BootNotification", {"reason": reason, "chargingStation": {"vendorName": "Test", "model": "T2"}})


@asynccontextmanager
async def connect(
    url: str,
    charger_id: str,
    *,
    password: str | None = None,
    protocol: str | None = "ocpp1.6",
    tls: ssl.SSLContext | None = None,
    patience_s: float = PATIENCE_S,
) -> AsyncIterator[ScriptedCharger]:
    """A scripted charger, connected for the time of an ``async with`` block. ``url`` ends before the charger id.

    ``tls`` is whom it trusts, and its client certificate, where the ``url`` is ``wss://``. ``patience_s`` is the longest handshake: a
    client whose certificate is refused may not notice before.

    Raises ``trio_websocket.ConnectionRejected`` when the handshake is refused.
    """
    headers: list[tuple[bytes, bytes]] = []
    if password is not None:
        headers.append((b"Authorization", b"Basic " + base64.b64encode(f"{charger_id}:{password}".encode())))
    async with (
        trio_websocket.open_websocket_url(
            f"{url.rstrip('/')}/{quote(charger_id, safe='')}",
            tls,
            subprotocols=[protocol] if protocol else None,
            extra_headers=headers,
            connect_timeout=patience_s,
            disconnect_timeout=GOODBYE_S,
        ) as socket,
        trio.open_nursery() as nursery,
    ):
        charger = ScriptedCharger(socket)
        nursery.start_soon(charger.read)
        try:
            yield charger
        finally:
            nursery.cancel_scope.cancel()
