"""Hands messages to WhatsApp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from csms.hooks import Attachment, NeverSent, NotSent, Outgoing, PluginContext, Receipt

from .model import Settings
from .wire import bodies_of, decoded, form_of, problem_of

_JSON = "application/json"


@attrs.frozen(slots=True, eq=False)
class WhatsAppChannel:
    """The channel ``whatsapp``."""

    context: PluginContext
    name: str = "whatsapp"

    @property
    def settings(self) -> Settings:
        """What we are told."""
        found: Settings = self.context.settings
        return found

    async def send(self, message: Outgoing, /) -> Receipt:
        """Hand a message on, with its picture and its files. Raises ``NotSent`` or ``NeverSent``.

        Files are uploaded first, so that what fails on the way leaves nothing half sent.
        """
        files = [*((message.image,) if message.image is not None else ()), *message.attachments]
        media = [(each, await self._uploaded(each)) for each in files]
        first, *rest = bodies_of(message, self.settings, media)
        answer = await self._post("messages", msgspec.json.encode(first), _JSON)
        for body in rest:
            try:
                await self._post("messages", msgspec.json.encode(body), _JSON)
            except (NotSent, NeverSent) as problem:  # its words are there: a file alone is no reason to say them again
                self.context.log.warning("whatsapp.file_not_sent", reason=str(problem))
        sent = answer.get("messages") or [{}]
        return Receipt(channel_id=str(sent[0].get("id", "")))

    async def reply(self, phone: str, text: str) -> None:
        """Answer somebody who wrote. Raises ``NotSent`` or ``NeverSent``."""
        message = Outgoing(reference="", channel=self.name, recipient=phone, language="en", template="", text=text)
        await self._post("messages", msgspec.json.encode(bodies_of(message, self.settings, ())[0]), _JSON)

    async def check(self) -> str:
        """Ask what our number is called. Raises ``NotSent``."""
        settings = self.settings
        try:
            answer = await self.context.http.request(
                "GET", f"{settings.origin}/{settings.phone_number_id}", headers=self._headers(), timeout_s=settings.timeout_s
            )
        except OSError as error:
            raise NotSent(f"WhatsApp cannot be reached: {error}") from None
        if answer.status != 200:
            raise NotSent(str(problem_of(answer.status, answer.body, settings)))
        said = decoded(answer.body)
        return f"{said.get('display_phone_number', settings.phone_number_id)} is {said.get('verified_name', 'known')}"

    async def _uploaded(self, attachment: Attachment) -> str:
        boundary = f"csms-{self.context.random.token(18)}"
        kind = f"multipart/form-data; boundary={boundary}"
        answer = await self._post("media", form_of(attachment, boundary), kind)
        return str(answer.get("id", ""))

    async def _post(self, what: str, body: bytes, kind: str) -> Mapping[str, Any]:
        settings = self.settings
        url = f"{settings.origin}/{settings.phone_number_id}/{what}"
        headers = {**self._headers(), "Content-Type": kind}
        try:
            answer = await self.context.http.request("POST", url, headers=headers, body=body, timeout_s=settings.timeout_s)
        except OSError as error:
            raise NotSent(f"WhatsApp cannot be reached: {str(error).replace(settings.token, '...')}") from None
        if answer.status >= 300:
            raise problem_of(answer.status, answer.body, settings)
        return decoded(answer.body)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.settings.token}"}
