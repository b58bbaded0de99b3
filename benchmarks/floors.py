"""The floors: an empty handler on trio-websocket, and one on the ``websockets`` library's sans-I/O protocol over a Trio stream.

Both answer any call with ``[3, id, {...}]`` at once: no JSON decoding worth the name, no schema, no store.
"""

from __future__ import annotations

import sys

import trio
import trio_websocket
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from . import proc

ACCEPTED = (
    '{"status":"Accepted","currentTime":"2026-01-31T12:00:00Z","interval":300,"transactionId":1,"idTagInfo":{"status":"Accepted"}}'
)


def answer(text: str) -> str:
    """A CALLRESULT for a CALL, by cutting out its message id."""
    return f"[3,{text.split(',', 2)[1]},{ACCEPTED}]"


async def trio_websocket_handler(request: trio_websocket.WebSocketRequest) -> None:
    """Answer until the peer goes."""
    connection = await request.accept(subprotocol="ocpp1.6")
    try:
        while True:
            await connection.send_message(answer(str(await connection.get_message())))
    except trio_websocket.ConnectionClosed:
        pass


async def sans_io_handler(stream: trio.SocketStream) -> None:
    """The same over the sans-I/O protocol."""
    protocol = ServerProtocol(subprotocols=["ocpp1.6"])  # type: ignore[list-item]
    try:
        while data := await stream.receive_some(65_536):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    protocol.send_text(answer(bytes(event.data).decode()).encode())
            for chunk in protocol.data_to_send():
                await stream.send_all(chunk)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    finally:
        await trio.aclose_forcefully(stream)


async def main(kind: str) -> None:
    """Serve one floor until killed; the first line on standard output is the port."""
    proc.allow_many_files()
    async with trio.open_nursery() as nursery:
        if kind == "trio-websocket":
            server = await nursery.start(trio_websocket.serve_websocket, trio_websocket_handler, "127.0.0.1", 0, None)
            port = server.port
        else:
            listeners = await nursery.start(trio.serve_tcp, sans_io_handler, 0)
            port = listeners[0].socket.getsockname()[1]
        print(port, flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    try:
        trio.run(main, sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(0)
