"""The events that tell of transactions."""

from __future__ import annotations

import attrs

from csms.core.events import ChargerEvent, Event, event
from csms.core.ids import charger_key
from csms.core.nouns import noun
from csms.core.reports import Reading


@attrs.frozen(slots=True, kw_only=True)
class AboutTransaction(ChargerEvent):
    """What every event about a transaction says. ``token_status`` is what the charger was told about the token."""

    transaction_id: int
    evse: int
    connector: int
    reference: str
    state: str
    token: str
    token_status: str
    driver_id: int | None


@event
@attrs.frozen(slots=True, kw_only=True)
class TransactionStarted(AboutTransaction):
    """A transaction began, be its token accepted or refused. Told once per transaction."""

    type = "transaction_started"

    started_at: int
    meter_start_wh: int | None
    remote_start_id: int | None
    reservation_id: int | None
    offline: bool


@event
@attrs.frozen(slots=True, kw_only=True)
class TransactionUpdated(AboutTransaction):
    """The state, the charging state or the token of a transaction changed, or a remote start came to nothing (see ``note``)."""

    type = "transaction_updated"

    previous_state: str
    charging_state: str
    note: str


@attrs.frozen(slots=True, kw_only=True)
class Ending(AboutTransaction):
    """What is known of a transaction that ended. ``energy_wh`` is None when ``energy_basis`` is ``unknown``."""

    started_at: int
    stopped_at: int
    meter_start_wh: int | None
    meter_stop_wh: int | None
    energy_wh: int | None
    energy_basis: str
    stop_reason: str
    stop_source: str


@event
@attrs.frozen(slots=True, kw_only=True)
class TransactionEnded(Ending):
    """A transaction ended. ``stop_source`` says who says so; anything but ``reported`` may be corrected later."""

    type = "transaction_ended"


@event
@attrs.frozen(slots=True, kw_only=True)
class TransactionCorrected(Ending):
    """What ``transaction_ended`` said was not the last word: the charger's own stop, or older messages, arrived after it."""

    type = "transaction_corrected"

    previous_energy_wh: int | None
    previous_stop_source: str


@event
@attrs.frozen(slots=True, kw_only=True)
class TransactionRemeasured(AboutTransaction):
    """More became known of the course of a transaction that had ended: late readings of its meter, or when it charged and when it idled. What
    its end said holds, else ``transaction_corrected`` is told; when its energy was taken may be otherwise. Told once per message."""

    type = "transaction_remeasured"

    started_at: int
    stopped_at: int


@event
@noun(kw_only=True)
class MeterValues(Event):
    """A charger told what it measured. Volatile: the readings themselves are stored."""

    type = "meter_values"
    durable = False

    charger_id: str
    evse: int
    connector: int
    transaction_id: int | None
    readings: tuple[Reading, ...]

    @property
    def key(self) -> str:
        """Ordered with everything else of the charger."""
        return charger_key(self.charger_id)
