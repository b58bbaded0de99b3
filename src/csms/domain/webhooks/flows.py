"""Posts events to receivers, and finds those that a receiver missed."""

from __future__ import annotations

from typing import Any

import msgspec
import trio

from csms.core.errors import Refused
from csms.core.facts import as_json, public
from csms.core.ids import TenantId
from csms.core.ports import Ports, ReadTx
from csms.core.vault import NoKey

from . import deliveries, service, store
from .model import TEST_TYPE, Addressee, Attempt, Choice, Delivery, Parcel, RedeliverBody, webhook_key
from .service import Rules
from .signing import headers

LONGEST_ERROR, LONGEST_ANSWER = 500, 1000
MOST_RETRY_AFTER_S = 86_400
PAGE = 500
MOST_LOOKED_THROUGH = 200_000
"""Stored events of a tenant that one request looks through."""


def message_id(event_id: int) -> str:
    """The ``webhook-id`` of an event: the same at every attempt, so that a receiver can tell that it has it already."""
    return f"evt_{event_id}"


def message(event_type: str, event_id: int, at: int, payload: str) -> bytes:
    """What is posted of a stored event."""
    return as_json(public(event_type, msgspec.json.decode(payload, type=dict[str, Any]), at=at, event_id=event_id))


async def post(ports: Ports, rules: Rules, to: Addressee, webhook_id: str, body: bytes) -> Attempt:
    """Post one message. Never raises for what the receiver does."""
    started = trio.current_time()
    now = ports.clock.now()
    sealed = [to.secret, to.previous_secret if to.previous_until is not None and to.previous_until > now else ""]
    try:
        secrets = [ports.vault.open(each) for each in sealed if each]
    except NoKey as error:
        return Attempt(status=None, error=str(error), answer="", took_ms=0)
    try:
        answer = await ports.http.request(
            "POST",
            to.url,
            headers=headers(secrets, webhook_id, now // 1000, body),
            body=body,
            timeout_s=rules.timeout_s,
            public_only=True,
        )
    except OSError as error:
        return Attempt(status=None, error=(str(error) or type(error).__name__)[:LONGEST_ERROR], answer="", took_ms=_ms(started))
    problem = ""
    if 300 <= answer.status < 400:
        problem = f"redirects ({answer.status}) are not followed: give the final address"
    elif not 200 <= answer.status < 300:
        problem = f"the answer was {answer.status}"
    text = answer.body.decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return Attempt(
        status=answer.status,
        error=problem,
        answer=text[:LONGEST_ANSWER],
        took_ms=_ms(started),
        retry_after_s=_seconds(answer.headers.get("retry-after", "")) if answer.status in (429, 503) else None,
        gone=answer.status == 410,
    )


def _ms(started: float) -> int:
    return round((trio.current_time() - started) * 1000)


def _seconds(text: str) -> int | None:
    text = text.strip()
    return min(int(text), MOST_RETRY_AFTER_S) if text.isascii() and text.isdigit() and len(text) < 10 else None


async def deliver(ports: Ports, rules: Rules, to: Addressee, parcel: Parcel) -> bool:
    """Post a delivery that is due and keep what came of it; whether more may be sent to this receiver now."""
    attempts = parcel.attempts + 1
    if parcel.payload is None or parcel.at is None:
        attempt = Attempt(status=None, error="the event is not kept any more", answer="", took_ms=0)
        await ports.database.write(_give_up, parcel.id, attempt, tenant=TenantId(to.tenant))
        return True
    body = message(parcel.event_type, parcel.event_id, parcel.at, parcel.payload)
    attempt = await post(ports, rules, to, message_id(parcel.event_id), body)
    spread = ports.random.uniform(0.8, 1.2)
    return await ports.database.write(
        service.settle,
        to.id,
        parcel.id,
        attempts,
        attempt,
        rules,
        spread,
        tenant=TenantId(to.tenant),
        keys=(webhook_key(to.id),),
    )


def _give_up(tx: Any, delivery_id: int, attempt: Attempt) -> None:
    deliveries.save(tx, delivery_id, attempt, state="failed", due_at=0)


async def test(ports: Ports, rules: Rules, tenant: TenantId, webhook_id: int) -> Delivery:
    """Post a message that is no event, also to one that is paused; what came of it counts for nothing else. Raises ``NotFound``."""

    def query(tx: ReadTx) -> Addressee | None:
        service.need_webhook(tx, webhook_id)
        return store.addressee(tx, webhook_id)

    to = await ports.database.read(query, tenant=tenant)
    if to is None:
        raise Refused(f"webhook {webhook_id} was just removed")
    body = as_json(public(TEST_TYPE, {"webhook_id": webhook_id, "message": "a test of csms"}, at=ports.clock.now()))
    attempt = await post(ports, rules, to, f"test_{ports.random.token(9)}", body)
    return await ports.database.write(service.keep_test, webhook_id, TEST_TYPE, attempt, tenant=tenant)


async def redeliver_since(ports: Ports, tenant: TenantId, webhook_id: int, body: RedeliverBody) -> int:
    """Send again what failed since an instant and, if asked for, what was never sent; how many deliveries wait. Raises ``NotFound``."""
    key = webhook_key(webhook_id)
    done = await ports.database.write(service.redeliver_failed, webhook_id, body.since_at, tenant=tenant, keys=(key,))
    if not body.missed:
        return done
    choice, places, after = await ports.database.read(_beginning, webhook_id, body.since_at, tenant=tenant)
    for _ in range(MOST_LOOKED_THROUGH // PAGE):
        missed, after, more = await ports.database.read(_missed, webhook_id, choice, places, body.since_at, after, tenant=tenant)
        if missed:
            await ports.database.write(service.add_missed, webhook_id, missed, tenant=tenant, keys=(key,))
            done += len(missed)
        if not more:
            break
    return done


def _beginning(tx: ReadTx, webhook_id: int, since_at: int) -> tuple[Choice, dict[str, int | None], int]:
    choice = service.need_webhook(tx, webhook_id).choice
    places = store.places(tx) if choice.stations else {}
    return choice, places, deliveries.before_instant(tx, since_at)


def _missed(
    tx: ReadTx, webhook_id: int, choice: Choice, places: dict[str, int | None], since_at: int, after: int
) -> tuple[list[dict[str, Any]], int, bool]:
    rows = deliveries.events_since(tx, webhook_id, since_at, after, PAGE)
    found: list[dict[str, Any]] = []
    for row in rows:
        charger_id = str(msgspec.json.decode(row["payload"]).get("charger_id", ""))
        if not row["known"] and choice.wants(row["type"], charger_id, places.get(charger_id)):
            found.append(
                {"event_id": row["sequence"], "event_type": row["type"], "event_key": row["key"], "charger_id": charger_id}
            )
    return found, rows[-1]["sequence"] if rows else after, len(rows) == PAGE
