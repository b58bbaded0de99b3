"""Where the gateway tells what became of messages."""

from __future__ import annotations

import hmac

from csms.api.calls import Call
from csms.api.problems import Problem
from csms.api.routes import PUBLIC, Routes
from csms.hooks import PluginContext

from .gateways import GATEWAYS
from .model import Settings


def routes(context: PluginContext) -> Routes:
    """The route for delivery reports."""
    settings: Settings = context.settings
    made = Routes("sms", "What an SMS gateway tells of messages.", tag="Messages: SMS")

    @made.post(
        "/reports/<key>",
        needs=PUBLIC,
        raw_body="application/json, application/x-www-form-urlencoded",
        audit=False,
        errors={400: "no report that can be read", 404: "not the key"},
    )
    async def report(call: Call, key: str) -> None:
        """Hear what became of a message, in the gateway's own form. The key in the path is the plugin's `report_key`."""
        if not settings.report_key or not hmac.compare_digest(key.encode(), settings.report_key.encode()):
            raise Problem(404, "Not Found", "there is nothing here")
        try:
            told = GATEWAYS[settings.preset].reported(await call.request.body())
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Problem(400, "Bad Request", "no delivery report that can be read") from None
        for each in told:
            await context.messenger.heard_back("sms", each.channel_id, each.state, each.error)

    return made
