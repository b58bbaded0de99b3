"""A simulated charger as a machine: its connectors, meters and charges, what it has to tell, and its reboots."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import attrs
import trio

from .clock import skew_ms, stream
from .history import ASIDE, BOOT, METER, START, STATUS, STOP, Charge, Json, Message
from .words import WORDS

if TYPE_CHECKING:
    from .world import World

UNKNOWN_IDS = (-1, 0, 2**63 - 1)
"""Transaction ids that chargers make up while they do not know the real one."""
GHOST, CARD = "GHOST", "CARD"
"""Tokens that the server does not know (a charger that allows them offline charges all the same), and those that it knows. Each
connector has its own of either kind: a stop that names no transaction can be told apart by its token, and else by nothing."""
UNWILLING, NEVER_PLUGGED = 0.1, 0.15
"""How often a charger refuses a start from afar, and how often nobody plugs a car in after it."""
KEEPS, RESUMES, FORGETS = "ends its charges", "resumes its charges", "forgets everything"


@attrs.frozen(slots=True, kw_only=True)
class Habits:
    """What this firmware is like."""

    made_up: int = -1
    fixes_ids: bool = False
    """Whether a message keeps the transaction id that was known when it came to be, or learns it until it is sent."""
    pipelines: int = 1
    """Calls that it sends without waiting for an answer."""
    same_message_id: bool = False
    """Whether it says a message again under the same id."""
    boots_always: bool = False
    """Whether it boots at every connection, and not only after a reboot."""
    after_reboot: str = KEEPS
    ghosts: float = 0.0


class Charger:
    """One charger. ``live`` is what goes on at it, whatever the network does; ``caller.Caller`` tells the server."""

    def __init__(self, world: World, number: int, *, protocol: str) -> None:
        self.world = world
        self.charger_id = f"W{number}"
        self.key = f"key-of-charger-{number:04}"
        self.words = WORDS[protocol]
        self.draws = draws = stream(world.seed, self.charger_id, "life")
        self.skew_ms = skew_ms(draws, only_behind=self.words.numbered)
        self.habits = Habits(
            made_up=draws.choice(UNKNOWN_IDS),
            fixes_ids=draws.random() < 0.4,
            pipelines=draws.choice((1, 1, 1, 3)),
            same_message_id=draws.random() < 0.3,
            boots_always=draws.random() < 0.15,
            after_reboot=draws.choice((KEEPS, KEEPS, RESUMES, FORGETS)),
            ghosts=draws.choice((0.0, 0.0, 0.1)),
        )
        self.connectors = draws.choice((1, 2, 2))
        self.queue: deque[Message] = deque()
        """What tells of transactions, in the order in which it will be told."""
        self.statuses: dict[int, Message] = {}
        """The newest status of each connector, until it is acknowledged."""
        self.asides: deque[Message] = deque(maxlen=4)
        """What is said only to whoever listens."""
        self.booted = False
        self.powered = True
        self.online = False
        self.news = trio.lowlevel.ParkingLot()
        self._power = trio.CancelScope()
        self._running: dict[int, Charge] = {}
        self._registers = {evse: draws.randrange(0, 90_000) for evse in range(1, self.connectors + 1)}
        self._charges, self._words = count(1), count(1)
        self._last_said = 0
        self._wanted: dict[int, tuple[str, int | None]] = {}
        """Where somebody asked for a charge from afar: with which token, and under which id (2.x)."""

    @property
    def has_told_everything(self) -> bool:
        """Whether nothing waits to be told."""
        return self.booted and not self.queue and not self.statuses

    def say_time(self) -> int:
        """The charger's clock; no two things happen in one millisecond."""
        now = self.world.clock.now() + self.skew_ms
        self._last_said = max(now, self._last_said + 1)
        return self._last_said

    # --- what goes on -----------------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Charge cars until the world closes; then end what is under way."""
        while not self.world.closing.is_set():
            with trio.CancelScope() as self._power:
                async with trio.open_nursery() as nursery:
                    for evse in self._registers:
                        nursery.start_soon(self._connector, evse)
            if self._power.cancelled_caught:
                await self._recover()
        for charge in list(self._running.values()):
            self._end(charge, "Local")

    def reboot(self) -> None:
        """Lose power from one moment to the next."""
        if self.powered:
            self.powered = self.booted = False
            self._power.cancel()

    def obey(self, action: str, payload: Json) -> Json:
        """Do what the server wants, soon, or not: ``_wanted`` and ``stop_wanted`` are seen by whoever is at the connector."""
        if action in ("RemoteStartTransaction", "RequestStartTransaction"):
            evse = int(payload.get("connectorId") or payload.get("evseId") or 1)
            if evse not in self._registers or evse in self._running or evse in self._wanted or self.draws.random() < UNWILLING:
                return {"status": "Rejected"}
            token = payload["idTag"] if "idTag" in payload else payload["idToken"]["idToken"]
            if self.draws.random() >= NEVER_PLUGGED:
                self._wanted[evse] = (token, payload.get("remoteStartId"))
        elif action in ("RemoteStopTransaction", "RequestStopTransaction"):
            meant = payload["transactionId"]
            found = [each for each in self._running.values() if meant in (each.transaction_id, each.reference)]
            if not found:
                return {"status": "Rejected"}
            found[0].stop_wanted = True
        return {"status": "Accepted"}

    async def _recover(self) -> None:
        """After a loss of power: some firmware remembers what went on, some goes on with it, some knows nothing."""
        self.world.trace.line(self.charger_id, "reboot", self.habits.after_reboot)
        if self.habits.after_reboot == FORGETS:
            for message in self.queue:
                if message.charge is not None:
                    message.charge.forgotten = True
            for charge in self._running.values():
                charge.forgotten = True
            self.queue.clear()
            self._running.clear()
        self.statuses.clear()
        self.asides.clear()
        self._wanted.clear()
        await self._pause(3, 40)
        self.powered = True
        if self.habits.after_reboot == KEEPS:
            for charge in list(self._running.values()):
                self._end(charge, "PowerLoss")
        for evse in self._registers:
            self._status(evse, self.words.plugged if evse in self._running else "Available")
        self.news.unpark_all()

    async def _connector(self, evse: int) -> None:
        if evse not in self._running:
            await self._pause(1, 30)
        while not self.world.closing.is_set():
            if evse not in self._running:
                await self._begin(evse)
            charge = self._running[evse]
            for _ in range(self.draws.randint(0, 5)):
                await self._pause(4, 40)
                if self.world.closing.is_set() or charge.stop_wanted:
                    break
                self._read(charge)
            await self._pause(1, 20)
            self._end(charge, self.draws.choice(("Local", "EVDisconnected", "Remote")))
            self._status(evse, "Finishing")
            await self._pause(1, 15)
            self._status(evse, "Available")
            await self._pause(3, 60)

    async def _pause(self, least_s: float, most_s: float) -> None:
        """Let time pass; the end of the world's day makes it short."""
        with trio.move_on_after(self.draws.uniform(least_s, most_s)):
            await self.world.closing.wait()

    # --- what it has to tell ----------------------------------------------------------------------------------------------------

    async def _begin(self, evse: int) -> None:
        self._status(evse, "Preparing")
        await self._pause(1, 10)
        kind = GHOST if self.draws.random() < self.habits.ghosts else CARD
        token, remote_start_id = self._wanted.pop(evse, (f"{kind}-{self.charger_id}-{evse}", None))
        if self.online:
            self._aside(*self.words.authorize(token))
        number = next(self._charges)
        charge = Charge(
            charger_id=self.charger_id,
            evse=evse,
            number=number,
            token=token,
            started_said=self.say_time(),
            start_wh=self._registers[evse],
            reference=f"{self.charger_id}-{evse}-{number}",
            remote_start_id=remote_start_id,
        )
        self._running[evse] = charge
        self.world.history.charges.append(charge)
        action, payload = self.words.start(charge, not self.online)
        self._tell(START, action, lambda _: payload, charge, charge.started_said, charge.start_wh)
        self._status(evse, self.words.plugged)

    def _read(self, charge: Charge) -> None:
        wh, said = self._turn(charge.evse), self.say_time()
        action, payload = self.words.meter(charge, said, wh, not self.online)
        self._tell(METER, action, partial(self._with_id, payload), charge, said, wh)

    def _end(self, charge: Charge, reason: str) -> None:
        del self._running[charge.evse]
        charge.stopped_said, charge.stop_wh = self.say_time(), self._turn(charge.evse)
        action, payload = self.words.stop(charge, reason, not self.online)
        self._tell(STOP, action, partial(self._with_id, payload), charge, charge.stopped_said, charge.stop_wh)

    def _turn(self, evse: int) -> int:
        self._registers[evse] += self.draws.randrange(1, 900)
        return self._registers[evse]

    def _with_id(self, payload: Json, transaction_id: int | None) -> Json:
        return payload if transaction_id is None or "eventType" in payload else {**payload, "transactionId": transaction_id}

    def _tell(self, kind: str, action: str, payload: Callable[[int | None], Json], charge: Charge, said: int, wh: int) -> None:
        message = Message(
            kind=kind,
            action=action,
            payload=payload,
            charger_id=self.charger_id,
            evse=charge.evse,
            at=self.world.clock.now(),
            said=said,
            wh=wh,
            charge=charge,
        )
        if self.habits.fixes_ids:
            message.fixed_id = self.habits.made_up if charge.transaction_id is None else charge.transaction_id
        self._note(message)
        self.queue.append(message)

    def _status(self, evse: int, status: str) -> None:
        said, word = self.say_time(), f"S{next(self._words)}"
        action, payload = self.words.status(evse, status, said, word)
        self.statuses[evse] = message = Message(
            kind=STATUS,
            action=action,
            payload=lambda _: payload,
            charger_id=self.charger_id,
            evse=evse,
            at=self.world.clock.now(),
            said=said,
            word=word,
            status=str(payload.get("status", payload.get("connectorStatus"))),
        )
        self._note(message)

    def _aside(self, action: str, payload: Json) -> None:
        at = self.world.clock.now()
        self.asides.append(
            Message(
                kind=ASIDE,
                action=action,
                payload=lambda _: payload,
                charger_id=self.charger_id,
                evse=0,
                at=at,
                said=self.say_time(),
            )
        )
        self.news.unpark_all()

    def boot_message(self) -> Message:
        """A BootNotification that can be told from all others."""
        word = f"1.{next(self._words)}"
        action, payload = self.words.boot(word)
        message = Message(
            kind=BOOT,
            action=action,
            payload=lambda _: payload,
            charger_id=self.charger_id,
            evse=0,
            at=self.world.clock.now(),
            said=self.say_time(),
            word=word,
        )
        self._note(message)
        return message

    def _note(self, message: Message) -> None:
        self.world.history.messages.append(message)
        self.news.unpark_all()
