"""The stub as a server."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import trio

from simulators.clock import Clock
from simulators.faults import OF_REQUESTS, OF_WEBHOOKS, Faults
from simulators.outbox import Outbox, Sent
from simulators.posting import Poster
from simulators.web import Answer, Request, Web

from . import msg91, twilio

AUTH_KEY = "stub-authkey"
ACCOUNT_SID, AUTH_TOKEN = "AC00000000000000000000000000000000", "stub-auth-token"
OF_DELIVERY = {"undeliverable": "the message is accepted, and fails afterwards; match is of the number"}


class SmsStub:
    """See the package. ``webhook_url`` is where MSG91-shaped delivery reports go; Twilio-shaped ones go to each ``StatusCallback``."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        auth_key: str = AUTH_KEY,
        account_sid: str = ACCOUNT_SID,
        auth_token: str = AUTH_TOKEN,
        seed: int | None = None,
        **posting: Any,
    ) -> None:
        self.clock = clock or Clock.start()
        self.auth_key, self.account_sid, self.auth_token = auth_key, account_sid, auth_token
        self.webhook_url = ""
        self.templates: dict[str, str] = {}
        self.faults = Faults({**OF_REQUESTS, **OF_WEBHOOKS, **OF_DELIVERY})
        self.poster = Poster(self.faults, **posting)
        self.outbox = Outbox("SMS stub", self.clock.now_iso)
        self._random = random.Random(seed)
        self.web = Web(self._around)
        self.outbox.routes(self.web)
        for method, path, handler in (
            ("GET", "/stub/faults", self.faults.show),
            ("POST", "/stub/faults", self.faults.ask),
            ("DELETE", "/stub/faults", self.faults.clear),
            ("GET", "/stub/webhooks", self.poster.show),
            ("POST", "/stub/webhooks/<event_id>/again", self.poster.repeat),
            ("POST", "/stub/webhook", self._hook),
            ("POST", "/stub/templates", self._template),
            ("POST", "/api/v5/flow", partial(msg91.flow, self)),
            ("POST", "/api/v5/flow/", partial(msg91.flow, self)),
            ("POST", "/api/v5/otp", partial(msg91.otp, self)),
            ("GET", "/2010-04-01/Accounts/<sid>.json", partial(twilio.account, self)),
            ("POST", "/2010-04-01/Accounts/<sid>/Messages.json", partial(twilio.send, self)),
            ("GET", "/2010-04-01/Accounts/<sid>/Messages/<message_id>.json", partial(twilio.show, self)),
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

    def new_id(self, length: int) -> str:
        """Hexadecimal digits."""
        return f"{self._random.getrandbits(4 * length):0{length}x}"

    def accept(self, message_id: str, number: str, shape: str, words: str, raw: Any, callback_url: str) -> Sent:
        """Take a message, and tell what becomes of it where somebody wants to hear."""
        sent = self.outbox.add(message_id, number, shape, words, raw)
        delivered = self.faults.take(number, "undeliverable") is None
        sent.state = "delivered" if delivered else "undelivered"
        if shape == "twilio":
            for state in ("sent", sent.state):
                body, headers, forged = twilio.callback(self, callback_url, message_id, number, state)
                if callback_url:
                    self.poster.post(self.new_id(16), state, callback_url, body, headers, forged)
        elif self.webhook_url:
            body = msg91.report(message_id, number, self.clock.now_iso(), delivered=delivered)
            headers = {"Content-Type": "application/json"}
            self.poster.post(self.new_id(16), sent.state, self.webhook_url, body, headers, headers)
        return sent

    async def _around(self, request: Request, handle: Callable[[], Answer]) -> Answer | None:
        shape = twilio if request.path.startswith("/2010-04-01/") else msg91
        return await self.faults.around(request, handle, shape.outage)

    def _hook(self, request: Request) -> Answer:
        self.webhook_url = str(request.fields().get("url", ""))
        return Answer.json({"url": self.webhook_url})

    def _template(self, request: Request) -> Answer:
        said = request.fields()
        self.templates[str(said.get("id", ""))] = str(said.get("text", ""))
        return Answer.json({"templates": self.templates}, 201)
