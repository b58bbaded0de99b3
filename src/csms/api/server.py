"""The HTTP server: the Quart-Trio application, and how it is run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import structlog
import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from quart import Blueprint, Response, g, request
from quart.globals import request_ctx
from quart.routing import QuartRule
from quart_trio import QuartTrio
from werkzeug.routing import IntegerConverter

from csms.config import ApiConfig
from csms.core.ports import Blocking, Random
from csms.telemetry import Reading, Telemetry

from . import docs, live, live_socket, problems
from .bulk import BulkConnection
from .calls import Backing
from .docs import Described
from .edge import Edge
from .encodings import shrink
from .feed import Feed
from .health import Component, examine
from .limits import headers_of
from .mounting import PREFIX, let_in, mount
from .routes import Routes
from .serving import serve
from .shapes import LARGEST

MOST_REQUESTS = 200
LONGEST_ID = 64
_DIGITS = 19
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Id(IntegerConverter):
    """A number in a path. One that no database has is taken for the largest, which names nothing: its route answers 404."""

    regex = "[0-9]+"

    def to_python(self, value: str) -> int:
        return LARGEST if len(value) > _DIGITS else min(int(value), LARGEST)


class _Rule(QuartRule):
    """A rule that only matches. Nothing here makes URLs out of rules, and preparing that for each is half the time of a start."""

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        def no_urls(rule: Any, *_: Any) -> Any:
            raise NotImplementedError("URLs are not made out of rules here")

        return no_urls


class _Application(QuartTrio):
    asgi_http_class = BulkConnection
    url_rule_class = _Rule  # type: ignore[assignment]  # it is one

    edge: Edge

    async def make_default_options_response(self) -> Response:
        """What there is under a path (RFC 9110 §9.3.7)."""
        methods = request_ctx.url_adapter.allowed_methods() if request_ctx.url_adapter is not None else ()
        return Response(b"", status=204, headers={"Allow": ", ".join(sorted(methods))})

    async def asgi_app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await self.edge.pass_on(super().asgi_app, scope, receive, send)


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
    app.url_map.converters["int"] = _Id
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
    mount(app, described.tell(own_routes(feed, slices, described)), backing)
    docs.install(app, backing.ports.blocking)
    live_socket.install(app, feed, backing, config, prefix=PREFIX)
    for plugin, each in plugin_routes:
        if isinstance(each, Routes):
            prefix = PREFIX if each.top else f"/plugins/{plugin}"
            mount(app, described.tell([each], prefix), backing, prefix=prefix)
            continue
        _guard(each, backing, "plugins:call")
        app.register_blueprint(each, url_prefix=f"/plugins/{plugin}{each.url_prefix or ''}", name=f"{plugin}.{each.name}")
    return app


def own_routes(feed: Feed, slices: Sequence[Routes], described: Described) -> list[Routes]:
    """The routes of every server, whatever plugins it has."""
    return [*slices, live.routes(feed), docs.routes(described)]


def _guard(blueprint: Blueprint, backing: Backing, needs: str) -> None:
    """Let only those with a permission use a blueprint."""

    @blueprint.before_request
    async def check() -> None:
        await let_in(backing, needs)


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
        given = request.headers.get("X-Request-Id", "")[:LONGEST_ID]
        g.request_id = given if given.isascii() and given.isprintable() and given.strip() else random.token(9)
        g.counted, g.leaving = (), {}
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    async def end(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule is not None else "unknown"
        method = request.method if request.method in METHODS else "other"  # anybody can make one up
        telemetry.requests.observe((route, method, str(response.status_code)), trio.current_time() - g.started)
        response.headers["X-Request-Id"] = g.request_id
        for name, value in (*headers_of(g.counted).items(), *g.leaving.items()):
            response.headers.setdefault(name, value)
        await shrink(response, request.headers.get("Accept-Encoding", ""), blocking)
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
