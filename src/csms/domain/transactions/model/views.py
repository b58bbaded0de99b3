"""Transactions as the management API asks for them and shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import validators

from csms.core.paging import LARGEST_LIMIT, USUAL_LIMIT, Following, Onward, either_way, filter_by, one_of

from .transaction import ESTIMATED, OPERATOR, REPORTED, STATES


@attrs.frozen(slots=True, kw_only=True)
class TransactionFilter:
    """Which transactions somebody wants. Their time is when they began, or were asked for."""

    state: str | None = one_of(*STATES, help="exactly this state")
    open: bool | None = filter_by("true: may still draw energy; false: over")
    charger_id: str | None = filter_by("at this charger")
    station_id: int | None = filter_by("at a charger that stood at this station")
    driver_id: int | None = filter_by("of this driver")
    token: str | None = filter_by("with this token, in any case")
    stop_reason: str | None = filter_by("why it stopped, such as EVDisconnected")
    stop_source: str | None = one_of(REPORTED, ESTIMATED, OPERATOR, help="who says that it stopped")
    from_at: int | None = filter_by("began then or later")
    to_at: int | None = filter_by("began before")
    search: str | None = attrs.field(
        default=None,
        validator=validators.optional(validators.max_len(200)),
        metadata={"help": "free text: charger, driver or token; or exactly a number or the charger's own id of a transaction"},
    )


@attrs.frozen(slots=True, kw_only=True)
class TransactionsQuery(TransactionFilter):
    """Which stretch of the transactions somebody wants."""

    limit: int = attrs.field(
        default=USUAL_LIMIT, validator=[validators.ge(1), validators.le(LARGEST_LIMIT)], metadata={"help": "items at a time"}
    )
    after: str | None = attrs.field(
        default=None,
        validator=validators.optional(validators.max_len(200)),
        metadata={"help": "the cursor `next` of the answer before; not given, the beginning"},
    )
    sort: str = either_way()


@attrs.frozen(slots=True, kw_only=True)
class TransactionItem:
    """A transaction as lists show it.

    ``energy_wh`` is known once it has ended (``energy_basis`` says how), ``energy_so_far_wh`` while it runs. ``token_status`` is what the
    charger was told of the token. What a charger said of the time is in ``..._raw`` where its clock could not be trusted.
    """

    id: int
    charger_id: str
    station_id: int | None
    station_name: str | None
    evse: int
    connector: int
    reference: str
    state: str
    charging_state: str
    token: str
    token_kind: str
    token_id: int | None
    token_status: str
    driver_id: int | None
    driver_name: str | None
    started_at: int | None
    stopped_at: int | None
    duration_s: int | None
    meter_start_wh: int | None
    meter_stop_wh: int | None
    energy_wh: int | None
    energy_so_far_wh: int | None
    energy_basis: str
    stop_reason: str
    stop_source: str
    last_meter_wh: int | None
    last_meter_at: int | None
    reservation_id: int | None
    remote_start_id: int | None
    offline: bool
    note: str
    started_at_raw: str
    stopped_at_raw: str
    deadline_at: int | None
    created_at: int
    updated_at: int
    closed_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class RunningCost:
    """What a transaction costs so far, as who prices it says. ``priced_until_at`` is up to when that is."""

    amount_minor: int
    currency: str = attrs.field(validator=validators.matches_re(r"[A-Z]{3}"))
    priced_until_at: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class CostSoFar:
    """What a transaction costs so far; ``cost`` is null where nobody prices it."""

    transaction_id: int
    cost: RunningCost | None


@attrs.frozen(slots=True, kw_only=True)
class LateStop:
    """A stop that the charger reported after the one that counts."""

    received_at: int
    stopped_at: int
    stopped_at_raw: str
    meter_stop_wh: int | None
    stop_reason: str


@attrs.frozen(slots=True, kw_only=True)
class TransactionDetail(TransactionItem):
    """A transaction with what belongs to it. ``power_w`` and ``soc_percent`` are the latest that were measured, at ``measured_at``.

    ``found_stop_id`` is the quarantined message that was found to be its stop.
    """

    power_w: float | None
    soc_percent: float | None
    measured_at: int | None
    late_stops: Sequence[LateStop]
    found_stop_id: int | None


@attrs.frozen(slots=True, kw_only=True)
class TransactionTotals:
    """What the transactions of a filter come to. Energy and time are those of the ended ones; ``energy_unknown`` ended without.

    Not ``complete``: there are more than are summed up at a time, and these are the newest of them. Analytics sum up whole years.
    """

    count: int
    open: int
    completed: int
    energy_wh: int
    energy_unknown: int
    duration_s: int
    complete: bool


@attrs.frozen(slots=True, kw_only=True)
class ReadingsQuery(Onward):
    """Which readings somebody wants."""

    from_at: int | None = filter_by("taken then or later")
    to_at: int | None = filter_by("taken before")


@attrs.frozen(slots=True, kw_only=True)
class SampleItem:
    """One value as the charger said it, exact, in OCPP's words; ``signed`` is signed data verbatim."""

    measurand: str
    value: str
    unit: str
    phase: str = ""
    location: str = "Outlet"
    context: str = "Sample.Periodic"
    signed: str = ""


