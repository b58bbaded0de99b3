"""The channel against an SMTP server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from aiosmtpd.controller import Controller

from csms.hooks import NeverSent, NotSent, Outgoing
from csms.outside import Threads
from csms.testing.plugins import Plugged
from csms_email import listeners

MESSAGE = Outgoing(
    reference="m1", channel="email", recipient="driver@example.com", language="en", template="otp", subject="Code", text="493027"
)


@attrs.define
class Post:
    """What the server took, and what it says to each recipient."""

    taken: list[Any] = attrs.field(factory=list)
    answer: str = "250 OK"

    async def handle_RCPT(self, server: Any, peer: Any, envelope: Any, address: str, options: Any) -> str:
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server: Any, peer: Any, envelope: Any) -> str:
        self.taken.append(envelope)
        return "250 taken"


class OnAnyPort(Controller):
    """A server on whatever port is free."""

    def _trigger_server(self) -> None:
        """As the controller does it, at the port that was given and not at the one that was asked for, 0."""
        server: Any = self.server
        with socket.create_connection(server.sockets[0].getsockname(), timeout=5) as looked:
            looked.recv(1024)


@pytest.fixture
def post() -> Iterator[tuple[Post, int]]:
    handler = Post()
    controller: Any = OnAnyPort(handler, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        yield handler, controller.server.sockets[0].getsockname()[1]
    finally:
        controller.stop()


def channel(port: int) -> Any:
    told = {
        "email": {
            "host": "127.0.0.1",
            "port": port,
            "security": "none",
            "sender": "Charging <noreply@example.org>",
            "timeout_s": 5.0,
        }
    }
    plugged = Plugged({"email": listeners}, settings=told, blocking=Threads())
    [brought] = plugged.bus.collect("register_channels")
    return brought.value


async def test_a_message_arrives(post: tuple[Post, int]) -> None:
    handler, port = post
    email = channel(port)
    assert "answers (250)" in await email.check()
    receipt = await email.send(MESSAGE)
    [envelope] = handler.taken
    assert envelope.rcpt_tos == ["driver@example.com"]
    assert b"493027" in envelope.content
    assert receipt.channel_id == "<m1@example.org>"


@pytest.mark.parametrize(("answer", "outcome"), [("550 no such user", NeverSent), ("451 later", NotSent)])
async def test_a_refused_recipient(post: tuple[Post, int], answer: str, outcome: type[Exception]) -> None:
    handler, port = post
    handler.answer = answer
    with pytest.raises(outcome, match=answer[:3]):
        await channel(port).send(MESSAGE)
    assert not handler.taken


async def test_a_server_that_is_away(post: tuple[Post, int]) -> None:
    email = channel(1)
    with pytest.raises(NotSent, match="cannot be reached"):
        await email.send(MESSAGE)
    with pytest.raises(NotSent, match="cannot be reached"):
        await email.check()
