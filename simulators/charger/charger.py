"""A simulated charger: the box, its connection, and how the two live together."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import attrs
import httpx
import trio

from simulators import frames
from simulators.clock import Clock
from simulators.frames import Payload
from simulators.watch import Watcher

from .authority import Authority
from .box import Box
from .certificates import CertificateStore
from .connector import Connector, Tag, Transaction
from .dial import Address, OpenStream, open_stream
from .firmware import Firmware
from .life import Life
from .link import Link, LinkLost, NoAnswer, Refusal, Reply
from .logs import Logs
from .on_request import tell_again
from .outbox import Outbox, Parcel
from .profile import FEATURES_WITH_A_NAME, Profile
from .reservations import Reservations
from .security import Security
from .settings import Settings
from .signals import Nudge
from .smart_charging import SmartCharging
from .tongue import Tongue
from .transfer import Web
from .v16 import V16
from .v201 import V201

TONGUES: dict[str, Tongue] = {tongue.version: tongue for tongue in (V16(), V201())}
OUTBOX_FULL = "the outbox is full"
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
        secure_address: Address | None = None,
        certificates: CertificateStore | None = None,
        web: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.profile = profile
        self.address = address
        self.secure_address = secure_address
        """Where security profiles 2 and 3 connect, if elsewhere."""
        self.clock = clock
        self.watcher = watcher or Watcher()
        self.stream = stream
        self.rng = random.Random(f"{profile.seed}:machine:{profile.charger_id}")
        self.tongue = TONGUES[profile.version]
        self.quirks = set(profile.quirks)
        self.settings = Settings(**_own_settings(profile, address, certificates) | dict(profile.settings))
        self.failing = set(profile.failing)
        """What it fails at, by ``failures.FAILURES``."""
        self.obeyed: Counter[str] = Counter()
        """How often the server sent each call."""
        self.outbox = Outbox(profile.outbox_limit)
        self.security = Security(self, certificates or CertificateStore())
        self.authority = Authority(self)
        self.reservations = Reservations(self)
        self.smart_charging = SmartCharging(self)
        self.firmware = Firmware(self)
        self.logs = Logs(self)
        self.box = Box(self)
        self.life = Life(self)
        self.web = Web(tls=self.security.web_context, has_network=lambda: self.life.has_network, transport=web)
        self.changed = Nudge()
        """Given whenever a status, the registration or the connection changed."""
        self._nursery: trio.Nursery | None = None
        self._started_ms = clock.true_now()
        self._messages = 0
        self._references = 0
        if self.quirks & {"clock-1970", "time-1970"}:
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
        if "reused-message-ids" in self.quirks:
            return str((self._messages - 1) % 10 + 1)
        message_id = f"{self._started_ms:x}-{self._messages:x}"
        return message_id.rjust(48, "0") if "long-ids" in self.quirks else message_id

    def obey(self, call: frames.Call) -> Reply:
        """Answer the server's CALL; it counts as obeyed once the answer has left."""
        reply = self.tongue.obey(self, call)
        return attrs.evolve(reply, then=partial(self._answered, call.action, reply.then))

    async def _answered(self, action: str, then: Callable[[], Awaitable[None]] | None) -> None:
        self.obeyed[action] += 1
        self.changed.give()
        if then is not None:
            await then()

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

    async def tell_now(self, action: str, payload: Payload) -> None:
        """Send a CALL past the outbox; what comes of it does not matter."""
        with suppress(LinkLost, NoAnswer, Refusal):
            await self.ask(action, payload)

    def queue(self, parcel: Parcel) -> None:
        """Say something in its order: a transaction message always, anything else only when it can go out."""
        if not parcel.keep and not self.online:
            return
        shed = self.outbox.add(parcel)
        if shed is not None and shed.keep:
            self.watcher.discarded(self.profile.charger_id, shed.action, OUTBOX_FULL)
        if "twice" in self.quirks and parcel.transaction is not None and parcel.keep and shed is not parcel:
            self.outbox.add(Parcel(parcel.action, parcel.payload, keep=True, sheddable=True, transaction=parcel.transaction))

    def tell_status(self, connector: Connector) -> None:
        """Send the status of a connector unless the server has heard that word last, or it may pass (1.6 MinimumStatusDuration)."""
        word = self.tongue.status_word(connector.status)
        if word == connector.told or not self.online:
            return
        settles_s = self.settings.number("status_settles_s")
        if settles_s and connector.settling != word:
            connector.settling = word
            self.spawn(self._tell_when_settled, connector, word, settles_s)
        elif not settles_s:
            self._tell_status(connector, word)

    async def _tell_when_settled(self, connector: Connector, word: str, settles_s: float) -> None:
        await trio.sleep(settles_s)
        if connector.settling == word:
            connector.settling = ""
        if self.online and word == self.tongue.status_word(connector.status) != connector.told:
            self._tell_status(connector, word)

    def tell_whole(self) -> None:
        """Send the status of the charger itself (1.6: of connector 0)."""
        if self.tongue.speaks_of_whole and self.online:
            self.queue(Parcel(*self.tongue.status(self, 0, self.box.status, "NoError")))

    def _tell_status(self, connector: Connector, word: str) -> None:
        connector.told = word
        action, payload = self.tongue.status(self, connector.number, connector.status, connector.error_code)
        self.queue(Parcel(action, payload, on_answer=partial(self._status_heard, connector, word)))

    def _status_heard(self, connector: Connector, word: str, answer: Payload) -> None:
        connector.heard = word

    async def authorize(self, tag: Tag) -> str:
        """Whether a token may charge, as a status."""
        return await self.authority.authorize(tag)

    def judged(self, connector: Connector, transaction: Transaction, answer: Payload) -> None:
        """The answer to a start brought a verdict on its token; a refused one stops the transaction (1.6 §4.8).

        Where it may go on, it gets no more than MaxEnergyOnInvalidId.
        """
        status = self.tongue.verdict(answer)
        if transaction.tag is not None:
            self.authority.remember(transaction.tag, self.tongue.standing(answer))
        if status in ("", "Accepted"):
            return
        self.say(f"connector {connector.number}: the server says {status} to the running transaction")
        if connector.transaction is not transaction or not self.settings.flag("stop_on_invalid"):
            return
        allowance_wh = self.settings.number("energy_on_invalid_wh")
        if allowance_wh:
            transaction.energy_left_wh = connector.since(transaction.meter_start_wh) + allowance_wh
        else:
            self.box.stop(connector, "DeAuthorized", "Deauthorized", None)

    async def tell_again(self, wanted: str, number: int | None) -> None:
        """Send what TriggerMessage asked for."""
        await tell_again(self, wanted, number)

    # --- troubles --------------------------------------------------------------------------------------------------------------

    async def setting_changed(self, name: str) -> None:
        """A setting was changed from afar; some work at once."""
        self.life.duties.timing_changed.give()
        if name == "password":
            self.security.set_password(self.settings.text("password"))
            self.life.drop("close", 0)

    async def restart(self, reason: str, *, hard: bool, boot_reason: str) -> None:
        """Restart: a hard one tears everything down, a soft one first ends transactions and says so (1.6 §5.14)."""
        self.say(f"restarting ({reason})")
        self.security.event("ResetOrReboot", reason)
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


def _own_settings(profile: Profile, address: Address, certificates: CertificateStore | None) -> dict[str, str]:
    """The settings that follow from what a charger is: its connectors, its features, and how it may connect."""
    security = 0 if profile.password is None else 1
    if address.tls is not None and security:
        security = 2
    if address.tls is not None and certificates is not None and certificates.identity is not None:
        security = 3
    if profile.security_profile is not None:
        security = profile.security_profile
    features = ["Core", *(name for name in FEATURES_WITH_A_NAME if name not in profile.without)]
    return {
        "connectors": str(len(profile.supplies)),
        "profiles": ",".join(features),
        "security_profile": str(security),
        "network_security_profile": str(security),
        "list_enabled": "false" if "LocalAuthListManagement" in profile.without else "true",
    }
