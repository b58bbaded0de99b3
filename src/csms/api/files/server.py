"""Answers requests for files: who may, how many at a time, and what a refusal says (little)."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol, cast

import structlog
import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, LifespanScope, Scope

from csms.api.finishing import connection_of, finishing
from csms.config import FilesConfig
from csms.core.errors import CsmsError, StoreUnavailable
from csms.core.files import Files, Link
from csms.core.ports import Clock

from .multipart import Malformed
from .pace import Pace
from .receiving import Limits, Store, receive
from .sending import Offer, send
from .wire import BrokenOff, Request, Tally, TooLarge

REMARK_EVERY_S = 10.0
"""Refusals are logged at most so often, with their count: anybody may ask for anything."""
COME_AGAIN_S = 30
PER_LINK = 4
"""Transfers at a time by one link: one under way and some that a bad line left behind. One charger must not take every place."""

log = structlog.get_logger("csms.files")


class Desk(Protocol):
    """Who knows what links are for."""

    async def offer(self, link: Link) -> Offer | None:
        """The file that a link fetches."""
        ...

    async def expected(self, link: Link) -> Store | None:
        """What takes the file that a link sends."""
        ...


class Refusal(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, headers


class FileServer:
    """The ASGI application."""

    def __init__(self, config: FilesConfig, files: Files, desk: Desk, clock: Clock) -> None:
        self.tally = Tally()
        self._config = config
        self._files = files
        self._desk = desk
        self._clock = clock
        self._pace = Pace(config.bytes_per_s)
        self._limits = Limits(most_bytes=config.max_upload_bytes, idle_s=config.idle_timeout_s, transfer_s=config.transfer_limit_s)
        self._open: Counter[tuple[str, int, int]] = Counter()
        """Transfers under way, by link."""
        self._unsaid = 0
        self._said_at = -REMARK_EVERY_S

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError("the file server speaks only HTTP")
        request = Request.of(scope, receive, finishing(send, connection_of(scope)))
        try:
            with trio.fail_after(self._config.transfer_limit_s + COME_AGAIN_S):
                await self._answered(request)
        except Refusal as refusal:
            await self._refuse(request, refusal)

    async def _answered(self, request: Request) -> None:
        try:
            await self._serve(request)
        except BrokenOff as error:
            self.tally.broken += 1
            if not error.gone:
                raise Refusal(408, str(error)) from None
        except trio.TooSlowError:
            self.tally.broken += 1
            raise Refusal(408, "took too long") from None
        except TooLarge:
            raise Refusal(413, f"larger than {self._limits.most_bytes} bytes") from None
        except Malformed as error:
            raise Refusal(400, str(error)) from None
        except StoreUnavailable as error:
            raise Refusal(503, str(error), retry_after=str(COME_AGAIN_S)) from None
        except CsmsError as error:
            raise Refusal(404, str(error)) from None
        except OSError as error:
            log.error("files.disk", error=str(error))
            raise Refusal(507 if request.method in ("PUT", "POST") else 503, str(error), retry_after=str(COME_AGAIN_S)) from None

    async def _serve(self, request: Request) -> None:
        read = self._files.read_link(request.path)
        if read is None:
            raise Refusal(404, "no link of ours")
        link, name = read
        if link.expires_at <= self._clock.now():
            raise Refusal(403, "an expired link")
        allowed = {"fetch": ("GET", "HEAD"), "send": ("PUT", "POST")}.get(link.purpose, ())
        if request.method not in allowed:
            raise Refusal(405, f"{request.method} of a link to {link.purpose}", allow=", ".join(allowed))
        if self.tally.open >= self._config.max_transfers:
            raise Refusal(503, "too many transfers", retry_after=str(COME_AGAIN_S))
        key = link.purpose, link.tenant, link.number
        if self._open[key] >= PER_LINK:
            raise Refusal(503, "too many transfers by one link", retry_after=str(COME_AGAIN_S))
        self._open[key] += 1
        self.tally.open += 1  # only of who has a link: nobody else can take a place
        try:
            if link.purpose == "fetch":
                await self._fetch(request, link)
            else:
                await self._take(request, link, name)
        finally:
            self.tally.open -= 1
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    async def _fetch(self, request: Request, link: Link) -> None:
        offer = await self._desk.offer(link)
        if offer is None:
            raise Refusal(404, "a link to what is gone")
        started = trio.current_time()
        whole = await send(request, offer, self._files, self._pace, self.tally, limit_s=self._limits.transfer_s)
        said = request.headers.get("range", "")
        took_s = round(trio.current_time() - started, 3)
        log.info("files.fetched", number=link.number, address=request.address, range=said, whole=whole, took_s=took_s)

    async def _take(self, request: Request, link: Link, name: str) -> None:
        if "content-range" in request.headers:
            raise Refusal(400, "a part of a file")  # RFC 9110 §14.5: not to be taken for the whole
        store = await self._desk.expected(link)
        if store is None:
            raise Refusal(404, "a link to what is gone")
        kept = await receive(request, name, store, self._files, self._pace, self.tally, self._limits)
        log.info("files.received", number=link.number, address=request.address, bytes=kept.size_bytes)
        await request.answer(201, "stored")

    async def _refuse(self, request: Request, refusal: Refusal) -> None:
        status = str(refusal.status)
        self.tally.refused[status] = self.tally.refused.get(status, 0) + 1
        self._unsaid += 1
        if trio.current_time() - self._said_at >= REMARK_EVERY_S:
            self._said_at = trio.current_time()
            log.warning("files.refused", status=refusal.status, why=refusal.why[:200], address=request.address, count=self._unsaid)
            self._unsaid = 0
        if not request.answered:
            await request.answer(refusal.status, **refusal.headers)


async def _live(scope: LifespanScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """There is nothing to start and nothing to stop."""
    while True:
        event: Any = await receive()
        await send(cast(Any, {"type": f"{event['type']}.complete"}))
        if event["type"] == "lifespan.shutdown":
            return


def hypercorn_config(config: FilesConfig) -> HypercornConfig:
    """How connections of the file server are treated."""
    hypercorn = HypercornConfig()
    hypercorn.keep_alive_timeout = 30
    hypercorn.ssl_handshake_timeout = 10
    hypercorn.alpn_protocols = ["http/1.1"]
    hypercorn.errorlog = None
    hypercorn.accesslog = None
    if config.tls_certificate:
        hypercorn.certfile, hypercorn.keyfile = config.tls_certificate, config.tls_key
    return hypercorn
