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
from quart_trio import QuartTrio
from werkzeug.routing import IntegerConverter, Map

from csms.config import ApiConfig
from csms.core.ports import Random
from csms.telemetry import Telemetry

from . import auth, live, problems
from .calls import Backing
from .finishing import finishing
from .health import Component, examine
from .live import Feed
from .mounting import mount
from .problems import Problem
from .routes import Routes
from .serving import serve
from .shapes import LARGEST

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Id(IntegerConverter):
    """A number in a path; one that no database has names nothing."""

    def __init__(self, map: Map, *args: Any, **more: Any) -> None:
        super().__init__(map, *args, **{"max": LARGEST, **more})


class _Application(QuartTrio):
    async def asgi_app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await super().asgi_app(scope, receive, finishing(send))


def build(
    *,
    config: ApiConfig,
    telemetry: Telemetry,
    components: list[Component],
    feed: Feed,
    random: Random,
    backing: Backing,
    slices: Sequence[Routes],
    blueprints: Sequence[Blueprint],
    plugin_routes: Sequence[tuple[str, Blueprint | Routes]],
) -> QuartTrio:
    """The application: probes, metrics, the live feed, the slices' routes under ``/api/v1``, and plugins' under ``/plugins/NAME``."""
    app = _Application("csms")
    app.url_map.converters["int"] = _Id
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes
    problems.install(app)
    _measure(app, telemetry, random)

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

    mount(app, [live.routes(feed), *slices], backing)
    for blueprint in blueprints:
        _guard(blueprint, backing, "system:write")
        app.register_blueprint(blueprint, url_prefix=f"/api/v1{blueprint.url_prefix or ''}")
    for plugin, each in plugin_routes:
        if isinstance(each, Routes):
            mount(app, [each], backing, prefix=f"/plugins/{plugin}")
            continue
        _guard(each, backing, "plugins:call")
        app.register_blueprint(each, url_prefix=f"/plugins/{plugin}{each.url_prefix or ''}", name=f"{plugin}.{each.name}")
    return app


def _guard(blueprint: Blueprint, backing: Backing, needs: str) -> None:
    """Let only those with a permission use a blueprint."""

    @blueprint.before_request
    async def check() -> None:
        who = await auth.who_asks(backing.authenticate)
        if not who.may(needs):
            raise Problem(403, "Forbidden", f"this needs the permission {needs}")


def _measure(app: QuartTrio, telemetry: Telemetry, random: Random) -> None:
    @app.before_request
    async def begin() -> None:
        g.started = trio.current_time()
        g.request_id = request.headers.get("X-Request-Id", "")[:64] or random.token(9)
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    async def end(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule is not None else "unknown"
        method = request.method if request.method in METHODS else "other"  # anybody can make one up
        telemetry.requests.observe((route, method, str(response.status_code)), trio.current_time() - g.started)
        response.headers["X-Request-Id"] = g.request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
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
    hypercorn.errorlog = None
    hypercorn.accesslog = None
    if config.tls_certificate:
        hypercorn.certfile, hypercorn.keyfile = config.tls_certificate, config.tls_key
    await serve(app, hypercorn, host=config.host, port=config.port, grace_s=grace_s, stopping=stopping, task_status=task_status)
