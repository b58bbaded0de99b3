"""Puts declared routes on the HTTP server: login, permission, reach, limits, conditions, idempotency and answers, once for all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import structlog
import trio
from quart import Quart, Response, g, request
from werkzeug.http import dump_options_header

from csms.core.access import Principal
from csms.core.errors import CsmsError, NotFound

from . import auth, bodies, queries
from .calls import Answers, Backing, Call, Given, etag_of, matches
from .problems import Problem
from .routes import CHARGER, LIST, OWN, PUBLIC, STATION, Raw, Reply, Route, Routes
from .shapes import encode, without_secrets

PREFIX = "/api/v1"
LONGEST_KEY = 200
JSON = "application/json"

log = structlog.get_logger("csms.api")


def mount(app: Quart, slices: Sequence[Routes], backing: Backing, *, prefix: str = PREFIX) -> list[Route]:
    """Serve every route under ``prefix``; all of them, for the OpenAPI page. Raises ``ValueError`` for two of one name."""
    routes = [route for each in slices for route in each.routes]
    names: set[str] = set()
    for route in routes:
        if route.name in names:
            raise ValueError(f"there are two routes called {route.name}")
        names.add(route.name)
        app.add_url_rule(f"{prefix}{route.rule}", endpoint=route.name, view_func=_view_of(route, backing), methods=[route.method])
    return routes


def _view_of(route: Route, backing: Backing) -> Callable[..., Any]:
    async def view(**path: Any) -> Response:
        call = await _enter(route, backing, path)
        takes = dict(path)
        if route.query is not None:
            takes["query"] = queries.query(route.query, _arguments(route.query))
        key = request.headers.get("Idempotency-Key", "") if route.method == "POST" and route.needs != PUBLIC else ""
        if key:
            return await _once(route, backing, call, takes, key)
        return await _answered(route, call, takes)

    view.__name__ = route.name
    return view


def _arguments(query: type) -> dict[str, str]:
    """The query's arguments; one that is given several times is a list."""
    return {name: ",".join(values) for name, values in request.args.lists()}


async def _answered(route: Route, call: Call, takes: dict[str, Any]) -> Response:
    if route.body is not None:
        takes["body"] = await bodies.body(route.body)
    if route.limit_s is None:
        result = await route.handler(call, **takes)
    else:
        with trio.move_on_after(route.limit_s) as scope:
            result = await route.handler(call, **takes)
        if scope.cancelled_caught:
            raise Problem(504, "Gateway Timeout", f"not done within {route.limit_s:g} s; it may have been done in part")
    if route.audit and not call.audited:
        await call.note(detail=_said(takes.get("body")))
    return respond(route, result)


def _said(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    shown = without_secrets(body)
    return shown if isinstance(shown, dict) else {}


async def _enter(route: Route, backing: Backing, path: dict[str, Any]) -> Call:
    """Who asks, whether they may, and within their limits. Raises ``Problem``."""
    limits = backing.limits
    remote = request.remote_addr or ""
    if limits is not None:
        limits.before_login(route.limited_by, remote)
    if route.needs == PUBLIC:
        who = auth.stranger()
    else:
        who = await auth.who_asks(backing.authenticate)
        g.who = who
        if limits is not None:
            limits.count(who)
        if not who.may(route.needs):
            raise Problem(403, "Forbidden", f"this needs the permission {route.needs}, which {who.name} ({who.role}) does not have")
        if who.stations is not None:
            await _reach(route, backing, who, path)
    structlog.contextvars.bind_contextvars(operation=route.name, who=who.name)
    return Call(
        who=who,
        backing=backing,
        action=route.name,
        request_id=g.request_id,
        remote_address=remote,
        if_match=request.headers.get("If-Match", ""),
        path=path,
    )


async def _reach(route: Route, backing: Backing, who: Principal, path: dict[str, Any]) -> None:
    """Keep staff of some stations to those. What a route does not say it can do for them, it does not do."""
    stations = who.stations or frozenset()
    if route.reach == STATION:
        if path["station_id"] not in stations:
            raise NotFound(f"there is no station {path['station_id']}")
    elif route.reach == CHARGER:
        if await backing.station_of(who.tenant, path["charger_id"]) not in stations:
            raise NotFound(f"there is no charger {path['charger_id']!r}")
    elif route.reach not in (LIST, OWN):
        raise Problem(403, "Forbidden", "this is for those who may see every station of the tenant")


def respond(route: Route, result: Any) -> Response:
    """What a handler returned, as a response; the ETag of a single thing, and 304 where the client has it already."""
    if isinstance(result, Response):
        return result
    if isinstance(result, Raw):
        response = Response(result.body, content_type=result.content_type, headers=dict(result.headers))
        if result.filename:
            response.headers["Content-Disposition"] = _attachment(result.filename)
        return response
    status, headers, body = route.status, {}, result
    if isinstance(result, Reply):
        status, headers, body = result.status, dict(result.headers), result.body
    if status == 204 or (body is None and route.tells is None):
        return Response(b"", status=204, headers=headers)
    text = encode(body)
    if route.method in ("GET", "PUT", "PATCH") and status == 200:
        etag = headers.setdefault("ETag", etag_of(text))
        if route.method == "GET" and (known := request.headers.get("If-None-Match")) and matches(known, etag):
            return Response(b"", status=304, headers=headers)
    return Response(text, status=status, headers=headers, content_type=JSON)


def _attachment(filename: str) -> str:
    return dump_options_header("attachment", {"filename": filename})


# --- idempotency ----------------------------------------------------------------------------------------------------------------


async def _once(route: Route, backing: Backing, call: Call, takes: dict[str, Any], key: str) -> Response:
    """Answer a POST with an ``Idempotency-Key`` once; repeats get the same answer (draft-ietf-httpapi-idempotency-key-header)."""
    if len(key) > LONGEST_KEY or not key.isprintable():
        raise Problem(422, "Invalid Input", f"an Idempotency-Key has 1 to {LONGEST_KEY} printable characters")
    text: Any = await request.get_data(as_text=False)
    fingerprint = hashlib.blake2b(
        b"\0".join([route.name.encode(), request.full_path.encode("utf-8", "replace"), text]), digest_size=16
    ).hexdigest()
    answers: Answers = backing.answers
    given = await answers.begin(call.who, key, fingerprint)
    if given is not None:
        return _again(given, fingerprint)
    try:
        response = await _answered(route, call, takes)
    except (Problem, CsmsError) as error:
        # Whether something was done is known only where the error says that nothing was.
        status = error.status if isinstance(error, Problem) else 409
        if status in (400, 401, 403, 404, 409, 412, 413, 415, 422, 429):
            await answers.forget(call.who, key)
        raise
    body = await response.get_data(as_text=False)
    await answers.finish(
        call.who,
        key,
        Given(fingerprint=fingerprint, status=response.status_code, body=body, content_type=response.content_type or ""),
    )
    return response


def _again(given: Given, fingerprint: str) -> Response:
    if given.fingerprint != fingerprint:
        raise Problem(422, "Invalid Input", "this Idempotency-Key was used for another request; use a new one")
    if not given.status:
        raise Problem(
            409, "Conflict", "the first request with this Idempotency-Key has no answer (yet): it may be under way, or was cut off"
        )
    return Response(
        given.body, status=given.status, content_type=given.content_type or None, headers={"Idempotent-Replayed": "true"}
    )
