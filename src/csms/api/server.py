"""The HTTP server: the Quart-Trio application, and how it is run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
from csms.core.events import EVENT_TYPES
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Random
from csms.telemetry import Telemetry

from . import auth, problems
from .bodies import LARGEST
from .finishing import finishing
from .health import Component, examine
from .live import FRAME, Feed
from .problems import Problem
from .serving import serve

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
    key: str,
    telemetry: Telemetry,
    components: list[Component],
    feed: Feed,
    random: Random,
    blueprints: list[Blueprint],
    plugin_blueprints: list[tuple[str, Blueprint]],
) -> QuartTrio:
    """The application: probes, metrics, the live feed, the slices' routes under ``/api/v1``, and plugins' under ``/plugins/NAME``."""
    app = _Application("csms")
    app.url_map.converters["int"] = _Id
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes
    problems.install(app)
    _measure(app, telemetry, random)
    auth.install(app, key)

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

    @app.get("/api/v1/live")
    async def live() -> Response:
        kinds = frozenset(kind for kind in request.args.get("kinds", "").split(",") if kind)
        if unknown := sorted(kinds - {FRAME, *EVENT_TYPES}):
            known = ", ".join([FRAME, *sorted(EVENT_TYPES)])
            raise Problem(422, "Invalid Input", f"kinds: there is no {', '.join(unknown)}; there are {known}")
        if feed.full:
            raise Problem(503, "Service Unavailable", f"at most {feed.limit} live feeds at a time")
        stream = feed.stream(tenant=DEFAULT_TENANT, charger_id=request.args.get("charger", ""), kinds=kinds)
        response = Response(
            stream, content_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        response.timeout = None
        return response

    for blueprint in blueprints:
        app.register_blueprint(blueprint, url_prefix=f"/api/v1{blueprint.url_prefix or ''}")
    for plugin, blueprint in plugin_blueprints:
        app.register_blueprint(
            blueprint, url_prefix=f"/plugins/{plugin}{blueprint.url_prefix or ''}", name=f"{plugin}.{blueprint.name}"
        )
    return app


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
