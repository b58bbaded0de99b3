"""A small HTTP/1.1 server for the stubs of providers: routes, JSON and forms; and answers that can be lost on purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs
import h11
import trio

Json = dict[str, Any]

MAX_BODY_BYTES = 64 * 1024 * 1024
IDLE_S = 75.0
"""An open connection on which nothing is asked for so long is closed, as load balancers do."""


@attrs.frozen(slots=True)
class Part:
    """One part of a ``multipart/form-data`` body."""

    data: bytes
    content_type: str
    filename: str


@attrs.frozen(slots=True, kw_only=True)
class Request:
    """What was asked. Header names are in lower case; of a query parameter that comes twice the last counts."""

    method: str
    path: str
    query: Mapping[str, str] = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""

    def json(self) -> Json:
        """The body, which must be a JSON object; no body is an empty one. Raises ``Failed`` (400)."""
        try:
            read = json.loads(self.body) if self.body.strip() else {}
        except ValueError as error:
            raise Failed(Answer.json({"error": f"not JSON: {error}"}, 400)) from None
        if not isinstance(read, dict):
            raise Failed(Answer.json({"error": "the body must be a JSON object"}, 400))
        return read

    def form(self) -> dict[str, str]:
        """The body as ``application/x-www-form-urlencoded``."""
        return {name: values[-1] for name, values in parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True).items()}

    def fields(self) -> Json:
        """The body as a form or as JSON, by its content type: what people send with curl."""
        is_form = self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return dict(self.form()) if is_form and not self.body.lstrip().startswith(b"{") else self.json()

    def parts(self) -> dict[str, Part]:
        """The body as ``multipart/form-data``, by name."""
        head = f"Content-Type: {self.headers.get('content-type', '')}\r\n\r\n".encode()
        found = {}
        for part in BytesParser(policy=HTTP).parsebytes(head + self.body).iter_parts():
            name = part.get_param("name", header="content-disposition")
            if isinstance(name, str):
                data = part.get_payload(decode=True)
                found[name] = Part(data if isinstance(data, bytes) else b"", part.get_content_type(), part.get_filename() or "")
        return found


@attrs.frozen(slots=True)
class Answer:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Answer:
        """JSON."""
        return cls(status, json.dumps(value, ensure_ascii=False).encode())

    @classmethod
    def html(cls, text: str, status: int = 200) -> Answer:
        """A page."""
        return cls(status, text.encode(), "text/html; charset=utf-8")

    @classmethod
    def redirect(cls, url: str) -> Answer:
        """Go there, with GET."""
        return cls(303, b"", "text/plain", {"Location": url})


class Failed(Exception):
    """Ends a handler with an answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status}")
        self.answer = answer


Handler = Callable[..., Answer]
"""``handler(request, **names of the path)``. It is plain: what it does happens at once, before or after a fault, never half."""

Around = Callable[[Request, Callable[[], Answer]], Awaitable[Answer | None]]
"""What stands between the socket and a handler: it may wait, refuse, or return None, and the connection ends without an answer."""


async def nothing_between(request: Request, handle: Callable[[], Answer]) -> Answer | None:
    """Answer at once."""
    return handle()


class Web:
    """Routes, and the server that serves them. ``<name>`` in a path is a segment of it, ``<name...>`` the whole rest."""

    def __init__(self, around: Around = nothing_between) -> None:
        self.around = around
        self.port = 0
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._unknown: Callable[[Request], Answer] = lambda request: Answer.json({"error": f"no such path: {request.path}"}, 404)

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Add a route; of those that fit the first is taken."""
        pattern = re.sub(r"<(\w+)\\\.\\\.\\\.>", r"(?P<\1>.+)", re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", re.escape(path)))
        self._routes.append((method, re.compile(pattern), handler))

    def otherwise(self, handler: Callable[[Request], Answer]) -> None:
        """What is answered where there is no route."""
        self._unknown = handler

    def handle(self, request: Request) -> Answer:
        """Find the handler and call it."""
        method = "GET" if request.method == "HEAD" else request.method
        try:
            for wanted, pattern, handler in self._routes:
                if wanted in (method, "*") and (match := pattern.fullmatch(request.path)):
                    return handler(request, **{name: unquote(value) for name, value in match.groupdict().items()})
            return self._unknown(request)
        except Failed as failed:
            return failed.answer

    async def serve_tcp(
        self, port: int, *, host: str = "127.0.0.1", task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Listen until cancelled; the start value is the port."""
        listeners = await trio.open_tcp_listeners(port, host=host)
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started(self.port)
        await trio.serve_listeners(self.serve_stream, listeners)

    async def serve_stream(self, stream: trio.abc.Stream) -> None:
        """One connection, until either side has enough of it."""
        connection = h11.Connection(h11.SERVER)
        async with stream:
            try:
                while await self._serve_one(connection, stream):
                    connection.start_next_cycle()
            except h11.RemoteProtocolError as error:
                if connection.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                    refused = Answer.json({"error": str(error)}, error.error_status_hint)
                    await _send(connection, stream, refused, head_only=False)
            except (trio.BrokenResourceError, trio.ClosedResourceError, h11.LocalProtocolError):
                pass  # whoever asked has gone

    async def _serve_one(self, connection: h11.Connection, stream: trio.abc.Stream) -> bool:
        head: h11.Request | None = None
        body = bytearray()
        with trio.move_on_after(IDLE_S) as idle:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    if connection.they_are_waiting_for_100_continue:
                        await stream.send_all(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                    connection.receive_data(bytes(await stream.receive_some()))
                elif isinstance(event, h11.Request):
                    head = event
                elif isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > MAX_BODY_BYTES:
                        raise h11.RemoteProtocolError("too large", error_status_hint=413)
                elif isinstance(event, h11.EndOfMessage):
                    break
                else:  # the connection ended
                    return False
        if idle.cancelled_caught or head is None:
            return False
        answer = await self.around(request := _request(head, bytes(body)), partial(self.handle, request))
        if answer is None:
            return False
        await _send(connection, stream, answer, head_only=request.method == "HEAD")
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE


def _request(head: h11.Request, body: bytes) -> Request:
    target = urlsplit(head.target.decode("ascii", "replace"))
    return Request(
        method=head.method.decode(),
        path=target.path,
        query={name: values[-1] for name, values in parse_qs(target.query, keep_blank_values=True).items()},
        headers={name.decode().lower(): value.decode("latin-1") for name, value in head.headers},
        body=body,
    )


async def _send(connection: h11.Connection, stream: trio.abc.Stream, answer: Answer, *, head_only: bool) -> None:
    own = {name.lower() for name in answer.headers}
    headers = [*answer.headers.items()]
    if "content-length" not in own:
        headers.append(("Content-Length", str(len(answer.body))))
    if answer.body and "content-type" not in own:
        headers.append(("Content-Type", answer.content_type))
    data = connection.send(h11.Response(status_code=answer.status, headers=headers)) or b""
    if not head_only and answer.status not in {204, 304}:
        data += connection.send(h11.Data(data=answer.body)) or b""
    await stream.send_all(data + (connection.send(h11.EndOfMessage()) or b""))
