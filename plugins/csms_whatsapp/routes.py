"""Where WhatsApp tells what became of messages, and what people wrote."""

from __future__ import annotations

import hmac
from contextlib import suppress

from csms.api.calls import Call
from csms.api.problems import Problem
from csms.api.routes import PUBLIC, Raw, Routes
from csms.hooks import Conflict, PluginContext, Statement, TenantId

from .model import Settings, WhatsAppHeard
from .wire import SIGNATURE, genuine, told

_KEEP = "INSERT INTO plugin_whatsapp_heard (message_id, tenant, at) VALUES (:message_id, :tenant, :now) ON CONFLICT DO NOTHING"
_FORGET = "DELETE FROM plugin_whatsapp_heard WHERE tenant = :tenant AND at < :before"
KEPT_MS = 7 * 86_400_000
"""WhatsApp repeats a webhook for as long as it is not answered with 200."""


async def _keep(context: PluginContext, heard: WhatsAppHeard, tenant: TenantId) -> None:
    """Keep what somebody wrote, and tell of it in the same write; what came before is passed over."""
    with suppress(Conflict):
        await context.store.write(
            Statement(_FORGET, {"before": context.clock.now() - KEPT_MS}),
            Statement(_KEEP, {"message_id": heard.message_id}, expects=1),
            heard,
            tenant=tenant,
        )


def routes(context: PluginContext) -> Routes:
    """The webhook, in both of its ways."""
    settings: Settings = context.settings
    made = Routes("whatsapp", "What WhatsApp tells of messages, and what people write.", tag="Messages: WhatsApp")

    @made.get("/webhook", needs=PUBLIC, limited_by="auth", produces="text/plain", errors={403: "not the token"})
    async def verify(call: Call) -> Raw:
        """Answer WhatsApp's challenge when the webhook is set up (`hub.mode`, `hub.verify_token`, `hub.challenge`)."""
        asked = call.request.query
        shown = asked.get("hub.verify_token", "")
        if not settings.verify_token or not hmac.compare_digest(shown.encode(), settings.verify_token.encode()):
            raise Problem(403, "Forbidden", "this is not the verify_token")
        return Raw(body=asked.get("hub.challenge", "")[:200].encode(), content_type="text/plain; charset=utf-8")

    @made.post(
        "/webhook",
        needs=PUBLIC,
        raw_body="application/json",
        audit=False,
        errors={400: "nothing that can be read", 401: "the signature does not hold"},
    )
    async def hear(call: Call) -> None:
        """Hear what became of messages, and what drivers write, which is kept and done behind.

        Signed with the app's secret (`X-Hub-Signature-256`).
        """
        body = await call.request.body()
        if not genuine(settings, body, call.request.headers.get(SIGNATURE)):
            raise Problem(401, "Unauthorized", "the signature does not hold")
        try:
            states, heard = told(body, settings)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Problem(400, "Bad Request", "no webhook that can be read") from None
        for state in states:
            await context.messenger.heard_back("whatsapp", state.channel_id, state.state, state.error)
        for each in heard:
            if settings.commands:
                await _keep(context, each, call.tenant)

    return made
