"""Posts an event and judges the answer."""

from __future__ import annotations

from csms.hooks import Delivered, PluginContext

from .model import Settings, Undelivered
from .service import message


async def post(delivery: Delivered, context: PluginContext) -> None:
    """Post one event. Returns when the receiver took it (2xx); raises ``Undelivered`` otherwise, and it comes again."""
    settings: Settings = context.settings
    signed = message(delivery, secret=settings.secret, now=context.clock.now())
    try:
        answer = await context.http.request(
            "POST", settings.url, headers=signed.headers, body=signed.body, timeout_s=settings.timeout_s
        )
    except OSError as error:
        raise Undelivered(str(error).replace(settings.url, settings.receiver)) from None
    if 300 <= answer.status < 400:
        raise Undelivered(f"{settings.receiver} redirects ({answer.status}); give url the final address")
    if not 200 <= answer.status < 300:
        raise Undelivered(f"{settings.receiver} answered {answer.status}")
