"""Bad habits that take no occasion: what some firmware does all the time, as long as it is connected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from simulators import frames

from .link import Link, LinkLost

if TYPE_CHECKING:
    from .charger import Charger

BOOT_EVERY_S = 5.0
ANSWER_EVERY_S = 10.0


async def _boot_all_the_time(charger: Charger, link: Link) -> None:
    while True:
        await trio.sleep(BOOT_EVERY_S)
        await charger.tell_now(*charger.tongue.boot(charger, "Unknown"))


async def _answer_nobody(charger: Charger, link: Link) -> None:
    number = 0
    with suppress(LinkLost):
        while True:
            number += 1
            await link.raw(frames.result_text(f"nobody-asked-{number}", {"status": "Accepted"}))
            await trio.sleep(ANSWER_EVERY_S)


HABITS: dict[str, Callable[[Charger, Link], Awaitable[None]]] = {
    "boot-storm": _boot_all_the_time,
    "unknown-result-ids": _answer_nobody,
}
"""The habit of a quirk; the charger goes on as usual beside it."""
