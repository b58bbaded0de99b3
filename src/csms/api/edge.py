"""What every HTTP exchange passes on its way in and out: whose address it has, how many there may be, other origins, safe headers.

It stands before the application, where one place holds for everything: routes, plugins' routes, the documentation and every error.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import unquote

import trio

from csms.config import ApiConfig
from csms.core.addresses import Proxies
from csms.core.ports import Random

from .arriving import Bodies
from .exchange import request_id
from .finishing import connection_of, finishing
from .problems import PROBLEM_JSON, encoded
from .serving import Connection

Application = Callable[[Any, Any, Any], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]

RETRY_BUSY_S = 1
PREFLIGHT_S = 7200
"""How long browsers may remember what another origin may do; most remember two hours at most."""
LEFT_S = 1.0
MOST_LEFT_BYTES = 262_144
"""A request that is answered before its body came, because it may not do this, has so long to send so much; else the connection ends, for
what follows on it would be the rest of that body."""
ALWAYS_OPEN = frozenset({"/health", "/ready", "/metrics"})
"""What answers however much there is to do: whoever watches the server needs it most then."""

_BODILESS = frozenset({204, 304})
_OF_A_BODY = frozenset({b"content-type", b"content-length"})
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_TAKEN = (
    b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID"
    b", X-API-Key, X-CSRF-Token, X-Request-Id, X-Tenant"
)
"""Headers that a page of another origin may send."""
_TOLD = (
    b"Content-Disposition, Deprecation, ETag, Idempotent-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After"
    b", Sunset, X-Request-Id"
)
"""Headers that it may read."""

_AMBIGUOUS = frozenset({b"content-length", b"transfer-encoding"})
"""Where both are said somebody before us may have believed the other one, and what follows is a request that nobody else saw
(RFC 9112 §6.1)."""
_ABSOLUTE = re.compile(rb"(?i:https?)://[^/]*(?P<path>/.*)?")
"""A target as proxies get it (RFC 9112 §3.2.2)."""

SAFE: HeaderList = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
"""On every answer that does not say otherwise itself."""
TLS_ONLY: HeaderList = [(b"strict-transport-security", b"max-age=31536000")]


class Edge:
    """The edge of one application. ``under_way`` are the requests that count, ``refused`` those for which there was no room."""

    def __init__(self, config: ApiConfig, *, most: int, random: Random) -> None:
        self._proxies = Proxies(config.trusted_proxies)
        self._origins = frozenset(each.encode() for each in config.cors_origins)
        self._any_origin = b"*" in self._origins
        self._credentials = config.cors_credentials
        self._most = most
        self._random = random
        self._bodies = Bodies()
        self.under_way = 0
        self.refused = 0

    async def pass_on(self, application: Application, scope: Any, receive: Any, send: Any) -> None:
        """Serve one exchange."""
        if self._proxies and scope["type"] in ("http", "websocket"):
            scope = self._seen_through(scope)
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        more = list(SAFE if scope["scheme"] != "https" else SAFE + TLS_ONLY)
        if self._origins:
            asked = dict(scope["headers"])
            more += self._shared(asked.get(b"origin"))
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked:
                known = (b"x-request-id", self._id_of(scope).encode())
                await _answer(send, 204, [*self._preflight(asked.get(b"origin")), *more, known])
                return
        if scope["path"][:1] != "/" and scope["path"] != "*":
            if (found := _ABSOLUTE.fullmatch(scope["raw_path"])) is None:
                await self._refuse(send, scope, 400, "Bad Request", "a request's target is a path, or a whole address", more)
                return
            raw = found["path"] or b"/"
            scope = {**scope, "raw_path": raw, "path": unquote(raw.decode("ascii"))}
        if {name for name, _ in scope["headers"]} >= _AMBIGUOUS:
            more.append((b"connection", b"close"))
            await self._refuse(send, scope, 400, "Bad Request", "a body has a length or comes in chunks, not both", more)
            return
        if self.under_way >= self._most and scope["path"] not in ALWAYS_OPEN and not self._bodies.displaced():
            self.refused += 1
            more.append((b"retry-after", str(RETRY_BUSY_S).encode()))
            detail = f"the server has {self.under_way} requests under way; come again in a moment"
            await self._refuse(send, scope, 503, "Service Unavailable", detail, more)
            return
        await self._counted(application, scope, receive, send, more)

    async def _counted(self, application: Application, scope: Any, receive: Any, send: Any, more: HeaderList) -> None:
        """Run the application while it counts as under way: until it is done, or until it turns out to be a live feed."""
        connection = connection_of(scope)
        one_by_one = scope["http_version"] in ("1.0", "1.1")
        out = Answer(finishing(send, connection), more, connection if one_by_one else None)
        if one_by_one and (length := _body_length(scope)):
            receive = out.asked = Asked(receive, length)
        body = None if scope["method"] in ("GET", "HEAD") else self._bodies.body(receive)
        self.under_way += 1
        counts = True

        def uncount() -> None:
            nonlocal counts
            self.under_way -= counts
            counts = False

        out.on_stream = uncount
        try:
            await application(scope, receive if body is None else body, out)
        finally:
            uncount()
            if body is not None:
                body.over()

    def _seen_through(self, scope: Any) -> Any:
        """The scope as the proxy saw it: the client's own address, and the scheme that it used."""
        peer = (scope.get("client") or ("", 0))[0]
        if not self._proxies.trusts(peer):
            return scope
        hops = items(scope["headers"], b"x-forwarded-for")
        secure = self._proxies.secure(peer, items(scope["headers"], b"x-forwarded-proto"), scope["scheme"] in ("https", "wss"))
        plain, safe = ("http", "https") if scope["type"] == "http" else ("ws", "wss")
        return {**scope, "client": (self._proxies.client(peer, hops), 0), "scheme": safe if secure else plain}

    def _shared(self, origin: bytes | None) -> HeaderList:
        """What lets a page of another origin read the answer (Fetch §3.2)."""
        headers: HeaderList = [] if self._any_origin else [(b"vary", b"Origin")]
        if origin is not None and (self._any_origin or origin in self._origins):
            headers.append((b"access-control-allow-origin", b"*" if self._any_origin else origin))
            headers.append((b"access-control-expose-headers", _TOLD))
            if self._credentials:
                headers.append((b"access-control-allow-credentials", b"true"))
        return headers

    def _preflight(self, origin: bytes | None) -> HeaderList:
        if origin is None or not (self._any_origin or origin in self._origins):
            return []
        return [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _TAKEN),
            (b"access-control-max-age", str(PREFLIGHT_S).encode()),
        ]

    def _id_of(self, scope: Any) -> str:
        return request_id(
            next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), ""), self._random
        )

    async def _refuse(self, send: Any, scope: Any, status: int, title: str, detail: str, more: HeaderList) -> None:
        """Answer with a problem in the application's place."""
        known = self._id_of(scope)
        headers = [*more, (b"content-type", PROBLEM_JSON.encode()), (b"x-request-id", known.encode())]
        await _answer(send, status, headers, encoded(status, title, detail, request_id=known))