@attrs.frozen(slots=True, kw_only=True)
class ReadingItem:
    """What was measured at one moment. ``attributed`` is how we know whose it is: ``named``, ``by_stop``, or ``by_place`` and time."""

    id: int
    evse: int
    connector: int
    sampled_at: int
    sampled_at_raw: str
    received_at: int
    attributed: str
    energy_wh: int | None
    power_w: float | None
    soc_percent: float | None
    samples: Sequence[SampleItem]


MEASURANDS: Mapping[str, str] = {
    "energy": "Wh",
    "power": "W",
    "soc": "%",
    "current": "A",
    "voltage": "V",
    "temperature": "°C",
}
"""What a chart can show, and its unit."""


@attrs.frozen(slots=True, kw_only=True)
class SeriesQuery:
    """What a chart is to show."""

    measurand: str = attrs.field(
        default="power", validator=validators.in_(tuple(MEASURANDS)), metadata={"help": "energy is since the start"}
    )
    points: int = attrs.field(
        default=200, validator=[validators.ge(3), validators.le(1000)], metadata={"help": "at most so many points in a line"}
    )


@attrs.frozen(slots=True, kw_only=True)
class SeriesPoint:
    """One point of a line."""

    at: int
    value: float


@attrs.frozen(slots=True, kw_only=True)
class SeriesLine:
    """One line of a chart: a phase (``L1`` ...) or, ``phase`` empty, the outlet."""

    phase: str
    points: Sequence[SeriesPoint]


@attrs.frozen(slots=True, kw_only=True)
class Series:
    """A chart. ``thinned``: there were too many readings to look at each, so the lines are made of some, evenly spread over time."""

    transaction_id: int
    measurand: str
    unit: str
    thinned: bool
    lines: Sequence[SeriesLine]


# --- what operators do ----------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class EndNow:
    """The body that ends a transaction by an operator's word. Without a meter value the last known counts."""

    reason: str = attrs.field(
        validator=[validators.min_len(3), validators.max_len(500)],
        metadata={"help": "why, for whoever asks later; its driver sees it"},
    )
    meter_stop_wh: int | None = attrs.field(default=None, validator=validators.optional(validators.ge(0)))
    stopped_at: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class CommandTold:
    """What the charger said to a remote start or stop, and the transaction as it is now.

    ``outcome`` is ``Answered`` (``status`` is the charger's word), or why there is no answer. ``accepted`` null: nobody knows.
    """

    outcome: str
    status: str
    accepted: bool | None
    transaction: TransactionItem


@attrs.frozen(slots=True, kw_only=True)
class QuarantineQuery(Following):
    """Which quarantined messages somebody wants."""

    resolved: bool | None = filter_by("true: dealt with; false: waiting for somebody")
    kind: str | None = one_of("stop", "meter", "mangled", help="stop, meter or mangled")
    charger_id: str | None = filter_by("of this charger")


@attrs.frozen(slots=True, kw_only=True)
class QuarantineItem:
    """A transaction message that fitted nothing. ``times`` counts its repeats; ``guessed``: only token, time and meter say whose it is."""

    id: int
    charger_id: str
    kind: str
    problem: str
    heard_transaction: str
    message: Mapping[str, Any]
    received_at: int
    last_received_at: int
    times: int
    resolved_at: int | None
    note: str
    transaction_id: int | None
    guessed: bool


@attrs.frozen(slots=True, kw_only=True)
class QuarantineDetail(QuarantineItem):
    """A quarantined message and, where it is a stop, the transactions that it may be the stop of, the likeliest first."""

    candidates: Sequence[TransactionItem]


@attrs.frozen(slots=True, kw_only=True)
class AttachStop:
    """The body that gives a quarantined stop to a transaction."""

    transaction_id: int
    note: str = attrs.field(default="", validator=validators.max_len(500))


@attrs.frozen(slots=True, kw_only=True)
class Resolution:
    """The body that marks a quarantined message as dealt with."""

    note: str = attrs.field(default="", validator=validators.max_len(500))


@attrs.frozen(slots=True, kw_only=True)
class TokenShown:
    """The body that asks what a token would get at a charger, and at an EVSE of it or at any."""

    token: str = attrs.field(validator=[validators.min_len(1), validators.max_len(255)])
    kind: str = attrs.field(default="", validator=validators.max_len(50))
    charger_id: str = attrs.field(validator=[validators.min_len(1), validators.max_len(255)])
    evse: int | None = attrs.field(default=None, validator=validators.optional([validators.ge(1), validators.le(999)]))


@attrs.frozen(slots=True, kw_only=True)
class TokenAnswer:
    """What a charger would be told of a token: to Authorize (``status``), and to a start (``start_status``), and why.

    A start may be refused although the token is accepted: where it runs as many transactions as it may, or the place is reserved.
    """

    status: str
    reason: str
    start_status: str
    start_reason: str
    token_id: int | None
    driver_id: int | None
    parent: str
    expires_at: int | None
    running: int
    max_running: int | None
