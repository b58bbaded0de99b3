"""Hands messages to the gateway."""

from __future__ import annotations

import attrs

from csms.hooks import NotSent, Outgoing, PluginContext, Receipt

from .gateways import GATEWAYS
from .model import TWILIO, Settings


@attrs.frozen(slots=True, eq=False)
class SmsChannel:
    """The channel ``sms``."""

    context: PluginContext
    name: str = "sms"

    async def send(self, message: Outgoing, /) -> Receipt:
        """Hand a message on. Raises ``NotSent`` or ``NeverSent``."""
        settings: Settings = self.context.settings
        gateway = GATEWAYS[settings.preset]
        asked = gateway.ask(message, settings)
        try:
            answer = await self.context.http.request(
                "POST", asked.url, headers=asked.headers, body=asked.body, timeout_s=settings.timeout_s
            )
        except OSError as error:
            raise NotSent(f"the gateway cannot be reached: {str(error).replace(settings.key, '...')}") from None
        if answer.status == 429 or answer.status >= 500:
            wait = answer.headers.get("retry-after", answer.headers.get("Retry-After", ""))
            raise NotSent(f"the gateway answered {answer.status}", after_s=float(wait) if wait.isdigit() else None)
        if answer.status in (401, 403):
            raise NotSent(f"the gateway refused our login: {answer.status}")
        return Receipt(channel_id=gateway.taken(answer.status, answer.body))

    async def check(self) -> str:
        """Ask the gateway who we are, where it can say so. Raises ``NotSent``."""
        settings: Settings = self.context.settings
        if settings.preset != TWILIO:
            return f"{settings.preset} at {settings.origin}; it has no question that costs nothing: send a test message"
        url = f"{settings.origin}/2010-04-01/Accounts/{settings.account}.json"
        headers = {"Authorization": GATEWAYS[TWILIO].ask(_PROBE, settings).headers["Authorization"]}
        try:
            answer = await self.context.http.request("GET", url, headers=headers, timeout_s=settings.timeout_s)
        except OSError as error:
            raise NotSent(f"the gateway cannot be reached: {error}") from None
        if answer.status != 200:
            raise NotSent(f"the gateway answered {answer.status}")
        return f"twilio knows the account {settings.account}"


_PROBE = Outgoing(reference="", channel="sms", recipient="+10000000000", language="en", template="", text="")
