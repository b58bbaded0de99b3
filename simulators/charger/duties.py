"""What a connected charger does by itself: boots until accepted, tells statuses, delivers its outbox, beats, reads by the clock."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from simulators.frames import Payload

from .connector import Connector
from .habits import HABITS
from .link import Link, LinkLost, NoAnswer, Refusal
from .meter import read
from .on_request import renew_in_time
from .outbox import Parcel
from .signals import Nudge

if TYPE_CHECKING:
    from .charger import Charger

PONG_WITHIN_S = 20.0
EAGER_BEAT_S = 1.0
"""How often a charger with the quirk ``heartbeat-eager`` beats."""
PIPELINED = 8
"""So many calls a charger with the quirk ``pipelining`` has under way."""
FALLBACK_RETRY_S = 30.0
"""The wait before the next BootNotification when the server named none (1.6 §4.2: the charger chooses one)."""


class Duties:
    """The standing tasks of one charger; what they know outlives a connection."""

    def __init__(self, charger: Charger) -> None:
        self._charger = charger
        self.registered = False
        self.boot_reason = "PowerUp"
        self._starting = True
        self.timing_changed = Nudge()

    async def begin(self, link: Link) -> None:
        """Boot if need be and tell every status that the server has not heard, before anything else."""
        if "talk-before-boot" in self._charger.quirks and not self.registered:
            await self._tell_statuses(link)
        if not self.registered or "always-boots" in self._charger.quirks:
            await self._boot(link)
        await self._tell_statuses(link)

    async def go_on(self, link: Link) -> None:
        """Deliver, beat and read by the clock until the connection ends."""
        charger = self._charger
        charger.changed.give()
        for connector in charger.box.connectors:
            charger.tell_status(connector)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tick)
            nursery.start_soon(renew_in_time, charger)
            for quirk, habit in HABITS.items():
                if quirk in charger.quirks:
                    nursery.start_soon(habit, charger, link)
            if charger.settings.number("ping_interval_s"):
                nursery.start_soon(self._keep_alive, link)
            if "pipelining" in charger.quirks:
                await self._deliver_at_once(link)
            await self._deliver(link)

    async def _keep_alive(self, link: Link) -> None:
        """Ping (1.6 §9.1.34); a server that does not answer is gone."""
        while interval_s := self._charger.settings.number("ping_interval_s"):
            await trio.sleep(interval_s)
            with trio.move_on_after(PONG_WITHIN_S) as waiting:
                await link.ping()
            if waiting.cancelled_caught:
                self._charger.say(f"no pong within {PONG_WITHIN_S:g} s")
                link.tear("cut")
                return

    async def _boot(self, link: Link) -> None:
        """BootNotification until it is accepted, waiting as the server says in between (1.6 §4.2, 2.0.1 B02, B03)."""
        self.registered = False
        while True:
            wait_s = await self._boot_once(link)
            if self.registered:
                return
            with trio.move_on_after(wait_s):
                while not self.registered:
                    await self._charger.changed.wait()
                return

    async def _boot_once(self, link: Link) -> float:
        """One BootNotification; the wait before the next, should one be needed."""
        charger = self._charger
        action, payload = charger.tongue.boot(charger, self.boot_reason)
        try:
            answer = charger.tongue.registered(await link.call(charger.new_message_id(), action, payload))
        except (Refusal, NoAnswer) as trouble:
            charger.say(f"the boot was not answered: {trouble}")
            return FALLBACK_RETRY_S
        except (KeyError, TypeError, ValueError, OverflowError) as trouble:
            charger.say(f"the answer to the boot makes no sense: {trouble!r}")
            return FALLBACK_RETRY_S
        self._hear_time(answer.now)
        charger.watcher.registered(charger.profile.charger_id, answer.status)
        self.registered = answer.status == "Accepted"
        charger.say(f"boot is {answer.status}, interval {answer.interval_s:g} s")
        if self.registered and self._starting:
            self._starting = False
            charger.security.event("StartupOfTheDevice", charger.firmware.version)
        if self.registered and answer.interval_s > 0:
            charger.settings.hear("heartbeat_s", str(int(answer.interval_s)))
            self.timing_changed.give()
        return answer.interval_s if answer.interval_s > 0 else FALLBACK_RETRY_S

    def restarted(self, reason: str) -> None:
        """The charger restarts: it has to boot (``reason`` is a 2.x boot reason)."""
        self.registered = False
        self._starting = True
        self.boot_reason = reason

    def _hear_time(self, text: str) -> None:
        """Follow the server's clock."""
        if "time-1970" not in self._charger.quirks and self._charger.clock.told(text):
            self._charger.security.event("SettingSystemTime", text)

    async def boot_again(self) -> None:
        """BootNotification on demand."""
        link = self._charger.link
        if link is not None:
            self.boot_reason = "Triggered"
            with suppress(LinkLost):
                await self._boot_once(link)

    async def _tell_statuses(self, link: Link) -> None:
        """The status of everything that the server has not heard yet, before anything else."""
        charger = self._charger
        connectors = [connector for connector in charger.box.connectors if self._unheard(connector)]
        if charger.tongue.speaks_of_whole and len(connectors) == len(charger.box.connectors):
            await self._tell(link, *charger.tongue.status(charger, 0, charger.box.status, "NoError"))
        for connector in connectors:
            word = charger.tongue.status_word(connector.status)
            connector.told = word
            if await self._tell(link, *charger.tongue.status(charger, connector.number, connector.status, connector.error_code)):
                connector.heard = word

    def _unheard(self, connector: Connector) -> bool:
        return connector.heard != self._charger.tongue.status_word(connector.status)

    async def _tell(self, link: Link, action: str, payload: Payload) -> bool:
        try:
            await link.call(self._charger.new_message_id(), action, payload)
        except (Refusal, NoAnswer):
            return False
        return True

    async def beat(self) -> None:
        """One Heartbeat; the answer sets the clock (1.6 §4.6)."""
        if self._charger.link is not None:
            try:
                answer = await self._charger.ask("Heartbeat", {})
                self._hear_time(str(answer.get("currentTime", "")))
            except (Refusal, NoAnswer, LinkLost) as trouble:
                self._charger.say(f"no heartbeat: {trouble}")

    async def _tick(self) -> None:
        """A Heartbeat every interval, and clock-aligned readings where they are configured."""
        beaten = trio.current_time()
        read_at = self._next_reading()
        while True:
            interval_s = self._beat_every_s()
            beat_at = beaten + interval_s if interval_s else math.inf
            with trio.move_on_at(min(beat_at, read_at)) as wait:
                await self.timing_changed.wait()
            if not wait.cancelled_caught:
                read_at = self._next_reading()
                continue
            if trio.current_time() >= read_at:
                self._read_by_the_clock()
                read_at = self._next_reading()
            if trio.current_time() >= beat_at:
                beaten = trio.current_time()
                await self.beat()

    def _beat_every_s(self) -> float:
        """The heartbeat interval; some firmware knows better than the server."""
        if "heartbeat-ignored" in self._charger.quirks:
            return 0
        return EAGER_BEAT_S if "heartbeat-eager" in self._charger.quirks else self._charger.settings.number("heartbeat_s")

    def _next_reading(self) -> float:
        """When the next clock-aligned reading is due, on Trio's clock (1.6 ClockAlignedDataInterval, 2.0.1 J01)."""
        clock = self._charger.clock
        interval_s = self._charger.settings.number("aligned_interval_s")
        if not interval_s:
            return math.inf
        left_s = interval_s - clock.world() % interval_s
        if left_s < 1:  # the one that was just read
            left_s += interval_s
        return trio.current_time() + left_s / clock.speed

    def _read_by_the_clock(self) -> None:
        charger = self._charger
        for connector in charger.box.connectors:
            charger.box.settle(connector)
            samples = read(connector, charger.settings.text("aligned_measurands"), charger.rng)
            if samples:
                charger.tongue.reading(charger, connector, samples, "Sample.Clock")

    async def _deliver(self, link: Link) -> None:
        """Send the outbox in order. A message that is refused or not answered is tried again as often as the settings say."""
        while True:
            await self._deliver_one(link, await self._charger.outbox.head())

    async def _deliver_at_once(self, link: Link) -> None:
        """Send several messages without waiting for answers in between, in their order."""
        while True:
            parcels = await self._charger.outbox.first(PIPELINED)
            async with trio.open_nursery() as nursery:
                for parcel in parcels:
                    await nursery.start(self._deliver_one, link, parcel)

    async def _deliver_one(
        self, link: Link, parcel: Parcel, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Send a message once; it is started as soon as its frame has left."""
        charger = self._charger
        if not parcel.message_id or not charger.profile.resends_same_id:
            parcel.message_id = charger.new_message_id()
        parcel.sends += 1
        payload = charger.tongue.completed(charger, parcel)

        def left() -> None:
            task_status.started()
            if parcel.on_sent is not None:
                parcel.on_sent()

        try:
            answer = await link.call(parcel.message_id, parcel.action, payload, parcel.sends, on_sent=left)
        except (Refusal, NoAnswer) as trouble:
            await self._try_again_later(parcel, str(trouble))
            return
        charger.outbox.done(parcel)
        if parcel.on_answer is not None:
            parcel.on_answer(answer)

    async def _try_again_later(self, parcel: Parcel, why: str) -> None:
        """1.6 §3.7.1 (TransactionMessageAttempts), 2.0.1 E13: wait longer each time, then give up."""
        charger = self._charger
        parcel.failures += 1
        if not parcel.keep or parcel.failures >= max(charger.settings.number("attempts"), 1):
            charger.outbox.done(parcel)
            if parcel.keep:
                charger.watcher.discarded(charger.profile.charger_id, parcel.action, why)
                charger.say(f"{parcel.action} is given up: {why}")
            return
        await trio.sleep(charger.settings.number("retry_interval_s") * parcel.failures)
