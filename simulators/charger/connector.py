"""A connector and what happens at it: the cable, the token that may charge, the running transaction, the meter."""

from __future__ import annotations

import math
from typing import Any

import attrs
import trio

from .car import Car, Supply
from .charging_profile import ChargingProfile


@attrs.frozen(slots=True)
class Tag:
    """What a driver shows; ``kind`` is OCPP 2.x's IdTokenEnumType."""

    value: str
    kind: str = "ISO14443"


@attrs.define(slots=True, eq=False)
class Transaction:
    """A charge as the charger knows it: ``number`` is the server's id (1.6, None until answered), ``reference`` its own (2.x)."""

    connector: int
    started_at: int
    meter_start_wh: int
    reference: str
    tag: Tag | None = None
    number: int | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    """The reservation that ended with this transaction (1.6 §4.8)."""
    energy_left_wh: float = math.inf
    """What may still flow after its token was refused (1.6 MaxEnergyOnInvalidId)."""
    next_seq_no: int = 0
    told_state: str = ""
    started_again: bool = False
    """Its start was told twice (quirk ``start-again``)."""
    stop_reason: str = ""
    """Why energy stopped although the transaction is still open (2.x charger that ends it at unplugging)."""
    begin_values: list[dict[str, Any]] = attrs.field(factory=list)
    scope: trio.CancelScope | None = None

    def seq_no(self) -> int:
        """The next sequence number (2.0.1 E01: counted from 0)."""
        self.next_seq_no += 1
        return self.next_seq_no - 1


@attrs.define(slots=True, eq=False)
class Awaited:
    """A token that may charge as soon as a car is plugged in, until a deadline (Trio's clock)."""

    tag: Tag
    trigger: str
    remote_start_id: int | None
    deadline: float
    limits: ChargingProfile | None = None
    """The charging profile that came with a remote start (1.6 §5.16.2)."""


@attrs.define(slots=True, eq=False)
class Connector:
    """One connector (in 2.x: connector 1 of the EVSE of the same number). Its status follows from what is true of it."""

    number: int
    supply: Supply = attrs.field(factory=Supply)
    register_wh: float = 0.0
    car: Car | None = None
    transaction: Transaction | None = None
    awaited: Awaited | None = None
    finished: bool = False
    """The car was charged here and is still plugged in."""
    operative: bool = True
    operative_next: bool | None = None
    """An availability that waits for the transaction to end."""
    paused: bool = False
    reserved: bool = False
    """It is kept free for somebody (see ``reservations``)."""
    withheld: bool = False
    """Nobody may start here: firmware waits to be installed (1.6 §5.19)."""
    limit_w: float = math.inf
    """What charging profiles allow at this moment."""
    rolls_at_wh: int = 0
    """Where the meter begins anew at zero (0: never)."""
    error_code: str = "NoError"
    last_tag: Tag | None = None
    status: str = "Available"
    settling: str = ""
    """A status word that is told as soon as it has lasted long enough."""
    told: str | None = None
    """The status word that was sent last; None when it must be sent again."""
    heard: str | None = None
    """The status word that the server acknowledged last."""
    read_at: float = 0.0

    def true_status(self) -> str:
        """The OCPP 1.6 status (§7.7) that follows from the facts."""
        if self.error_code != "NoError":
            return "Faulted"
        if not self.operative:
            return "Unavailable"
        if self.transaction is not None and self.transaction.tag is not None and not self.transaction.stop_reason:
            if self.paused or self.limit_w <= 0:
                return "SuspendedEVSE"
            return "Charging" if self.car is not None and self.car.soc < 1 else "SuspendedEV"
        if self.withheld:
            return "Unavailable"
        if self.finished and self.car is not None:
            return "Finishing"
        if self.reserved and self.awaited is None:
            return "Reserved"
        return "Preparing" if self.car is not None or self.awaited is not None else "Available"

    @property
    def free(self) -> bool:
        """Whether somebody could come and charge, but for a reservation."""
        unused = self.car is None and self.transaction is None and self.awaited is None
        return unused and self.operative and not self.withheld and self.error_code == "NoError"

    @property
    def energised(self) -> bool:
        """Whether power flows."""
        return self.true_status() == "Charging"

    def power_w(self) -> float:
        """The power at this moment."""
        return min(self.car.takes_w(self.supply), self.limit_w) if self.car is not None and self.energised else 0.0

    def advance(self, world: float) -> None:
        """Let energy flow from the last reading until now (seconds of the accelerated world)."""
        if self.car is not None and self.energised:
            self.register_wh += self.car.charge(self.supply, world - self.read_at, self.limit_w)
        self.read_at = world

    @property
    def register(self) -> int:
        """What the meter shows, in whole Wh."""
        whole = int(self.register_wh + 1e-6)
        return whole % self.rolls_at_wh if self.rolls_at_wh else whole

    def since(self, meter_start_wh: int) -> int:
        """The energy since the meter showed that, in whole Wh."""
        energy_wh = self.register - meter_start_wh
        return energy_wh % self.rolls_at_wh if self.rolls_at_wh else energy_wh
