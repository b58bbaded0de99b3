"""Nouns and events of the webhooks slice."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, ClassVar

import attrs
from attrs import validators

from csms.core.events import Event, event
from csms.core.paging import Following, Paged, filter_by, one_of, sorts

ACTIVE, PAUSED = "active", "paused"
WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"
TEST_TYPE = "webhook_test"
"""The type of what a test sends; it is no event."""

MOST_CHOSEN = 200
LONGEST_NAME, LONGEST_URL, LONGEST_ID = 200, 2000, 255
LONGEST_OVERLAP_S = 30 * 86_400


def webhook_key(webhook_id: int) -> str:
    """The write key of one subscription."""
    return f"webhook:{webhook_id}"


@attrs.frozen(slots=True, kw_only=True)
class Choice:
    """Which events go to a subscription. ``events`` are types or patterns such as ``transaction_*``.

    With ``stations`` or ``chargers`` only events about one of these chargers, or about a charger at one of these stations.
    """

    events: tuple[str, ...] = ("*",)
    stations: frozenset[int] = frozenset()
    chargers: frozenset[str] = frozenset()

    def wants_type(self, event_type: str) -> bool:
        """Whether events of a type can be meant."""
        return any(fnmatchcase(event_type, pattern) for pattern in self.events)

    def wants(self, event_type: str, charger_id: str, station_id: int | None) -> bool:
        """Whether an event is meant."""
        if not self.wants_type(event_type):
            return False
        return not (self.stations or self.chargers) or charger_id in self.chargers or station_id in self.stations


@attrs.frozen(slots=True, kw_only=True)
class Webhook:
    """A subscription. ``failures`` counts failed attempts in a row; after some of them nothing is sent before ``resting_until_at``."""

    id: int
    name: str
    url: str
    events: tuple[str, ...]
    stations: tuple[int, ...]
    chargers: tuple[str, ...]
    state: str
    paused_at: int | None
    pause_reason: str
    failures: int
    failing_since_at: int | None
    resting_until_at: int | None
    last_error: str
    delivered_at: int | None
    previous_secret_until_at: int | None
    created_at: int
    changed_at: int

    @property
    def choice(self) -> Choice:
        """Which events it is for."""
        return Choice(events=self.events, stations=frozenset(self.stations), chargers=frozenset(self.chargers))


@attrs.frozen(slots=True, kw_only=True)
class NewWebhook:
    """A subscription that was just made, or whose secret was just changed: the secret is shown this once."""

    webhook: Webhook
    secret: str = attrs.field(repr=False)


@attrs.frozen(slots=True, kw_only=True)
class Addressee:
    """A subscription as the sender needs it; the secrets are sealed."""

    id: int
    tenant: int
    url: str
    state: str
    failures: int
    secret: str = attrs.field(repr=False)
    previous_secret: str = attrs.field(repr=False)
    previous_until: int | None


@attrs.frozen(slots=True, kw_only=True)
class Delivery:
    """What became of one event for one subscription; status, error, answer and time are those of the last attempt.

    ``event_id`` is None for a test. ``answer`` is the beginning of what the receiver said.
    """

    id: int
    webhook_id: int
    event_id: int | None
    event_type: str
    charger_id: str
    state: str
    attempts: int
    status: int | None
    error: str
    answer: str
    took_ms: int | None
    due_at: int | None
    attempted_at: int | None
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class DeliveryDetail:
    """A delivery with the beginning of what is sent; empty once the event is not kept any more."""

    delivery: Delivery
    message_id: str
    request: str


@attrs.frozen(slots=True, kw_only=True)
class Parcel:
    """A delivery that is due, with its event; ``payload`` None when that is gone."""

    id: int
    webhook_id: int
    event_id: int
    event_type: str
    event_key: str
    attempts: int
    at: int | None
    payload: str | None


@attrs.frozen(slots=True, kw_only=True)
class Attempt:
    """What came of posting once. ``retry_after_s``: what the receiver asked for; ``gone``: it said that it will never take more."""

    status: int | None
    error: str
    answer: str
    took_ms: int
    retry_after_s: int | None = None
    gone: bool = False

    @property
    def ok(self) -> bool:
        """Whether the receiver took it."""
        return not self.error


# --- what people say ------------------------------------------------------------------------------------------------------------


def _each(limit: int) -> Any:
    return validators.deep_iterable(
        validators.and_(validators.min_len(1), validators.max_len(limit)), validators.max_len(MOST_CHOSEN)
    )


@attrs.frozen(slots=True, kw_only=True)
class WebhookBody:
    """A subscription to make."""

    name: str = attrs.field(validator=[validators.min_len(1), validators.max_len(LONGEST_NAME)])
    url: str = attrs.field(validator=[validators.min_len(1), validators.max_len(LONGEST_URL)])
    events: tuple[str, ...] = attrs.field(
        default=("*",),
        validator=[validators.min_len(1), _each(100)],
        metadata={"help": "types of events, or patterns such as transaction_*"},
    )
    stations: tuple[int, ...] = attrs.field(default=(), validator=validators.max_len(MOST_CHOSEN))
    chargers: tuple[str, ...] = attrs.field(default=(), validator=_each(LONGEST_ID))


@attrs.frozen(slots=True, kw_only=True)
class WebhookChange:
    """What is to be other about a subscription; what is not given stays as it is."""

    name: str | None = attrs.field(
        default=None, validator=validators.optional([validators.min_len(1), validators.max_len(LONGEST_NAME)])
    )
    url: str | None = attrs.field(
        default=None, validator=validators.optional([validators.min_len(1), validators.max_len(LONGEST_URL)])
    )
    events: tuple[str, ...] | None = attrs.field(default=None, validator=validators.optional([validators.min_len(1), _each(100)]))
    stations: tuple[int, ...] | None = attrs.field(default=None, validator=validators.optional(validators.max_len(MOST_CHOSEN)))
    chargers: tuple[str, ...] | None = attrs.field(default=None, validator=validators.optional(_each(LONGEST_ID)))


@attrs.frozen(slots=True, kw_only=True)
class RotationBody:
    """How long the secret before signs as well, so that a receiver can change over without missing anything."""

    overlap_s: int = attrs.field(default=86_400, validator=[validators.ge(0), validators.le(LONGEST_OVERLAP_S)])


@attrs.frozen(slots=True, kw_only=True)
class PauseBody:
    """Why nothing is to be sent for now."""

    reason: str = attrs.field(default="", validator=validators.max_len(500))


@attrs.frozen(slots=True, kw_only=True)
class RedeliverBody:
    """From when on. ``missed``: also the events that happened while it was paused, or before it was there."""

    since_at: int
    missed: bool = True


@attrs.frozen(slots=True, kw_only=True)
class Redelivered:
    """How many deliveries wait again."""

    deliveries: int


@attrs.frozen(slots=True, kw_only=True)
class WebhookQuery(Paged):
    """Which subscriptions somebody wants."""

    sort: str = sorts("name", "created_at", "failures", default="name")
    state: str | None = one_of(ACTIVE, PAUSED)


@attrs.frozen(slots=True, kw_only=True)
class DeliveryQuery(Following):
    """Which deliveries of a subscription somebody wants."""

    state: str | None = one_of(WAITING, DELIVERED, FAILED)
    event_type: str | None = filter_by("the type of event")
    charger_id: str | None = filter_by("the charger that it is about")
    from_at: int | None = filter_by("not before")
    to_at: int | None = filter_by("before")


# --- events ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class AboutWebhook(Event):
    """What events about a subscription say. ``receiver`` is its URL without path and query, which may hold a secret."""

    webhook_id: int
    name: str
    receiver: str

    @property
    def key(self) -> str:
        """Told in order for each subscription."""
        return webhook_key(self.webhook_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class WebhookPaused(AboutWebhook):
    """Nothing is sent to a receiver any more: it failed too often (``by_itself``), or somebody said so."""

    type: ClassVar[str] = "webhook_paused"

    by_itself: bool
    failures: int
    reason: str


@event
@attrs.frozen(slots=True, kw_only=True)
class WebhookResumed(AboutWebhook):
    """Events are sent to a receiver again."""

    type: ClassVar[str] = "webhook_resumed"
