"""The HTTP server: the application, which is declared routes before Quart-Trio, and how it is run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog
import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from quart import Blueprint, Response, g, request
from quart.globals import request_ctx
from quart_trio import QuartTrio

from csms.config import ApiConfig
from csms.core import tracing
from csms.core.ports import Blocking, Random
from csms.telemetry import Reading, Telemetry

from . import docs, encodings, live, live_socket, problems
from .calls import Backing
from .docs import Described
from .edge import Edge
from .exchange import request_id
from .feed import Feed
from .health import Component, examine
from .limits import headers_of
from .mounting import PREFIX, let_in
from .routes import Routes
from .serving import serve
from .switchboard import METHODS, OTHER, UNKNOWN, Switchboard

MOST_REQUESTS = 200


class _Application(QuartTrio):
    """Quart, with the edge and the declared routes before it."""

    edge: Edge
    board: Switchboard

    async def make_default_options_response(self) -> Response:
        """What there is under a path (RFC 9110 §9.3.7)."""
        methods = request_ctx.url_adapter.allowed_methods() if request_ctx.url_adapter is not None else ()
        return Response(b"", status=204, headers={"Allow": ", ".join(sorted(methods))})

    async def asgi_app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await self.edge.pass_on(self._connect, scope, receive, send)

    async def _connect(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http" or not await self.board.serve(scope, receive, send):
            await super().asgi_app(scope, receive, send)


def build(
    *,
    config: ApiConfig,
    telemetry: Telemetry,
    components: list[Component],
    feed: Feed,
    random: Random,
    backing: Backing,
    slices: Sequence[Routes],
    plugin_routes: Sequence[tuple[str, Blueprint | Routes]],
    most_requests: int = MOST_REQUESTS,
) -> QuartTrio:
    """The application: probes, metrics, the live feed, the slices' routes under ``/api/v1``, and plugins' under ``/plugins/NAME``."""
    app = _Application("csms")
    app.edge = Edge(config, most=most_requests, random=random)
    app.board = Switchboard(telemetry=telemetry, random=random, blocking=backing.ports.blocking)
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes
    problems.install(app)
    _measure(app, telemetry, random, backing.ports.blocking)
    _show(telemetry, app.edge, backing)

    @app.get("/health")
    async def health() -> Response:
        ready, page = await examine(components)
        return Response(msgspec.json.encode(page), status=200 if ready else 503, content_type="application/json")

    @app.get("/ready")
    async def ready() -> Response:
        ready, page = await examine([component for component in components if component.vital])
        return Response(msgspec.json.encode(page), status=200 if ready else 503, content_type="application/json")

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(telemetry.page(), content_type="text/plain; version=0.0.4; charset=utf-8")

    described = Described(backing.ports.blocking)
    app.board.mount(described.tell(own_routes(feed, slices, described)), backing, most_bytes=config.max_body_bytes)
    docs.install(app, backing.ports.blocking)
    live_socket.install(app, feed, backing, config, prefix=PREFIX)
    for plugin, each in plugin_routes:
        if isinstance(each, Routes):
            prefix = PREFIX if each.top else f"/plugins/{plugin}"
            app.board.mount(described.tell([each], prefix), backing, prefix=prefix, most_bytes=config.max_body_bytes)
            continue
        _guard(each, backing, "plugins:call")
        app.register_blueprint(each, url_prefix=f"/plugins/{plugin}{each.url_prefix or ''}", name=f"{plugin}.{each.name}")
    app.board.paths.finish()
    return app


def own_routes(feed: Feed, slices: Sequence[Routes], described: Described) -> list[Routes]:
    """The routes of every server, whatever plugins it has."""
    return [*slices, live.routes(feed), docs.routes(described)]


def _guard(blueprint: Blueprint, backing: Backing, needs: str) -> None:
    """Let only those with a permission use a blueprint."""

    @blueprint.before_request
    async def check() -> None:
        await let_in(backing, request, g, needs)


def _show(telemetry: Telemetry, edge: Edge, backing: Backing) -> None:
    """What the API has to do, and what it did not take on."""

    def refused() -> list[tuple[tuple[str, ...], float]]:
        return [(("busy",), edge.refused), (("limit",), 0 if backing.limits is None else backing.limits.refused)]

    under_way = "requests to the API under way, live feeds not counted"
    telemetry.add(Reading("csms_api_requests_under_way", under_way, (), lambda: [((), edge.under_way)]))
    told = "requests to the API that were refused: busy with too many at a time, or beyond a limit"
    telemetry.add(Reading("csms_api_refused", told, ("why",), refused, kind="counter"))


def _measure(app: QuartTrio, telemetry: Telemetry, random: Random, blocking: Blocking) -> None:
    @app.before_request
    async def begin() -> None:
        g.started = trio.current_time()
        g.request_id = request_id(request.headers.get("X-Request-Id", ""), random)
        g.counted = ()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        tracing.work_for(g.request_id)

    @app.after_request
    async def end(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule is not None else UNKNOWN
        method = request.method if request.method in METHODS else OTHER
        telemetry.requests.observe((route, method, str(response.status_code)), trio.current_time() - g.started)
        response.headers["X-Request-Id"] = g.request_id
        for name, value in headers_of(g.counted).items():
            response.headers.setdefault(name, value)
        encoding = encodings.wanted(response.headers, response.content_length or 0, request.headers.get("Accept-Encoding", ""))
        if encoding:
            data: bytes = await response.get_data(as_text=False)
            response.set_data(await encodings.packed(data, encoding, blocking))
            encodings.label(response.headers, encoding)
        return response


async def run(
    app: QuartTrio,
    config: ApiConfig,
    *,
    grace_s: float,
    stopping: Callable[[], Awaitable[None]],
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until ``stopping`` returns, then let requests finish for ``grace_s``; starts with the addresses it listens on."""
    hypercorn = HypercornConfig()
    hypercorn.keep_alive_timeout = 30
    hypercorn.ssl_handshake_timeout = 10
    hypercorn.websocket_max_message_size = 65_536
    hypercorn.errorlog = None
    hypercorn.accesslog = None
    if config.tls_certificate:
        hypercorn.certfile, hypercorn.keyfile = config.tls_certificate, config.tls_key
    await serve(app, hypercorn, host=config.host, port=config.port, grace_s=grace_s, stopping=stopping, task_status=task_status)
