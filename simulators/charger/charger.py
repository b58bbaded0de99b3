"""A simulated charger: the box, its connection, and how the two live together."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import trio

from simulators.clock import Clock
from simulators.frames import Payload
from simulators.watch import Watcher

from .box import Box
from .connector import Connector, Tag, Transaction
from .dial import Address, OpenStream, open_stream
from .life import Life
from .link import Link, LinkLost, NoAnswer, Refusal
from .meter import read
from .outbox import Outbox, Parcel
from .profile import Profile
from .settings import Settings
from .signals import Nudge
from .tongue import Tongue
from .v16 import V16
from .v201 import V201

TONGUES: dict[str, Tongue] = {tongue.version: tongue for tongue in (V16(), V201())}
OUTBOX_FULL = "the outbox is full"
KNOWN_TAGS = 200
"""The size of the authorization cache."""
SOFT_RESET_WAIT_S = 20.0
"""How long a soft reset waits for queued messages to get out."""


class Charger:
    """One charger. ``run`` is its life; everything else may be called while it runs."""

    def __init__(
        self,
        profile: Profile,
        address: Address,
        *,
        clock: Clock,
        watcher: Watcher | None = None,
        stream: OpenStream = open_stream,
    ) -> None:
        self.profile = profile
        self.address = address
        self.clock = clock
        self.watcher = watcher or Watcher()
        self.stream = stream
        self.rng = random.Random(f"{profile.seed}:machine:{profile.charger_id}")
        self.tongue = TONGUES[profile.version]
        self.quirks = set(profile.quirks)
        self.settings = Settings(connectors=str(len(profile.supplies)), **dict(profile.settings))
        self.password = profile.password
        self.known_tags: dict[str, None] = {}
        self.outbox = Outbox(profile.outbox_limit)
        self.box = Box(self)
        self.life = Life(self)
        self.changed = Nudge()
        """Given whenever a status, the registration or the connection changed."""
        self._nursery: trio.Nursery | None = None
        self._started_ms = clock.true_now()
        self._messages = 0
        self._references = 0
        if "clock-1970" in self.quirks:
            clock.offset_ms = -clock.true_now()

    # --- facts -----------------------------------------------------------------------------------------------------------------

    @property
    def registered(self) -> bool:
        """Whether the server accepted the last boot."""
        return self.life.duties.registered

    @property
    def link(self) -> Link | None:
        """The live connection, if there is one."""
        return self.life.link

    @property
    def online(self) -> bool:
        """Connected and accepted: what is said now goes out now."""
        return self.life.online

    @property
    def free_of_duties(self) -> bool:
        """Whether nothing that must be delivered waits."""
        return self.outbox.kept == 0

    # --- life ------------------------------------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Live: connect, boot, beat, obey, until ``finish`` or cancellation."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await self.life.stay_connected()

    async def finish(self, grace_s: float) -> None:
        """Deliver what waits, hear the outstanding answer, say farewell and end; at most ``grace_s`` in all."""
        self.life.hurry()
        with trio.move_on_after(grace_s):
            await self.outbox.drained()
            link = self.link
            if link is not None:
                await link.fall_silent()
        self.life.ending = True
        link = self.link
        if link is not None:
            link.patient = True
            await link.close()
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    def spawn(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
        """Run something beside; it ends with the charger."""
        if self._nursery is not None:
            self._nursery.start_soon(function, *arguments)

    def say(self, what: str) -> None:
        """Tell spectators, and whoever waits for a change."""
        self.watcher.happened(self.profile.charger_id, what)
        self.changed.give()

    # --- talking ---------------------------------------------------------------------------------------------------------------

    def new_message_id(self) -> str:
        """The next message id: unique over runs, unless a quirk makes it otherwise."""
        self._messages += 1
        if "reused-ids" in self.quirks:
            return str((self._messages - 1) % 10 + 1)
        message_id = f"{self._started_ms:x}-{self._messages:x}"
        return message_id.rjust(48, "0") if "long-ids" in self.quirks else message_id

    def new_reference(self) -> str:
        """The next transaction id of a 2.x charger: unique for this charger only, which is all that is promised (E01)."""
        self._references += 1
        return f"{self._started_ms:x}-{self._references}"

    async def ask(self, action: str, payload: Payload) -> Payload:
        """Send a CALL now; raises ``LinkLost`` also when there is no connection."""
        link = self.link
        if link is None:
            raise LinkLost
        return await link.call(self.new_message_id(), action, payload)

    def queue(self, parcel: Parcel, connector: Connector) -> None:
        """Say something in its order: a transaction message always, anything else only when it can go out."""
        if not parcel.keep and not self.online:
            return
        shed = self.outbox.add(parcel)
        if shed is not None and shed.keep:
            self.watcher.discarded(self.profile.charger_id, shed.action, OUTBOX_FULL)
        if "twice" in self.quirks and parcel.keep and shed is not parcel:
            self.outbox.add(Parcel(parcel.action, parcel.payload, keep=True, sheddable=True, transaction=parcel.transaction))

    def tell_status(self, connector: Connector) -> None:
        """Send the status of a connector unless the server has heard that word last."""
        word = self.tongue.status_word(connector.status)
        if word == connector.told or not self.online:
            return
        connector.told = word
        action, payload = self.tongue.status(self, connector.number, connector.status, connector.error_code)
        self.queue(Parcel(action, payload, on_answer=partial(self._status_heard, connector, word)), connector)

    def _status_heard(self, connector: Connector, word: str, answer: Payload) -> None:
        connector.heard = word

    async def authorize(self, tag: Tag) -> str:
        """Whether a token may charge: the server's word, or what an offline charger may decide itself (1.6 §3.5, 2.0.1 C13-C15)."""
        known = tag.value.casefold() in self.known_tags
        if known and self.settings.flag("pre_authorize"):
            return "Accepted"
        if self.online:
            try:
                verdict = self.tongue.verdict(await self.ask(*self.tongue.authorize(tag)))
            except Refusal as refusal:
                return refusal.code
            except (LinkLost, NoAnswer):
                pass
            else:
                self._remember(tag, verdict)
                return verdict
        if known and self.settings.flag("authorize_offline"):
            return "Accepted"
        return "Accepted" if self.settings.flag("offline_unknown") else "Offline"

    def _remember(self, tag: Tag, verdict: str) -> None:
        key = tag.value.casefold()
        self.known_tags.pop(key, None)
        if verdict == "Accepted" and self.settings.flag("cache"):
            if len(self.known_tags) >= KNOWN_TAGS:
                del self.known_tags[next(iter(self.known_tags))]
            self.known_tags[key] = None

    def judged(self, connector: Connector, transaction: Transaction, status: str) -> None:
        """The answer to a start brought a verdict on its token; a refused one stops the transaction."""
        if status in ("", "Accepted"):
            return
        if transaction.tag is not None:
            self.known_tags.pop(transaction.tag.value.casefold(), None)
        self.say(f"connector {connector.number}: the server says {status} to the running transaction")
        if connector.transaction is transaction and self.settings.flag("stop_on_invalid"):
            self.box.stop(connector, "DeAuthorized", "Deauthorized", None)

    async def tell_again(self, wanted: str, number: int | None) -> None:
        """Send what TriggerMessage asked for."""
        connectors = [connector for connector in self.box.connectors if not number or connector.number == number]
        if wanted == "BootNotification":
            await self.life.duties.boot_again()
        elif wanted == "Heartbeat":
            await self.life.duties.beat()
        elif wanted == "StatusNotification":
            for connector in connectors:
                connector.told = None
                self.tell_status(connector)
        else:
            for connector in connectors:
                if wanted == "TransactionEvent" and connector.transaction is None:
                    continue
                self.box.settle(connector)
                samples = read(connector, self.settings.text("meter_measurands"), self.rng)
                self.tongue.reading(self, connector, samples, "Trigger")

    # --- troubles --------------------------------------------------------------------------------------------------------------

    async def setting_changed(self, name: str) -> None:
        """A setting was changed from afar; some work at once."""
        self.life.duties.timing_changed.give()
        if name == "password":
            self.password = self.settings.text("password").encode()
            self.life.drop("close", 0)

    async def restart(self, reason: str, *, hard: bool, boot_reason: str) -> None:
        """Restart: a hard one tears everything down, a soft one first ends transactions and says so (1.6 §5.14)."""
        self.say(f"restarting ({reason})")
        self.box.end_all(reason)
        if not hard:
            with trio.move_on_after(SOFT_RESET_WAIT_S):
                await self.outbox.drained()
        if "forgetful" in self.quirks and self.outbox.forget_all():
            self.say("queued transaction messages are forgotten")
        self.life.reboot("cut" if hard else "close", self.profile.restart_s, boot_reason)

    async def restart_when_idle(self, boot_reason: str) -> None:
        """Restart as soon as no transaction runs (2.0.1 B12)."""
        while any(connector.transaction is not None for connector in self.box.connectors):
            await self.changed.wait()
        await self.restart("HardReset", hard=False, boot_reason=boot_reason)

    def lose_power(self, seconds: float) -> None:
        """The mains fail for a while (accelerated seconds); transactions end with ``PowerLoss``, told after the boot."""
        self.say(f"power is gone for {seconds:g} s")
        self.box.end_all("PowerLoss")
        if "forgetful" in self.quirks:
            self.outbox.forget_all()
        self.life.reboot("cut", seconds, "PowerUp")