class Asked:
    """Receives the body of a request, and knows when all of it came."""

    __slots__ = ("_left", "_receive", "_waiting", "_whole", "length")

    def __init__(self, receive: Any, length: int) -> None:
        self._receive = receive
        self._whole = trio.Event()
        self._waiting = 0
        self._left: trio.CancelScope | None = None
        self.length = length

    async def __call__(self) -> Any:
        """Receive a message for the application."""
        self._waiting += 1
        try:
            message = await self._receive()
        finally:
            self._waiting -= 1
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._whole.set()
            if self._left is not None:
                self._left.cancel()  # what took the end may not be what waits for it
        return message

    async def came(self) -> bool:
        """Whether all of it came, or comes at once: who is answered before that has to be told that the connection ends."""
        if not self._whole.is_set() and self.length <= MOST_LEFT_BYTES:
            with trio.move_on_after(LEFT_S) as self._left:
                while not self._whole.is_set() and not self._waiting:
                    await self()  # nobody wants it any more
                await self._whole.wait()
        return self._whole.is_set()


def _body_length(scope: Any) -> int:
    """How many bytes a request's body has; 0 without one, 1 where it does not say."""
    if scope["method"] in ("GET", "HEAD"):
        return 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
        if name == b"transfer-encoding":
            return 1
    return 0


class Answer:
    """Sends one answer: adds headers, and lets head, body and end go out together where it is known how long it is.

    Quart sends the end of a body as a message of its own, which costs two turns of the event loop.
    """

    __slots__ = ("_connection", "_ended", "_head", "_left", "_more", "_send", "asked", "on_stream")

    def __init__(self, send: Any, more: HeaderList, connection: Connection | None) -> None:
        self._send = send
        self._more = more
        self._connection = connection
        self._head: Any = None
        self._left = -1
        self._ended = False
        self.asked: Asked | None = None
        self.on_stream: Callable[[], None] = lambda: None

    async def __call__(self, message: Any) -> None:
        """Send a message of the application."""
        if message["type"] == "http.response.start":
            if self.asked is not None and not await self.asked.came():
                self._more.append((b"connection", b"close"))
            head = {**message, "headers": self._headers(message["status"], message["headers"])}
            if self._left >= 0:
                self._head = head  # it goes with the first piece of the body
            else:
                await self._send(head)
        elif self._ended:
            return  # it went with the last piece of the body
        elif message["type"] == "http.response.body" and self._left >= 0:
            self._left -= len(message.get("body", b""))
            self._ended = self._left <= 0 or not message.get("more_body", False)
            await self._together({**message, "more_body": not self._ended})
        else:
            await self._send(message)

    async def _together(self, message: Any) -> None:
        head, self._head = self._head, None
        if self._connection is not None:
            self._connection.hold()
        try:
            if head is not None:
                await self._send(head)
            await self._send(message)
        finally:
            if self._connection is not None:
                await self._connection.release()

    def _headers(self, status: int, given: Iterable[tuple[bytes, bytes]]) -> HeaderList:
        headers = [header for header in given if status not in _BODILESS or header[0] not in _OF_A_BODY]
        told = {}
        for name, value in headers:
            told[name] = value
        if told.get(b"content-type", b"").startswith(b"text/event-stream"):
            self.on_stream()
        elif status in _BODILESS:
            self._left = 0
        elif (length := told.get(b"content-length", b"")).isdigit():
            self._left = int(length)
        headers.extend(header for header in self._more if header[0] not in told or header[0] == b"vary")
        return headers


def items(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """The comma-separated items of a header, over all its lines, in order."""
    values = [value.decode("latin-1") for key, value in headers if key.lower() == name]
    return [item for value in values for part in value.split(",") if (item := part.strip())]


async def _answer(send: Any, status: int, headers: HeaderList, body: bytes = b"") -> None:
    """Answer in the application's place."""
    headers = [*headers, (b"content-length", str(len(body)).encode())] if status != 204 else headers
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
