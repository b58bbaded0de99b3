"""Razorpay, WhatsApp, SMS, SMTP and S3 side by side."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from simulators.clock import Clock
from simulators.pages import cells, heading, link, page, table, text
from simulators.razorpay import RazorpayStub
from simulators.s3 import S3Stub
from simulators.sms import SmsStub
from simulators.smtp import SmtpStub
from simulators.web import Answer, Json, Request, Web
from simulators.whatsapp import WhatsAppStub

KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_stub", "stub-secret", "stub-webhook-secret"
FOLDERS = ("mails", "buckets")
FIRST = 8800


@attrs.frozen(slots=True, kw_only=True)
class Ports:
    """Where each listens; 0 is any that is free."""

    index: int = FIRST
    razorpay: int = FIRST + 1
    whatsapp: int = FIRST + 2
    sms: int = FIRST + 3
    mails: int = FIRST + 4
    smtp: int = FIRST + 6
    s3: int = FIRST + 5

    @classmethod
    def after(cls, first: int) -> Ports:
        """In a row from a first one on; from 0, all of them any."""
        return cls() if first == FIRST else cls(**{each.name: first and each.default - FIRST + first for each in attrs.fields(cls)})


class Providers:
    """See the module. Everything is kept in ``folder``; who starts it again with the same folder goes on there (but for messages)."""

    def __init__(self, folder: Path, *, seed: int = 0, **posting: Any) -> None:
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        clock = Clock.start()
        self.razorpay = RazorpayStub(clock, seed=seed, data=folder / "razorpay.json", **posting)
        self.razorpay.account(KEY_ID, KEY_SECRET, WEBHOOK_SECRET)
        self.razorpay.till.load()
        self.whatsapp = WhatsAppStub(clock, **posting)
        self.sms = SmsStub(clock, **posting)
        self.smtp = SmtpStub(clock, folder=folder / "mails")
        self.s3 = S3Stub(folder / "buckets")
        self.web = Web()
        self.web.add("GET", "/", self._index)
        self.web.add("GET", "/stub/providers", lambda request: Answer.json(self.told()))

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.web.port}"

    async def serve(
        self, ports: Ports, *, host: str = "127.0.0.1", task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve all of them until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(self.razorpay.serve_tcp, ports.razorpay, host=host))
            await nursery.start(partial(self.whatsapp.serve_tcp, ports.whatsapp, host=host))
            await nursery.start(partial(self.sms.serve_tcp, ports.sms, host=host))
            await nursery.start(partial(self.smtp.serve_tcp, ports.mails, smtp_port=ports.smtp, host=host))
            await nursery.start(partial(self.s3.serve_tcp, ports.s3, host=host))
            await nursery.start(partial(self.web.serve_tcp, ports.index, host=host))
            task_status.started()

    def told(self) -> Json:
        """Where everything is and with which keys it is used: what a configuration needs."""
        return {
            "index": {"url": self.url},
            "razorpay": {"url": self.razorpay.url, "key_id": KEY_ID, "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET},
            "whatsapp": {
                "url": self.whatsapp.url,
                "token": self.whatsapp.token,
                "phone_number_id": self.whatsapp.phone_number_id,
                "app_secret": self.whatsapp.app_secret,
            },
            "sms": {
                "url": self.sms.url,
                "auth_key": self.sms.auth_key,
                "account_sid": self.sms.account_sid,
                "auth_token": self.sms.auth_token,
            },
            "smtp": {"url": self.smtp.url, "host": "127.0.0.1", "port": self.smtp.smtp_port},
            "s3": {"url": self.s3.url, "access_key_id": self.s3.access_key_id, "secret_access_key": "any"},
        }

    def _index(self, request: Request) -> Answer:
        rows = []
        for name, told in self.told().items():
            keys = "; ".join(f"{key}: {value}" for key, value in told.items() if key != "url")
            rows.append([link(told["url"], name), *cells(keys)])
        pieces = [text("Providers that are none: no money moves, no message leaves this machine."), table(("stub", "keys"), rows)]
        for stub in (self.smtp, self.whatsapp, self.sms):
            pieces += [heading(stub.outbox.title), *stub.outbox.pieces(request, origin=stub.url)]
        return Answer.html(page("Provider stubs", *pieces))
