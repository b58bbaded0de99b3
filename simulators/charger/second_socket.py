"""A charger whose old connection comes back to life: now and then it opens a second one beside the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, HandshakeError

from simulators import frames

from .dial import HANDSHAKE_S, Address, Wire, handshake

if TYPE_CHECKING:
    from .charger import Charger

FIRST_AFTER_S, AGAIN_AFTER_S, STAYS_S = 5.0, 60.0, 3.0


async def connect_again(charger: Charger, address: Address) -> None:
    """Open second connections as long as the first lives; each says one Heartbeat and goes. Which of the two survives, the server decides."""
    await trio.sleep(FIRST_AFTER_S)
    while True:
        try:
            await _visit(charger, address)
        except* (
            ConnectionRejected,
            HandshakeError,
            ConnectionClosed,
            OSError,
            trio.BrokenResourceError,
            trio.TooSlowError,
        ) as group:
            charger.say(f"the second connection failed: {group.exceptions[0]!r}")
        await trio.sleep(AGAIN_AFTER_S)


async def _visit(charger: Charger, address: Address) -> None:
    with trio.fail_after(HANDSHAKE_S):
        stream = await charger.stream(address)
    wire = Wire(stream, pongs=True)
    try:
        async with trio.open_nursery() as nursery:
            socket = await handshake(
                nursery,
                wire,
                address,
                charger.profile.charger_id,
                password=charger.security.password,
                subprotocols=(charger.tongue.subprotocol,),
            )
            charger.say("a second connection is open")
            await socket.send_message(frames.call_text(f"{charger.new_message_id()}-second", "Heartbeat", {}))
            with trio.move_on_after(STAYS_S):
                await socket.get_message()
                await trio.sleep_forever()
            nursery.cancel_scope.cancel()
    finally:
        await trio.aclose_forcefully(wire)
