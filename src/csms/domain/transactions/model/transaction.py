"""What a transaction is, the states it can be in, and what is kept with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs

from csms.core.ids import Place
from csms.core.ports import ReadTx
from csms.core.reports import CHARGING, SUSPENDED_EV, SUSPENDED_EVSE, TokenVerdict

AHEAD_MS = 86_400_000
"""How far a charger's clock may be ahead of ours. What it says of a later time cannot have happened: then the time of receipt counts."""

PENDING_START = "pending_start"
"""We asked the charger to start it and have not heard that it did."""
RUNNING = "running"
SUSPENDED = "suspended"
PENDING_STOP = "pending_stop"
"""We asked the charger to stop it and have not heard that it did."""
PENDING_RECONCILIATION = "pending_reconciliation"
"""The charger booted, or its connector became free, and no stop came: it may or may not run. Has a deadline."""
COMPLETED = "completed"
FAILED = "failed"
"""A remote start that the charger refused or never received."""
EXPIRED = "expired"
"""A remote start that no transaction followed in time."""

STATES = (PENDING_START, RUNNING, SUSPENDED, PENDING_STOP, PENDING_RECONCILIATION, COMPLETED, FAILED, EXPIRED)
CLOSED_STATES = frozenset({COMPLETED, FAILED, EXPIRED})

REPORTED, ESTIMATED, OPERATOR = "reported", "estimated", "operator"
"""Who says that it stopped: the charger, our own reckoning, or an operator. Only the first is final."""

NEXT_START, OVERDUE, BY_OPERATOR = "NextStart", "Overdue", "Operator"
"""Our stop reasons besides OCPP's: the next start at the EVSE showed that it had ended, no word of it came before the reconciliation
deadline, or an operator ended it."""

REGISTER, STEPS, UNKNOWN_ENERGY = "register", "steps", "unknown"
"""What the energy is: the difference of the register, the sum of its steps because it went backwards, or not known."""

NAMED, BY_STOP, BY_PLACE = 0, 1, 2
"""How we know whose a reading is: the charger named its transaction, it came inside a stop that named none of ours, or its place and
time say so. The less sure gives way to the surer."""

SUSPENDED_STATES = frozenset({SUSPENDED_EV, SUSPENDED_EVSE})
CHARGING_STATES = SUSPENDED_STATES | {CHARGING}
"""The charging states, equal words in OCPP 1.6's connector status and 2.x's chargingState, that prove a transaction goes on."""

ACCEPTED = "Accepted"


FundsObjection = Callable[[ReadTx, int], str]
"""``objection(tx, driver_id)``: why a driver lacks the means to charge, ``""`` where they do not. Asked in the very write that lets
them start."""


@attrs.frozen(slots=True, kw_only=True)
class TransactionPolicy:
    """What a verb needs to know beyond the report: what the plugins said about its token, and the operator's settings.

    A token may run ``max_per_token`` transactions at a time unless it says otherwise; 0 is no limit.
    """

    token: TokenVerdict | None = None
    objection: FundsObjection | None = None
    reconciliation_deadline_s: int = 300
    pending_start_s: int = 120
    max_per_token: int = 1


DEFAULT_POLICY = TransactionPolicy()


class Settings(Protocol):
    """The configuration that transactions need (the section ``[transactions]``)."""

    @property
    def reconciliation_deadline_s(self) -> int:
        """How long the real stop is waited for."""
        ...

    @property
    def pending_start_s(self) -> int:
        """How long a remote start may take to become a transaction."""
        ...

    @property
    def max_per_token(self) -> int:
        """Transactions a token may run at a time."""
        ...


@attrs.frozen(slots=True, kw_only=True)
class Transaction:
    """One charge, from its start (or our asking for it) to its stop. Field names are column names (migrations 0004 and 0006).

    ``received_at`` and ``stop_received_at`` are when we heard of start and stop, by our clock; what the charger's clock said is beside
    them, and in ``started_at_raw`` and ``stopped_at_raw`` where it could not be trusted.
    ``evse`` 0 means that the charger has not said where. ``token_status`` is what the charger was told about the token at the start.
    ``energy_wh`` is known once it has ended; it is never negative.
    """

    id: int = 0
    charger_id: str
    evse: int = 0
    connector: int = 0
    reference: str = ""
    state: str = RUNNING
    token: str = ""
    token_kind: str = ""
    token_id: int | None = None
    driver_id: int | None = None
    token_status: str = ""
    started_at: int | None = None
    started_at_raw: str = ""
    received_at: int | None = None
    meter_start_wh: int | None = None
    stopped_at: int | None = None
    stopped_at_raw: str = ""
    stop_received_at: int | None = None
    meter_stop_wh: int | None = None
    energy_wh: int | None = None
    energy_basis: str = ""
    stop_reason: str = ""
    stop_source: str = ""
    stop_token: str = ""
    last_meter_wh: int | None = None
    last_meter_at: int | None = None
    charging_state: str = ""
    start_seq_no: int | None = None
    last_seq_no: int | None = None
    last_event_at: int | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    offline: bool = attrs.field(default=False, converter=bool)
    doubted_at: int | None = None
    deadline_at: int | None = None
    note: str = ""
    created_at: int = 0
    updated_at: int = 0
    closed_at: int | None = None

    @property
    def place(self) -> Place:
        """Where it happens."""
        return Place(self.evse, self.connector)

    @property
    def open(self) -> bool:
        """Whether it may still draw energy, as far as we know."""
        return self.state not in CLOSED_STATES

    @property
    def started(self) -> bool:
        """Whether the charger told us of it; False for what is only a remote start so far."""
        return self.started_at is not None

    @property
    def refused(self) -> bool:
        """Whether the charger was told that its token may not charge."""
        return self.token_status not in ("", ACCEPTED)

    @property
    def live_state(self) -> str:
        """The state that its charging state speaks for while nothing else is pending."""
        return SUSPENDED if self.charging_state in SUSPENDED_STATES else RUNNING

    @property
    def last_known_at(self) -> int:
        """The last instant at which it is known to have been going on."""
        return max(at for at in (self.started_at, self.last_meter_at, self.last_event_at, 0) if at is not None)


@attrs.frozen(slots=True, kw_only=True)
class StoredReading:
    """A meter reading as stored. ``samples`` is JSON: an array of objects with exact decimals as strings and signed data verbatim.

    ``guessed`` says how sure it is whose it is: ``NAMED``, ``BY_STOP`` or ``BY_PLACE``.
    """

    id: int
    place: Place
    transaction_id: int | None
    guessed: int
    sampled_at: int
    sampled_at_raw: str
    received_at: int
    energy_wh: int | None
    power_w: float | None
    soc_percent: float | None
    samples: str


@attrs.frozen(slots=True, kw_only=True)
class Quarantined:
    """A transaction message that could not be matched or read; ``report`` is JSON. ``times`` counts its repeats.

    A stop that became part of a transaction after all has its ``transaction_id``; ``guessed`` says that nobody but its token, time and
    meter value said so.
    """

    id: int
    charger_id: str
    kind: str
    problem: str
    heard_transaction: str
    report: str
    received_at: int
    last_received_at: int
    times: int
    resolved_at: int | None
    note: str
    transaction_id: int | None
    guessed: bool
