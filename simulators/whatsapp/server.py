"""The stub as a server: the Graph API's paths, the webhooks, and what tests and people may ask."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import trio

from simulators.clock import Clock
from simulators.faults import OF_REQUESTS, OF_WEBHOOKS, Faults
from simulators.outbox import Outbox, Sent
from simulators.posting import Poster
from simulators.web import Answer, Failed, Json, Part, Request, Web

from . import messages
from .problems import BAD_TOKEN, PARAMETER, RE_ENGAGE, UNDELIVERABLE, in_state, outage, refused

TOKEN, APP_SECRET, NUMBER_ID = "stub-token", "stub-app-secret", "100000000000001"
OF_DELIVERY = {"undeliverable": "the message is accepted, and fails afterwards; match is of the number"}
WINDOW_S = 24 * 3600
"""Free words may be sent for so long after somebody wrote last; after that only templates."""
VERIFY_LIMIT_S = 10


class WhatsAppStub:
    """See the package. ``serve_tcp`` listens and posts webhooks."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        token: str = TOKEN,
        phone_number_id: str = NUMBER_ID,
        app_secret: str = APP_SECRET,
        seed: int | None = None,
        window: bool = True,
        **posting: Any,
    ) -> None:
        self.clock = clock or Clock.start()
        self.token, self.phone_number_id, self.app_secret = token, phone_number_id, app_secret
        self.window = window
        self.webhook_url = ""
        self.verify_token = ""
        self.account_id = "200000000000002"
        self.templates: dict[tuple[str, str], int] = {}
        self.media: dict[str, Part] = {}
        self.wrote_at: dict[str, int] = {}
        self.faults = Faults({**OF_REQUESTS, **OF_WEBHOOKS, **OF_DELIVERY})
        self.poster = Poster(self.faults, **posting)
        self.outbox = Outbox("WhatsApp stub", self.clock.now_iso)
        self._random = random.Random(seed)
        self.web = Web(self._around)
        self._routes()

    def _routes(self) -> None:
        self.outbox.routes(self.web)
        for method, path, handler in (
            ("GET", "/stub/faults", self.faults.show),
            ("POST", "/stub/faults", self.faults.ask),
            ("DELETE", "/stub/faults", self.faults.clear),
            ("GET", "/stub/webhooks", self.poster.show),
            ("POST", "/stub/webhooks/<event_id>/again", self.poster.repeat),
            ("POST", "/stub/webhook", self._hook),
            ("POST", "/stub/inbound", self._inbound),
            ("POST", "/stub/read/<message_id>", self._read),
            ("POST", "/stub/templates", self._template),
            ("GET", "/stub/media/<media_id>", self._picture),
            ("POST", "/<version>/<phone_id>/messages", self._asked(self._messages)),
            ("POST", "/<version>/<phone_id>/media", self._asked(self._upload)),
            ("GET", "/<version>/<waba_id>/message_templates", self._asked(self._list_templates)),
            ("GET", "/<version>/<node_id>", self._asked(self._node)),
            ("DELETE", "/<version>/<node_id>", self._asked(self._forget)),
        ):
            self.web.add(method, path, handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.web.port}"

    async def serve_tcp(
        self, port: int = 0, *, host: str = "127.0.0.1", task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled; the start value is the port."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.poster.run)
            task_status.started(await nursery.start(partial(self.web.serve_tcp, port, host=host)))

    async def verify(self) -> bool:
        """Ask the webhook for its challenge, as Meta does when it is set up; whether the answer was right."""
        challenge = str(self._random.randrange(10**9, 10**10))
        asked = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": self.verify_token}
        async with httpx.AsyncClient(timeout=VERIFY_LIMIT_S, trust_env=False) as client:
            answer = await client.get(self.webhook_url, params=asked)
        return answer.status_code == 200 and answer.text == challenge

    async def _around(self, request: Request, handle: Callable[[], Answer]) -> Answer | None:
        if (request.method, request.path) == ("POST", "/stub/verify"):
            try:
                return Answer.json({"verified": await self.verify()})
            except httpx.HTTPError as error:
                return Answer.json({"verified": False, "error": type(error).__name__})
        return await self.faults.around(request, handle, outage)

    # --- the API --------------------------------------------------------------------------------------------------------------

    def _asked(self, act: Callable[..., Answer]) -> Callable[..., Answer]:
        def checked(request: Request, version: str, **names: str) -> Answer:
            if not version.startswith("v") or not version[1:].replace(".", "", 1).isdigit():
                raise refused(PARAMETER, f"no such version: {version}")
            if request.headers.get("authorization", "") != f"Bearer {self.token}":
                raise refused(BAD_TOKEN, "the access token is not known")
            if names.get("phone_id", self.phone_number_id) != self.phone_number_id:
                raise refused(PARAMETER, "this phone number id is not yours")
            return act(request, **{name: value for name, value in names.items() if name != "phone_id"})

        return checked

    def _messages(self, request: Request) -> Answer:
        body = request.json()
        if body.get("status") == "read":
            return Answer.json({"success": True})
        number = messages.recipient(body)
        kind, words = messages.read(body, self.templates, self.media)
        message_id = "wamid." + "".join(self._random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=32))
        said = body[kind]
        links = {"media": f"/stub/media/{said['id']}"} if kind in messages.MEDIA and "id" in said else {}
        sent = self.outbox.add(message_id, number, kind, words, body, links=links)
        if self.faults.take(number, "undeliverable") is not None:
            self._fail(sent, UNDELIVERABLE, "Unable to deliver message.")
        elif kind != "template" and self.window and self.clock.now() // 1000 - self.wrote_at.get(number, -WINDOW_S) >= WINDOW_S:
            self._fail(sent, RE_ENGAGE, "More than 24 hours have passed since the customer last replied to this number.")
        else:
            self._state(sent, "sent")
            self._state(sent, "delivered")
        return Answer.json(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": str(body["to"]), "wa_id": number}],
                "messages": [{"id": message_id, "message_status": "accepted"}],
            }
        )

    def _upload(self, request: Request) -> Answer:
        parts = request.parts()
        file = parts.get("file")
        if file is None or not file.data or parts.get("messaging_product", Part(b"", "", "")).data != b"whatsapp":
            raise refused(PARAMETER, "a form with file, type and messaging_product is required")
        media_id = str(self._random.randrange(10**14, 10**15))
        self.media[media_id] = file
        return Answer.json({"id": media_id})

    def _node(self, request: Request, node_id: str) -> Answer:
        if node_id == self.phone_number_id:
            said = {"id": node_id, "verified_name": "Stub", "display_phone_number": "+91 90000 00000", "quality_rating": "GREEN"}
            return Answer.json(said)
        file = self._file(node_id)
        return Answer.json(
            {
                "messaging_product": "whatsapp",
                "id": node_id,
                "url": f"{self.url}/stub/media/{node_id}",
                "mime_type": file.content_type,
                "sha256": hashlib.sha256(file.data).hexdigest(),
                "file_size": len(file.data),
            }
        )

    def _forget(self, request: Request, node_id: str) -> Answer:
        self._file(node_id)
        del self.media[node_id]
        return Answer.json({"success": True})

    def _file(self, media_id: str) -> Part:
        if media_id not in self.media:
            raise refused(PARAMETER, f"object {media_id} does not exist")
        return self.media[media_id]

    def _list_templates(self, request: Request, waba_id: str) -> Answer:
        data = [{"name": name, "language": language, "status": "APPROVED"} for name, language in self.templates]
        return Answer.json({"data": data, "paging": {}})

    # --- webhooks -------------------------------------------------------------------------------------------------------------

    def _post(self, kind: str, value: Json) -> None:
        whose = {"display_phone_number": "919000000000", "phone_number_id": self.phone_number_id}
        change = {"value": {"messaging_product": "whatsapp", "metadata": whose, **value}, "field": "messages"}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": self.account_id, "changes": [change]}]}).encode()
        event_id = f"{self._random.getrandbits(64):016x}"

        def signed(secret: str) -> dict[str, str]:
            digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            return {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"}

        self.poster.post(event_id, kind, self.webhook_url, body, signed(self.app_secret), signed(self.app_secret + "?"))

    def _state(self, sent: Sent, state: str, **more: Any) -> None:
        sent.state = state
        told = {"id": sent.id, "status": state, "timestamp": str(self.clock.now() // 1000), "recipient_id": sent.to, **more}
        self._post(state, {"statuses": [told]})

    def _fail(self, sent: Sent, code: int, details: str) -> None:
        self._state(sent, "failed", errors=[in_state(code, details)])

    # --- tests and people -----------------------------------------------------------------------------------------------------

    def write(self, number: str, words: str, *, name: str = "Driver", **kind: Any) -> str:
        """Somebody writes to the business: a text, or another kind (``type`` and its object). The message's id."""
        number = number.lstrip("+").replace(" ", "")
        self.wrote_at[number] = self.clock.now() // 1000
        message_id = f"wamid.IN{self._random.getrandbits(96):024X}"
        said = kind or {"type": "text", "text": {"body": words}}
        told = {"from": number, "id": message_id, "timestamp": str(self.clock.now() // 1000), **said}
        self._post("message", {"contacts": [{"profile": {"name": name}, "wa_id": number}], "messages": [told]})
        return message_id

    def _inbound(self, request: Request) -> Answer:
        said = request.fields()
        if not said.get("from") or not (said.get("text") or said.get("type")):
            raise Failed(Answer.json({"error": "from and text are required"}, 400))
        other = {name: value for name, value in said.items() if name not in ("from", "text", "name")}
        return Answer.json(
            {"id": self.write(str(said["from"]), str(said.get("text", "")), name=str(said.get("name", "Driver")), **other)}
        )

    def _hook(self, request: Request) -> Answer:
        said = request.fields()
        self.webhook_url = str(said.get("url", self.webhook_url))
        self.verify_token = str(said.get("verify_token", self.verify_token))
        return Answer.json({"url": self.webhook_url})

    def _read(self, request: Request, message_id: str) -> Answer:
        self._state(self.outbox.find(message_id), "read")
        return Answer(204)

    def _template(self, request: Request) -> Answer:
        said = request.fields()
        self.templates[str(said.get("name", "")), str(said.get("language", "en"))] = int(said.get("parameters", 0))
        return Answer.json({"templates": [list(each) for each in self.templates]}, 201)

    def _picture(self, request: Request, media_id: str) -> Answer:
        file = self._file(media_id)
        return Answer(200, file.data, file.content_type)
