"""A charger with two connectors, tokens, and what becomes of what is asked of it and said by it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import attrs
import msgspec
import pytest

from csms.config import Config, ReservationsConfig
from csms.core.commands import Answered, Command, Outcome
from csms.core.events import EVENT_TYPES, Event
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.ports import Admission, Ports, ReadTx
from csms.core.reports import Booted, StartReported, StatusReported, Token, TransactionVerdict
from csms.db import StoreDatabase
from csms.dispatch import Dispatch
from csms.domain.drivers import service as drivers
from csms.domain.reservations import flows, service
from csms.domain.reservations.model import Reservation
from csms.domain.stations import service as stations
from csms.testing.stores import SettableClock

T0 = 1_800_000_000_000
"""When every test begins."""
MINUTE = 60_000
HOUR = 60 * MINUTE
SETTINGS = ReservationsConfig(retry_s=120, longest_s=86_400)
CHARGER = Admission(charger_id="CP-1", tenant=DEFAULT_TENANT, registration="accepted")


@attrs.define
class Chargers:
    """Chargers that answer as told, one outcome after the other and then always ``Accepted``, and may do something before."""

    outcomes: list[Outcome] = attrs.field(factory=list)
    before: Callable[[Command], Awaitable[None]] | None = None
    sent: list[Command] = attrs.field(factory=list)
    connected: bool = True

    async def send(self, charger_id: str, command: Command, /, *, ttl_s: Any = None, timeout_s: Any = None) -> Outcome:
        self.sent.append(command)
        if self.before is not None:
            await self.before(command)
        return self.outcomes.pop(0) if self.outcomes else Answered("Accepted")

    def connection(self, charger_id: str) -> object | None:
        return object() if self.connected else None


@attrs.define
class Decisions:
    """What plugins say."""

    answer: Any = None
    asked: list[Any] = attrs.field(factory=list)

    async def ask(self, hook: str, /, **question: Any) -> Any:
        self.asked.append((hook, question))
        return self.answer


async def people(scene: Scene) -> None:
    """Two chargers, cards of nobody in particular, two vans of one fleet."""
    for charger_id in ("CP-1", "CP-2"):
        await scene.do(stations.add_charger, charger_id)
    fleet = await scene.do(partial(drivers.add_token_group, name="Fleet", parent="FLEET"))
    for value, group in (("CARD", None), ("OTHER", None), ("LOST", None), ("VAN-1", fleet.id), ("VAN-2", fleet.id)):
        await scene.do(partial(drivers.add_token, value=value, token_group_id=group, max_transactions=0))
    await scene.do(drivers.block_token, "LOST")


def events(tx: ReadTx) -> Sequence[Event]:
    found = tx.all("SELECT type, payload FROM events WHERE tenant = :tenant AND type LIKE 'reservation%' ORDER BY sequence")
    return [msgspec.json.decode(row["payload"], type=EVENT_TYPES[row["type"]]) for row in found]


@attrs.define
class Scene:
    """What is asked of CP-1 and what it says."""

    database: StoreDatabase
    clock: SettableClock
    chargers: Chargers = attrs.field(factory=Chargers)
    decisions: Decisions = attrs.field(factory=Decisions)

    @property
    def ports(self) -> Ports:
        absent: Any = None
        chargers: Any = self.chargers
        return Ports(
            database=self.database,
            chargers=chargers,
            decisions=self.decisions,
            clock=self.clock,
            random=absent,
            blocking=absent,
            http=absent,
        )

    async def do(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        return await self.database.write(verb, *arguments, tenant=DEFAULT_TENANT)

    async def reserve(self, *outcomes: Outcome, token: str = "CARD", evse: int = 1, within: int = HOUR) -> Reservation:
        self.chargers.outcomes[:] = outcomes
        place = Place(evse, min(evse, 1))
        known, _ = await flows.reserve(self.ports, SETTINGS, DEFAULT_TENANT, "CP-1", place, Token(token), self.clock.now() + within)
        return known

    async def change(
        self, reservation_id: int, *outcomes: Outcome, evse: int, within: int = HOUR, token: str = "CARD"
    ) -> Reservation:
        self.chargers.outcomes[:] = outcomes
        place = Place(evse, min(evse, 1))
        known, _ = await flows.change(
            self.ports, SETTINGS, DEFAULT_TENANT, reservation_id, place, Token(token), self.clock.now() + within
        )
        return known

    async def cancel(self, reservation_id: int, *outcomes: Outcome) -> Reservation:
        self.chargers.outcomes[:] = outcomes
        known, _ = await flows.cancel(self.ports, SETTINGS, DEFAULT_TENANT, reservation_id)
        return known

    async def ask_again(self, *outcomes: Outcome) -> int:
        self.chargers.outcomes[:] = outcomes
        return await flows.ask_again(SETTINGS, self.ports)

    async def get(self, reservation_id: int) -> Reservation:
        found: Reservation = await self.do(service.need_reservation, reservation_id)
        return found

    async def tell(self, report: Any) -> Any:
        return await Dispatch(self.ports, Config()).hear(CHARGER, report)

    async def status(self, status: str, *, evse: int = 1, at: int | None = None) -> None:
        place = Place(evse, min(evse, 1))
        now = self.clock.now()
        await self.tell(
            StatusReported(charger_id="CP-1", received_at=now, place=place, status=status, reported_at=now if at is None else at)
        )

    async def start(
        self, token: str, *, evse: int = 1, at: int | None = None, reservation_id: int | None = None
    ) -> TransactionVerdict:
        now = self.clock.now()
        verdict: TransactionVerdict = await self.tell(
            StartReported(
                charger_id="CP-1",
                received_at=now,
                place=Place(evse, 1),
                started_at=now if at is None else at,
                token=Token(token),
                meter_start_wh=0,
                reservation_id=reservation_id,
            )
        )
        return verdict

    async def boot(self) -> None:
        await self.tell(Booted(charger_id="CP-1", received_at=self.clock.now(), vendor="V", model="M"))

    async def events(self) -> Sequence[Any]:
        found: Sequence[Event] = await self.do(events)
        return found

    async def told(self) -> list[str]:
        """The events so far: ``made``, or how it ended."""
        return [getattr(each, "state", "changed" if getattr(each, "changed", False) else "made") for each in await self.events()]


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(T0)


@pytest.fixture
async def scene(database: StoreDatabase, clock: SettableClock) -> Scene:
    """Both engines, one after the other; the two connectors of CP-1 are available."""
    opened = Scene(database, clock)
    await people(opened)
    for evse in (1, 2):
        await opened.status("Available", evse=evse)
    clock.advance(1000)
    return opened
