"""Where gateways send their webhooks."""

from __future__ import annotations

import attrs

from csms.api.calls import Call
from csms.api.problems import Problem
from csms.api.routes import PUBLIC, Routes
from csms.core.errors import Invalid
from csms.core.payments import Forged, GatewayAway
from csms.domain.payments import flows


@attrs.frozen(slots=True, kw_only=True)
class NoticeTaken:
    """A webhook was taken on. ``again``: it had come before."""

    again: bool


def routes(forgeries: flows.Forgeries) -> Routes:
    """The route of webhooks."""
    made = Routes("payment_notices", "What payment gateways tell by themselves.", tag="Payment gateways")

    @made.post(
        "/payments/notices/<token>",
        needs=PUBLIC,
        raw_body="application/json",
        errors={
            400: "not a webhook that can be read",
            401: "the signature does not hold",
            404: "no such address",
            503: "its gateway's plugin is not enabled here",
        },
    )
    async def hear(call: Call, token: str) -> NoticeTaken:
        """Hear a payment gateway's webhook.

        The address is `notice_path` of an account at a gateway; the signature is checked over the body as it came. It is stored and answered
        at once. What is true of it the gateway is asked afterwards: nothing in a webhook is believed. One that comes twice counts once.
        """
        call.audited = True
        body = await call.request.body()
        try:
            notice_id = await flows.receive(call.ports, forgeries, token, body, dict(call.request.headers.items()))
        except Forged:
            raise Problem(401, "Unauthorized", "the signature does not hold") from None
        except Invalid as why:
            raise Problem(400, "Bad Request", f"the webhook cannot be read: {why}") from None
        except GatewayAway as why:
            raise Problem(503, "Service Unavailable", str(why)) from None
        return NoticeTaken(again=notice_id is None)

    return made
