"""Answers requests for declared routes, in front of Quart: found by their path, served in the task that they came in.

Quart makes a request, a response, two contexts and several tasks for each request, and sends signals between them: two thirds of what a
small answer costs. Declared routes need none of it (ADR 15). What is not declared here is Quart's: probes, pages, sockets, blueprints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

import attrs
import structlog
import trio

from csms.core import tracing
from csms.core.ports import Blocking, Random
from csms.telemetry import Telemetry

from . import encodings, problems
from .bulk import FORM_BYTES
from .calls import Backing
from .everyday import HeaderList
from .exchange import Request, Response, request_id
from .incoming import incoming_of
from .limits import headers_of
from .mounting import PREFIX, answered, leaving_headers
from .pace import Pace
from .paths import Arguments, Paths
from .problems import Problem
from .routes import Route, Routes
from .turns import Turns

AT_WORK = 8
"""Requests that read, worked at together. The others wait for their turn where they cost nothing: what is ready to run stands before
chargers' messages in the same loop, and of 64 requests at once each would hold up a message by half a millisecond."""
PER_PASS = 2
"""Requests that begin in one pass of the event loop: each takes a quarter of a millisecond of it, and as much again later."""
READS = frozenset({"GET", "HEAD"})
"""What is not gone on with when the client has left. What changes something is done to its end: half of it is what nobody could explain,
and what the audit log would not tell of."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN, OTHER = "unknown", "other"
"""Of a path or a method that there is not, for anybody can make one up."""
TOO_MANY = 429
"""What the log does not tell of: whoever asks too often would fill it."""

log = structlog.get_logger("csms.api")


@attrs.frozen(slots=True, eq=False)
class Mounted:
    """A declared route where it is served."""

    route: Route
    rule: str
    """Its whole path, as it is told in metrics."""
    backing: Backing
    leaving: Mapping[str, str]
    most_bytes: int
    """The largest body that it takes."""


class Switchboard:
    """The declared routes of one application."""

    def __init__(self, *, telemetry: Telemetry, random: Random, blocking: Blocking) -> None:
        self.paths: Paths[Mounted] = Paths()
        self._names: set[str] = set()
        self._telemetry = telemetry
        self._random = random
        self._blocking = blocking
        self._turns = Turns(AT_WORK)
        self._pace = Pace(PER_PASS)

    def mount(self, slices: Sequence[Routes], backing: Backing, *, prefix: str = PREFIX, most_bytes: int) -> None:
        """Serve every route under ``prefix``. Raises ``ValueError`` for two of one name, or of one method and path."""
        for each in slices:
            for route in each.routes:
                if route.name in self._names:
                    raise ValueError(f"there are two routes called {route.name}")
                self._names.add(route.name)
                most = route.most_body_bytes + FORM_BYTES if route.most_body_bytes else most_bytes
                rule = f"{prefix}{route.rule}"
                self.paths.add(route.method, rule, Mounted(route, rule, backing, leaving_headers(route), most))

    async def serve(self, scope: Any, receive: Any, send: Any) -> bool:
        """Answer a request; False, and nothing done, where nothing is declared at its path."""
        method, path = scope["method"], scope["path"]
        found = self.paths.find("GET" if method == "HEAD" else method, path)
        others = self.paths.methods(path) if found is None else {}
        if found is None and not others:
            return False
        incoming = incoming_of(scope)
        with trio.CancelScope() as life:
            if incoming is not None and method in READS:
                incoming.cancel_when_left(life)
            started = trio.current_time()
            request = Request(scope, receive, found[0].most_bytes if found is not None else 0)
            request.id = request_id(request.headers.get("X-Request-Id"), self._random)
            structlog.contextvars.bind_contextvars(request_id=request.id)
            tracing.work_for(request.id)
            if found is not None:
                rule, leaving = found[0].rule, found[0].leaving
                response = await self._answer(*found, request)
            elif method == "OPTIONS":
                rule, leaving = next(iter(others.values())).rule, {}
                response = Response(204, {"allow": ", ".join(sorted(_allowed(others)))})
            else:
                rule, leaving = UNKNOWN, {}
                response = _not_this_way(request, others)
            await self._finish(request, response, leaving)
            try:
                lines = list(response.lines())
            except ValueError as error:
                response = _told(error, request)
                await self._finish(request, response, leaving)
                lines = list(response.lines())
            took_s = trio.current_time() - started
            self._telemetry.requests.observe((rule, method if method in METHODS else OTHER, str(response.status)), took_s)
            if response.status != TOO_MANY and (method not in READS or response.status >= 400):
                log.info("api.answered", method=method, rule=rule, status=response.status, took_ms=round(1000 * took_s, 1))
            if incoming is not None:  # what is ready is sent, to its end
                incoming.cancel_when_left(None if response.pieces is None else life)
            if response.pieces is None:
                await _send_whole(send, response, lines)
            else:
                with trio.CancelScope() as limit:
                    if response.limit_s is not None:
                        limit.deadline = trio.current_time() + response.limit_s
                    await _send_pieces(send, response.status, lines, response.pieces, alone=method == "HEAD")
        return True

    async def _answer(self, mounted: Mounted, arguments: Arguments, request: Request) -> Response:
        try:
            await self._pace.begin()
            if mounted.route.method != "GET" or mounted.route.limit_s is None:
                return await answered(mounted.route, mounted.backing, request, arguments)
            place = await self._turn()
            try:
                return await answered(mounted.route, mounted.backing, request, arguments)
            finally:
                self._turns.give_back(place)
        except Exception as error:
            return _told(error, request)

    async def _turn(self) -> object:
        """Wait for one's turn. Raises ``Problem`` 503."""
        try:
            return await self._turns.take()
        except trio.TooSlowError:
            raise Problem(503, "Service Unavailable", "too many requests at the moment; try again") from None

    async def _finish(self, request: Request, response: Response, leaving: Mapping[str, str]) -> None:
        """The headers of every answer, and the body as small as the client takes it."""
        headers = response.headers
        headers["x-request-id"] = request.id
        for name, value in (*headers_of(request.counted).items(), *leaving.items()):
            headers.setdefault(name.lower(), value)
        if response.pieces is None:
            headers.setdefault("content-length", str(len(response.body)))
            encoding = encodings.wanted(headers, len(response.body), request.headers.get("Accept-Encoding"))
            if encoding:
                response.body = await encodings.packed(response.body, encoding, self._blocking)
                headers["content-length"] = str(len(response.body))
                encodings.label(headers, encoding)
        elif encoding := encodings.wanted_by_pieces(headers, request.headers.get("Accept-Encoding")):
            response.pieces = encodings.packed_by_pieces(response.pieces, encoding, self._blocking)
            encodings.label(headers, encoding)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _told(error: Exception, request: Request) -> Response:
    """What is said of an error."""
    status, title, detail, more, headers = problems.told(problems.alone(error))
    body = problems.encoded(status, title, detail, more, request_id=request.id)
    return Response(status, {"content-type": problems.PROBLEM_JSON, **_lower(headers)}, body)


def _allowed(declared: Mapping[str, Mounted]) -> set[str]:
    return {*declared, "OPTIONS"} | ({"HEAD"} if "GET" in declared else set())


def _not_this_way(request: Request, declared: Mapping[str, Mounted]) -> Response:
    """There is something at this path, for other methods (RFC 9110 §15.5.6)."""
    allow = ", ".join(sorted(_allowed(declared)))
    body = problems.encoded(405, "Method Not Allowed", f"here are only {allow}", request_id=request.id)
    return Response(405, {"content-type": problems.PROBLEM_JSON, "allow": allow}, body)


async def _send_whole(send: Any, response: Response, lines: HeaderList) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": lines})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


async def _send_pieces(send: Any, status: int, lines: HeaderList, pieces: Any, *, alone: bool) -> None:
    """The head, and unless it is wanted ``alone`` every piece."""
    async with aclosing(pieces):
        await send({"type": "http.response.start", "status": status, "headers": lines})
        if not alone:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
