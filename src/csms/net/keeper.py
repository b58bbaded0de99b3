"""The keeper of a link: sends what others left in the outbox, pings, notices the dead, and wakes the conversation in time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from .connection import NEVER, Closed, Connection
from .pulse import Step

if TYPE_CHECKING:
    from .link import Link

SEND_LIMIT_S = 30.0
"""Longest send: a peer that takes nothing for so long is gone."""
MIN_SLEEP_S = 0.001
"""Whatever deadlines the conversation names, the keeper never spins."""


async def keep(link: Link, connection: Connection) -> None:
    """Look after the link until cancelled; asleep on ``link.keeper_lot`` in between."""
    conversation, outbox, clock, pulse = link.conversation, link.outbox, link.terms.clock, link.pulse
    while True:
        mono = trio.current_time()
        due = conversation.next_deadline()
        if due is not None and due <= mono:
            link.act(conversation.tick(clock.now(), mono))
            due = conversation.next_deadline()
        if outbox.frames and not outbox.busy:
            await _within_limit(link, outbox.flush, connection)
        if link.notices.due(mono):
            await link.tell_noticed(mono)
        if link.paused:  # we are not listening, so its silence is our doing
            link.heard(mono)
        pulse.pongs = pulse.pongs or connection.last_pong_at > NEVER
        if not link.ending:
            if mono - outbox.sending_since >= SEND_LIMIT_S:
                _stuck(link)
            elif (step := pulse.look(link.heard_at, mono)) is Step.PING:
                await _within_limit(link, _ping, connection)
            elif step is Step.DEAD:
                link.end(1001, "silent for too long", "silent", answer=False)
        wake_at = min(pulse.next_look_at(link.heard_at), mono + SEND_LIMIT_S)
        if due is not None and due < wake_at:
            wake_at = due
        link.wake_at = max(wake_at, mono + MIN_SLEEP_S)
        if not outbox.frames or outbox.busy:
            with trio.move_on_at(link.wake_at):
                await link.keeper_lot.park()


async def _ping(connection: Connection) -> None:
    await connection.ping()


async def _within_limit(link: Link, send: Callable[[Connection], Awaitable[None]], connection: Connection) -> None:
    """Something that sends; when the peer takes nothing for too long, the link ends."""
    try:
        with trio.move_on_after(SEND_LIMIT_S) as scope:
            await send(connection)
    except Closed as closed:
        link.lost(closed)
    else:
        if scope.cancelled_caught:
            _stuck(link)


def _stuck(link: Link) -> None:
    link.end(1001, "takes nothing", "stuck", answer=False)
