"""Webhooks over HTTP."""

from __future__ import annotations

from functools import partial

from csms.api.calls import Call, Subject
from csms.api.routes import Reply, Routes
from csms.core.paging import Page, Stretch
from csms.core.ports import ReadTx

from . import deliveries, flows, service, store
from .model import (
    Delivery,
    DeliveryDetail,
    DeliveryQuery,
    NewWebhook,
    PauseBody,
    RedeliverBody,
    Redelivered,
    RotationBody,
    Webhook,
    WebhookBody,
    WebhookChange,
    WebhookQuery,
    webhook_key,
)
from .postman import Postman
from .signing import SECRET_BYTES, secret_of

SHOWN_CHARS = 4000
REDELIVERY_LIMIT_S = 120.0
EXAMPLE = {"name": "our billing", "url": "https://example.com/csms", "events": ["transaction_*"]}


def _subject(webhook_id: int) -> Subject:
    return Subject("webhook", str(webhook_id), partial(_view, webhook_id=webhook_id))


def _view(tx: ReadTx, webhook_id: int) -> Webhook:
    return service.need_webhook(tx, webhook_id)


def routes(postman: Postman) -> Routes:
    """Routes of this slice."""
    made = Routes("webhooks", "Events sent to URLs of yours, signed, again and again until they are taken.")
    rules = postman.rules

    def fresh_secret(call: Call) -> tuple[str, str]:
        secret = secret_of(call.ports.random.token(SECRET_BYTES))
        return secret, call.ports.vault.seal(secret)

    @made.get("/webhooks", needs="webhooks:read")
    async def list_(call: Call, query: WebhookQuery) -> Page[Webhook]:
        """Webhooks of the tenant."""
        return await call.read(store.webhooks, query)

    @made.post(
        "/webhooks", needs="webhooks:write", status=201, tells=NewWebhook, example=EXAMPLE, errors={409: "the name is taken"}
    )
    async def add(call: Call, body: WebhookBody) -> Reply:
        """Have events sent to a URL.

        The secret in the answer is shown this once; with it a receiver verifies `webhook-signature`. With `stations` or `chargers` only
        events about those are sent. A URL must lead to a public address; this is checked whenever something is sent.
        """
        secret, sealed = fresh_secret(call)
        made_now = await call.write(service.add, body, secret, sealed, rules, keys=(f"webhooks:{call.tenant}",), makes="webhook")
        postman.changed(call.tenant)
        return Reply(body=made_now, status=201, headers={"Location": f"/api/v1/webhooks/{made_now.webhook.id}"})

    @made.get("/webhooks/<int:webhook_id>", needs="webhooks:read")
    async def show(call: Call, webhook_id: int) -> Webhook:
        """One webhook."""
        return await call.read(service.need_webhook, webhook_id)

    @made.patch(
        "/webhooks/<int:webhook_id>",
        needs="webhooks:write",
        errors={409: "the name is taken"},
        example={"name": "Back office", "events": ["transaction_started", "transaction_ended"]},
    )
    async def change(call: Call, webhook_id: int, body: WebhookChange) -> Webhook:
        """Change a webhook; its secret stays."""
        changed = await call.write(
            service.change,
            webhook_id,
            body,
            rules,
            keys=(f"webhooks:{call.tenant}", webhook_key(webhook_id)),
            of=_subject(webhook_id),
        )
        postman.changed(call.tenant)
        return changed

    @made.delete("/webhooks/<int:webhook_id>", needs="webhooks:write")
    async def remove(call: Call, webhook_id: int) -> None:
        """Remove a webhook; nothing more is sent to it."""
        await call.write(service.remove, webhook_id, keys=(webhook_key(webhook_id),), of=_subject(webhook_id))
        postman.changed(call.tenant)

    @made.post("/webhooks/<int:webhook_id>/secret", needs="webhooks:write", example={"overlap_s": 3600})
    async def rotate(call: Call, webhook_id: int, body: RotationBody) -> NewWebhook:
        """Make a new secret, shown this once. Until `overlap_s` is over messages bear two signatures, the old one's as well."""
        secret, sealed = fresh_secret(call)
        return await call.write(
            service.rotate, webhook_id, secret, sealed, body.overlap_s, keys=(webhook_key(webhook_id),), of=_subject(webhook_id)
        )

    @made.post(
        "/webhooks/<int:webhook_id>/pause",
        needs="webhooks:write",
        errors={409: "it is paused already"},
        example={"reason": "the receiver moves house"},
    )
    async def pause(call: Call, webhook_id: int, body: PauseBody) -> Webhook:
        """Send nothing for now. What happens meanwhile is not kept for it; `redeliver` finds it in the event log."""
        paused = await call.write(service.pause, webhook_id, body.reason, keys=(webhook_key(webhook_id),), of=_subject(webhook_id))
        postman.changed(call.tenant)
        return paused

    @made.post("/webhooks/<int:webhook_id>/resume", needs="webhooks:write", errors={409: "it is not paused"})
    async def resume(call: Call, webhook_id: int) -> Webhook:
        """Send again: what waits, and what happens from now on."""
        resumed = await call.write(service.resume, webhook_id, keys=(webhook_key(webhook_id),), of=_subject(webhook_id))
        postman.changed(call.tenant)
        return resumed

    @made.post("/webhooks/<int:webhook_id>/test", needs="webhooks:write", limit_s=None)
    async def test(call: Call, webhook_id: int) -> Delivery:
        """Send a message of the type `webhook_test` now, and say what came of it."""
        tested = await flows.test(call.ports, rules, call.tenant, webhook_id)
        await call.note(Subject("webhook", str(webhook_id)), {"status": tested.status, "error": tested.error})
        return tested

    @made.get("/webhooks/<int:webhook_id>/deliveries", needs="webhooks:read")
    async def deliveries_(call: Call, webhook_id: int, query: DeliveryQuery) -> Stretch[Delivery]:
        """What was sent and what waits, the newest first."""

        def read(tx: ReadTx) -> Stretch[Delivery]:
            service.need_webhook(tx, webhook_id)
            return deliveries.deliveries(tx, webhook_id, query)

        return await call.read(read)

    @made.get("/webhooks/<int:webhook_id>/deliveries/<int:delivery_id>", needs="webhooks:read")
    async def delivery(call: Call, webhook_id: int, delivery_id: int) -> DeliveryDetail:
        """One delivery, with the message itself."""

        def read(tx: ReadTx) -> DeliveryDetail:
            known = service.need_delivery(tx, webhook_id, delivery_id)
            if known.event_id is None:
                return DeliveryDetail(delivery=known, message_id="", request="")
            kept = deliveries.payload(tx, known.event_id)
            text = flows.message(known.event_type, known.event_id, *kept).decode() if kept is not None else ""
            return DeliveryDetail(delivery=known, message_id=flows.message_id(known.event_id), request=text[:SHOWN_CHARS])

        return await call.read(read)

    @made.post(
        "/webhooks/<int:webhook_id>/deliveries/<int:delivery_id>/redeliver",
        needs="webhooks:write",
        errors={409: "it waits to be sent already, or was a test"},
    )
    async def redeliver(call: Call, webhook_id: int, delivery_id: int) -> Delivery:
        """Send a delivery once more, with the same `webhook-id`."""
        again = await call.write(
            service.redeliver,
            webhook_id,
            delivery_id,
            keys=(webhook_key(webhook_id),),
            of=Subject("webhook", str(webhook_id)),
            detail={"delivery_id": delivery_id},
        )
        postman.ring()
        return again

    @made.post(
        "/webhooks/<int:webhook_id>/redeliver",
        needs="webhooks:write",
        limit_s=REDELIVERY_LIMIT_S,
        example={"since_at": "2030-01-31T12:00:00Z", "missed": True},
    )
    async def redeliver_since(call: Call, webhook_id: int, body: RedeliverBody) -> Redelivered:
        """Send once more whatever failed since an instant, and what was missed, as while it was paused."""
        count = await flows.redeliver_since(call.ports, call.tenant, webhook_id, body)
        await call.note(Subject("webhook", str(webhook_id)), {"since_at": body.since_at, "deliveries": count})
        postman.ring()
        return Redelivered(deliveries=count)

    return made
