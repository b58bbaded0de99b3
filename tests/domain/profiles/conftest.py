"""Chargers, templates and answers for the tests of the profiles slice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs
import pytest

from csms.core.charging import ABSOLUTE, TX_DEFAULT, ChargingProfile, ChargingSchedule, SchedulePeriod
from csms.core.commands import Answered, ClearChargingProfile, Command, GetVariables, Outcome
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Ports, ReadTx, Tx
from csms.db import StoreDatabase
from csms.domain.profiles import store
from csms.domain.profiles.model import Charge, Held, Rules
from csms.testing.stores import START_AT, SettableClock

NAMES = (
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
)


def profile(
    *limits: int | str, id: int = 0, unit: str = "A", start_at: int | None = START_AT, duration_s: int | None = None, **more: Any
) -> ChargingProfile:
    """A TxDefaultProfile whose limits (16 A if none are said) change every hour."""
    periods = tuple(SchedulePeriod(number * 3600, Decimal(limit)) for number, limit in enumerate(limits or (16,)))
    schedule = ChargingSchedule(unit=unit, periods=periods, start_at=start_at, duration_s=duration_s)
    return ChargingProfile(**{"id": id, "purpose": TX_DEFAULT, "kind": ABSOLUTE, "schedule": schedule, **more})


@attrs.define
class Chargers:
    """Connected chargers that answer as they are told: by command type, else Accepted."""

    answers: dict[type[Command], Outcome | list[Outcome]] = attrs.field(factory=dict)
    sent: list[tuple[str, Command]] = attrs.field(factory=list)
    can: frozenset[str] = frozenset({"SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule", "GetVariables"})
    connected: bool = True
    limits: Mapping[str, str] = attrs.field(factory=dict)

    async def send(
        self, charger_id: str, command: Command, /, *, ttl_s: float | None = None, timeout_s: float | None = None
    ) -> Outcome:
        if isinstance(command, GetVariables):
            told = [{"name": name, "status": "Accepted", "value": self.limits.get(name)} for name in NAMES]
            return Answered("Accepted", {"variables": told})
        self.sent.append((charger_id, command))
        answer = self.answers.get(type(command), Answered("Accepted"))
        return answer.pop(0) if isinstance(answer, list) else answer

    def can_say(self, charger_id: str) -> frozenset[str]:
        return self.can

    def connection(self, charger_id: str) -> object:
        return object() if self.connected else None


@attrs.define
class Scene:
    """A store with chargers in it, what goes on at them, and everything that was said to them."""

    database: StoreDatabase
    clock: SettableClock
    chargers: Chargers = attrs.field(factory=Chargers)
    charging: dict[str, list[Charge]] = attrs.field(factory=dict)

    @property
    def rules(self) -> Rules:
        return Rules(charges=lambda tx, charger_id: tuple(self.charging.get(charger_id, ())))

    @property
    def ports(self) -> Ports:
        absent: Any = None
        chargers: Any = self.chargers
        return Ports(
            database=self.database,
            chargers=chargers,
            decisions=absent,
            clock=self.clock,
            random=absent,
            blocking=absent,
            http=absent,
        )

    async def do(self, verb: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return await self.database.write(lambda tx: verb(tx, *arguments, **named), tenant=DEFAULT_TENANT)

    async def held(self, charger_id: str = "C1", *, history: bool = False) -> Sequence[Held]:
        found: Sequence[Held] = await self.do(store.of_charger, charger_id, history=history)
        return found

    async def states(self, charger_id: str = "C1", *, history: bool = True) -> list[tuple[int, str, str]]:
        """Number, state and status of every profile of a charger."""
        return [(each.profile.id, each.state, each.status) for each in await self.held(charger_id, history=history)]

    async def told(self) -> list[tuple[str, int, str]]:
        """What events said of charging profiles: the type, the number, and why."""
        rows = await self.do(_events)
        found = [(row["type"], json.loads(row["payload"])) for row in rows]
        return [(kind, told["profile_id"], told.get("status") or told.get("reason") or "") for kind, told in found]

    async def connect(self, charger_id: str = "C1") -> None:
        await self.do(_connect, charger_id)

    async def charge(self, charger_id: str, transaction_id: int, evse: int = 1, started_at: int = START_AT) -> None:
        self.charging.setdefault(charger_id, []).append(Charge(transaction_id=transaction_id, evse=evse, started_at=started_at))

    def said(self) -> list[Any]:
        """What chargers were told since it was asked last."""
        found = [command for _, command in self.chargers.sent]
        self.chargers.sent.clear()
        return found

    def cleared(self) -> list[int | None]:
        return [command.profile_id for command in self.said() if isinstance(command, ClearChargingProfile)]


def _events(tx: ReadTx) -> Sequence[Any]:
    return tx.all("SELECT type, payload FROM events WHERE tenant = :tenant AND type LIKE 'charging_profile%' ORDER BY sequence")


def _connect(tx: Tx, charger_id: str) -> None:
    tx.run(
        "UPDATE chargers SET connection_id = 'x', connected_at = :now, registration = 'accepted', model = 'M1'"
        " WHERE id = :charger_id AND tenant = :tenant",
        charger_id=charger_id,
    )


def _people(tx: Tx) -> None:
    tx.run("INSERT INTO stations (id, tenant, name, created_at) VALUES (7, :tenant, 'Depot', :now)")
    for charger_id in ("C1", "C2"):
        tx.run("INSERT INTO chargers (id, tenant, approval, created_at) VALUES (:id, :tenant, 'accepted', :now)", id=charger_id)
        _connect(tx, charger_id)


@pytest.fixture
async def scene(database: StoreDatabase, clock: SettableClock) -> Scene:
    """Two connected chargers of model M1 and a station, on both engines."""
    opened = Scene(database, clock)
    await opened.do(_people)
    return opened


@pytest.fixture
def make() -> Callable[..., ChargingProfile]:
    return profile
