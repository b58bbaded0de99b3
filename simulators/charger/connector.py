"""A connector and what happens at it: the cable, the token that may charge, the running transaction, the meter."""

from __future__ import annotations

from typing import Any

import attrs
import trio

from .car import Car, Supply


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
    next_seq_no: int = 0
    told_state: str = ""
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
    error_code: str = "NoError"
    last_tag: Tag | None = None
    status: str = "Available"
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
            if self.paused:
                return "SuspendedEVSE"
            return "Charging" if self.car is not None and self.car.soc < 1 else "SuspendedEV"
        if self.finished and self.car is not None:
            return "Finishing"
        return "Preparing" if self.car is not None or self.awaited is not None else "Available"

    @property
    def energised(self) -> bool:
        """Whether power flows."""
        return self.true_status() == "Charging"

    def power_w(self) -> float:
        """The power at this moment."""
        return self.car.takes_w(self.supply) if self.car is not None and self.energised else 0.0

    def advance(self, world: float) -> None:
        """Let energy flow from the last reading until now (seconds of the accelerated world)."""
        if self.car is not None and self.energised:
            self.register_wh += self.car.charge(self.supply, world - self.read_at)
        self.read_at = world

    @property
    def register(self) -> int:
        """What the meter shows, in whole Wh."""
        return int(self.register_wh + 1e-6)
