"""What an OCPP version must be able to say; the charger's body knows no version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from simulators import frames
from simulators.frames import Payload

from .connector import Connector, Tag, Transaction
from .link import Reply
from .local_list import Known
from .meter import Sample
from .outbox import Parcel

if TYPE_CHECKING:
    from .charger import Charger

Words = tuple[str, Payload]
"""An action and its payload."""


@attrs.frozen(slots=True)
class Registered:
    """What BootNotification was answered."""

    status: str
    interval_s: float
    now: str


class Tongue(Protocol):
    """One OCPP version. Methods without a result queue what they say in the charger's outbox."""

    version: str
    subprotocol: str
    hexadecimal_keys: bool
    """Whether the server writes a new password as hexadecimal digits (1.6 AuthorizationKey)."""
    speaks_of_whole: bool
    """Whether the charger as a whole has a status (1.6: connector 0)."""

    def boot(self, charger: Charger, reason: str) -> Words:
        """BootNotification; ``reason`` is a 2.x boot reason."""
        ...

    def registered(self, answer: Payload) -> Registered:
        """The answer to it."""
        ...

    def status_word(self, status: str) -> str:
        """The version's word for a 1.6 status."""
        ...

    def status(self, charger: Charger, number: int, status: str, error_code: str) -> Words:
        """StatusNotification of a connector, or of the charger (0)."""
        ...

    def authorize(self, tag: Tag) -> Words:
        """Authorize."""
        ...

    def verdict(self, answer: Payload) -> str:
        """The authorization status in an answer, ``""`` where it has none."""
        ...

    def standing(self, answer: Payload) -> Known | None:
        """All that an answer says about a token, for the cache."""
        ...

    def firmware_status(self, status: str, request_id: int | None, *, signed: bool) -> Words:
        """How far a firmware update is; ``signed`` where 1.6 has another message for it."""
        ...

    def log_status(self, status: str, request_id: int | None, *, of_get_log: bool | None = None) -> Words:
        """How far an upload is; ``of_get_log`` where 1.6 has another message for it (None: by whether there is an id)."""
        ...

    def security_event(self, kind: str, at: str, info: str) -> Words:
        """SecurityEventNotification."""
        ...

    def data(self, vendor: str, message: str, data: str) -> Words:
        """DataTransfer."""
        ...

    def reading(self, charger: Charger, connector: Connector, samples: list[Sample], context: str) -> None:
        """Tell a reading that belongs to the clock or was asked for, not to the interval of a transaction."""
        ...

    def starts_at_plug(self, charger: Charger) -> bool:
        """Whether a transaction opens when the cable is plugged in, and then also ends when it is unplugged."""
        ...

    def started(self, charger: Charger, connector: Connector, transaction: Transaction, trigger: str) -> None:
        """A transaction opened."""
        ...

    def authorized(self, charger: Charger, connector: Connector, transaction: Transaction, trigger: str) -> None:
        """A token was accepted for a transaction that was open before."""
        ...

    def state_changed(self, charger: Charger, connector: Connector, transaction: Transaction) -> None:
        """Power began or ceased to flow."""
        ...

    def metered(self, charger: Charger, connector: Connector, transaction: Transaction, samples: list[Sample]) -> None:
        """The periodic reading of a transaction."""
        ...

    def stopped(self, charger: Charger, connector: Connector, transaction: Transaction, reason: str, trigger: str) -> None:
        """Energy stopped for good; the transaction ends at unplugging."""
        ...

    def ended(
        self, charger: Charger, connector: Connector, transaction: Transaction, reason: str, trigger: str, tag: Tag | None
    ) -> None:
        """A transaction ended."""
        ...

    def completed(self, charger: Charger, parcel: Parcel) -> Payload:
        """A message's payload as it leaves, now that everything before it was answered."""
        ...

    def obey(self, charger: Charger, call: frames.Call) -> Reply:
        """Answer the server's CALL."""
        ...
