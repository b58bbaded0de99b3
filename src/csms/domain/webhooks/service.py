"""Verbs on webhooks."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.events import EVENT_TYPES
from csms.core.ports import ReadTx, Tx
from csms.core.units import doubled
from csms.domain.stations import store as stations

from . import deliveries, store
from .model import (
    ACTIVE,
    DELIVERED,
    FAILED,
    PAUSED,
    WAITING,
    Attempt,
    Choice,
    Delivery,
    NewWebhook,
    Webhook,
    WebhookBody,
    WebhookChange,
    WebhookPaused,
    WebhookResumed,
    webhook_key,
)
from .signing import check_url, receiver


@attrs.frozen(slots=True, kw_only=True)
class Rules:
    """How deliveries are tried; from ``[webhooks]``."""

    allow_http: bool = False
    allowed_networks: tuple[str, ...] = ()
    timeout_s: float = 10.0
    parallel: int = 32
    parallel_each: int = 4
    first_retry_s: float = 5.0
    longest_retry_s: float = 3600.0
    max_attempts: int = 12
    pause_after: int = 20
    most: int = 50


REST_AFTER = 3
"""Failures in a row after which a receiver is taken to be down: it is left alone for a while, then tried with one delivery."""


def need_webhook(tx: ReadTx, webhook_id: int) -> Webhook:
    """A subscription of the tenant. Raises ``NotFound``."""
    known = store.webhook(tx, webhook_id)
    if known is None:
        raise NotFound(f"there is no webhook {webhook_id}")
    return known


def need_delivery(tx: ReadTx, webhook_id: int, delivery_id: int) -> Delivery:
    """A delivery of a subscription. Raises ``NotFound``."""
    need_webhook(tx, webhook_id)
    known = deliveries.delivery(tx, webhook_id, delivery_id)
    if known is None:
        raise NotFound(f"webhook {webhook_id} has no delivery {delivery_id}")
    return known


# --- what people do -------------------------------------------------------------------------------------------------------------


def add(tx: Tx, body: WebhookBody, secret: str, sealed: str, rules: Rules) -> NewWebhook:
    """Subscribe. Raises ``Invalid``, ``Conflict`` for a name that is taken, ``Refused`` for one too many."""
    tx.claim(f"webhooks:{tx.tenant}")
    check_url(body.url, allow_http=rules.allow_http, allowed_networks=rules.allowed_networks)
    choice = _choice(tx, body.events, body.stations, body.chargers)
    if store.count(tx) >= rules.most:
        raise Refused(f"a tenant has at most {rules.most} webhooks")
    webhook_id = store.insert(tx, name=body.name, url=body.url, choice=choice, sealed=sealed)
    if webhook_id is None:
        raise _taken(body.name)
    return NewWebhook(webhook=need_webhook(tx, webhook_id), secret=secret)


def change(tx: Tx, webhook_id: int, body: WebhookChange, rules: Rules) -> Webhook:
    """Change what is given. Raises ``NotFound``, ``Invalid``, ``Conflict``."""
    tx.claim(f"webhooks:{tx.tenant}", webhook_key(webhook_id))
    known = need_webhook(tx, webhook_id)
    said: dict[str, Any] = {name: value for name, value in attrs.asdict(body).items() if value is not None}
    new = attrs.evolve(known, **said)
    if new.url != known.url:
        check_url(new.url, allow_http=rules.allow_http, allowed_networks=rules.allowed_networks)
    if store.has_other_named(tx, webhook_id, new.name):
        raise _taken(new.name)
    store.update(tx, webhook_id, name=new.name, url=new.url, choice=_choice(tx, new.events, new.stations, new.chargers))
    return need_webhook(tx, webhook_id)


def _taken(name: str) -> Conflict:
    return Conflict(f"there is a webhook called {name!r} already")


def _choice(tx: ReadTx, events: tuple[str, ...], at: tuple[int, ...], chargers: tuple[str, ...]) -> Choice:
    """A choice of things that there are, types of events that enabled plugins bring among them. Raises ``Invalid``."""
    if any(not pattern.replace("*", "").replace("_", "a").isalnum() and pattern != "*" for pattern in events):
        raise Invalid("events: expected types such as transaction_ended, or patterns such as transaction_*", field="events")
    if unmet := [pattern for pattern in events if not any(fnmatchcase(known, pattern) for known in EVENT_TYPES)]:
        raise Invalid(f"events: no event is called {unmet[0]}; there are {', '.join(sorted(EVENT_TYPES))}", field="events")
    if missing := [each for each in at if stations.station(tx, each) is None]:
        raise Invalid(f"stations: there is no station {missing[0]}", field="stations")
    if unknown := [each for each in chargers if stations.charger(tx, each) is None]:
        raise Invalid(f"chargers: there is no charger {unknown[0]!r}", field="chargers")
    return Choice(events=events, stations=frozenset(at), chargers=frozenset(chargers))


def rotate(tx: Tx, webhook_id: int, secret: str, sealed: str, overlap_s: int) -> NewWebhook:
    """Sign with another secret from now on, for ``overlap_s`` with the one before as well. Raises ``NotFound``."""
    tx.claim(webhook_key(webhook_id))
    need_webhook(tx, webhook_id)
    store.change_secret(tx, webhook_id, sealed=sealed, previous_until=tx.now + overlap_s * 1000 if overlap_s else None)
    return NewWebhook(webhook=need_webhook(tx, webhook_id), secret=secret)


def pause(tx: Tx, webhook_id: int, reason: str = "") -> Webhook:
    """Send nothing more until it is resumed; what waits, waits. Raises ``NotFound``, or ``Refused`` when it is paused already."""
    tx.claim(webhook_key(webhook_id))
    known = need_webhook(tx, webhook_id)
    if known.state == PAUSED:
        raise Refused(f"webhook {webhook_id} is paused already")
    _pause(tx, known, reason, by_itself=False)
    return need_webhook(tx, webhook_id)


def _pause(tx: Tx, known: Webhook, reason: str, *, by_itself: bool) -> None:
    store.pause(tx, known.id, reason)
    tx.emit(
        WebhookPaused(
            webhook_id=known.id,
            name=known.name,
            receiver=receiver(known.url),
            by_itself=by_itself,
            failures=known.failures,
            reason=reason,
        )
    )


def resume(tx: Tx, webhook_id: int) -> Webhook:
    """Send again: what waits, and what happens from now on. Raises ``NotFound``, or ``Refused`` when it is not paused."""
    tx.claim(webhook_key(webhook_id))
    known = need_webhook(tx, webhook_id)
    if known.state == ACTIVE:
        raise Refused(f"webhook {webhook_id} is not paused")
    store.resume(tx, webhook_id)
    tx.emit(WebhookResumed(webhook_id=known.id, name=known.name, receiver=receiver(known.url)))
    return need_webhook(tx, webhook_id)


def remove(tx: Tx, webhook_id: int) -> None:
    """End a subscription. Raises ``NotFound``."""
    tx.claim(webhook_key(webhook_id))
    need_webhook(tx, webhook_id)
    store.remove(tx, webhook_id)


def redeliver(tx: Tx, webhook_id: int, delivery_id: int) -> Delivery:
    """Send one delivery once more. Raises ``NotFound``, or ``Refused`` for one that waits, or that was a test."""
    tx.claim(webhook_key(webhook_id))
    known = need_delivery(tx, webhook_id, delivery_id)
    if known.event_id is None:
        raise Refused("a test is not sent again; send another")
    if known.state == WAITING:
        raise Refused(f"delivery {delivery_id} waits to be sent already")
    deliveries.again(tx, delivery_id)
    return need_delivery(tx, webhook_id, delivery_id)


def redeliver_failed(tx: Tx, webhook_id: int, since_at: int) -> int:
    """Send once more whatever failed since then; how many. Raises ``NotFound``."""
    tx.claim(webhook_key(webhook_id))
    need_webhook(tx, webhook_id)
    return deliveries.failed_again(tx, webhook_id, since_at)


def add_missed(tx: Tx, webhook_id: int, rows: list[dict[str, Any]]) -> None:
    """Send stored events that were not delivered; ``rows`` as in ``deliveries.add``."""
    tx.claim(webhook_key(webhook_id))
    deliveries.add_again(tx, [{"webhook_id": webhook_id, "due_at": tx.now, **row} for row in rows])


def keep_test(tx: Tx, webhook_id: int, event_type: str, attempt: Attempt) -> Delivery:
    """Keep what came of a test. Raises ``NotFound``."""
    need_webhook(tx, webhook_id)
    return need_delivery(tx, webhook_id, deliveries.insert_test(tx, webhook_id, event_type, attempt))


# --- what happens ---------------------------------------------------------------------------------------------------------------


def hear(tx: Tx, event_id: int, event_type: str, event_key: str, charger_id: str) -> int:
    """Have an event delivered to every subscription that wants it; how many. Twice the same event is once."""
    tx.claim(f"webhook-event:{event_id}")
    found = {each: choice for each, choice in store.choices(tx).items() if choice.wants_type(event_type)}
    station_id = None
    if charger_id and any(choice.stations for choice in found.values()):
        charger = stations.charger(tx, charger_id)
        station_id = None if charger is None else charger.station_id
    wanted = [each for each, choice in found.items() if choice.wants(event_type, charger_id, station_id)]
    deliveries.add(tx, wanted, event_id=event_id, event_type=event_type, event_key=event_key, charger_id=charger_id)
    return len(wanted)


def settle(tx: Tx, webhook_id: int, delivery_id: int, attempts: int, attempt: Attempt, rules: Rules, spread: float) -> bool:
    """Keep what came of an attempt, the ``attempts``-th; whether more may be sent now.

    ``spread`` is the jitter, about 1. A receiver that fails again and again rests, longer each time, and is paused in the end.
    """
    tx.claim(webhook_key(webhook_id))
    known = store.health(tx, webhook_id)
    if known is None:
        return False
    state, before = known
    if attempt.ok:
        deliveries.save(tx, delivery_id, attempt, state=DELIVERED, due_at=0)
        store.save_health(tx, webhook_id, store.Health(0, None, 0, ""), delivered=True)
        return state == ACTIVE
    first_ms, longest_ms = round(rules.first_retry_s * 1000), round(rules.longest_retry_s * 1000)
    asked_ms = min((attempt.retry_after_s or 0) * 1000, longest_ms)
    wait_ms = max(round(doubled(first_ms, attempts - 1, longest_ms) * spread), asked_ms)
    given_up = attempts >= rules.max_attempts
    deliveries.save(tx, delivery_id, attempt, state=FAILED if given_up else WAITING, due_at=tx.now + wait_ms)
    failures = before.failures + 1
    rest_ms = asked_ms
    if failures >= REST_AFTER:
        rest_ms = max(rest_ms, round(doubled(first_ms, failures - REST_AFTER, longest_ms) * spread))
    rest_until = max(before.rest_until, tx.now + rest_ms) if rest_ms else before.rest_until
    health = store.Health(failures, before.failing_since_at or tx.now, rest_until, attempt.error)
    store.save_health(tx, webhook_id, health, delivered=False)
    if state == ACTIVE and (attempt.gone or failures >= rules.pause_after):
        why = (
            "it said that it is gone"
            if attempt.gone
            else f"{failures} attempts in a row failed, the last one with: {attempt.error}"
        )
        _pause(tx, need_webhook(tx, webhook_id), why, by_itself=True)
        return False
    return state == ACTIVE and rest_until <= tx.now
