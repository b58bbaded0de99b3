"""Puts declared routes on the HTTP server: login, permission, reach, limits, conditions, idempotency and answers, once for all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
import trio
from quart import Quart, Response, g, request
from werkzeug.http import dump_options_header, http_date

from csms.core.access import Principal
from csms.core.errors import CsmsError, NotFound

from . import auth, bodies, bulk, queries
from .calls import Answers, Backing, Call, Given, etag_of_answer, matches
from .problems import Problem
from .routes import CHARGER, LIST, OWN, PUBLIC, STATION, Raw, Reply, Route, Routes
from .shapes import encode, without_secrets

PREFIX = "/api/v1"
LONGEST_KEY = 200
JSON, SSE = "application/json", "text/event-stream"

log = structlog.get_logger("csms.api")


def mount(app: Quart, slices: Sequence[Routes], backing: Backing, *, prefix: str = PREFIX) -> list[Route]:
    """Serve every route under ``prefix``; all of them, for the OpenAPI page. Raises ``ValueError`` for two of one name."""
    routes = [route for each in slices for route in each.routes]
    names: set[str] = set()
    for route in routes:
        if route.name in names:
            raise ValueError(f"there are two routes called {route.name}")
        names.add(route.name)
        if route.most_body_bytes:
            bulk.expect(app, f"{prefix}{route.rule}", route.most_body_bytes)
        app.add_url_rule(f"{prefix}{route.rule}", endpoint=route.name, view_func=_view_of(route, backing), methods=[route.method])
    return routes


def _view_of(route: Route, backing: Backing) -> Callable[..., Any]:
    leaving = leaving_headers(route)

    async def view(**path: Any) -> Response:
        call = await _enter(route, backing, path, leaving)
        takes = dict(path)
        if route.query is not None:
            takes["query"] = queries.query(route.query, _arguments(route.query))
        key = request.headers.get("Idempotency-Key") if route.method == "POST" and route.needs != PUBLIC else None
        if key is not None:
            return await _once(route, backing, call, takes, key)
        if request.method == "HEAD" and route.produces == SSE:
            return _head_of_a_stream()
        return await _answered(route, call, takes)

    view.__name__ = route.name
    return view


def leaving_headers(route: Route) -> dict[str, str]:
    """What tells callers that a route will go: since when it should not be used (RFC 9745) and its end (RFC 8594)."""
    headers: dict[str, str] = {}
    if route.deprecated:
        headers["Deprecation"] = f"@{int(_start_of(route.deprecated).timestamp())}"
    if route.sunset:
        headers["Sunset"] = http_date(_start_of(route.sunset))
    return headers


def _start_of(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


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


def limited(backing: Backing, limited_by: str = "requests") -> None:
    """Count a request before its login. Raises ``Problem`` 429."""
    if backing.limits is not None:
        g.counted = backing.limits.before_login(limited_by, request.remote_addr or "", auth.secret_shown)


async def let_in(backing: Backing, needs: str, limited_by: str = "requests") -> Principal:
    """Who asks, within their limits and with the permission that it needs. Raises ``Problem`` 401, 403 or 429."""
    limited(backing, limited_by)
    g.who = who = await auth.who_asks(backing.authenticate)
    if backing.limits is not None:
        g.counted = backing.limits.count(who, g.counted)
    if not who.may(needs):
        raise Problem(403, "Forbidden", f"this needs the permission {needs}, which {who.name} ({who.role}) does not have")
    return who


async def _enter(route: Route, backing: Backing, path: dict[str, Any], leaving: Mapping[str, str]) -> Call:
    """Who asks, whether they may, and within their limits. Raises ``Problem``."""
    g.leaving = leaving
    if route.needs == PUBLIC:
        limited(backing, route.limited_by)
        who = auth.stranger()
    else:
        who = await let_in(backing, route.needs, route.limited_by)
        if who.stations is not None:
            await _reach(route, backing, who, path)
    structlog.contextvars.bind_contextvars(operation=route.name, who=who.name)
    return Call(
        who=who,
        backing=backing,
        action=route.name,
        request_id=g.request_id,
        remote_address=request.remote_addr or "",
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
        etag = response.headers.get("ETag")
        if etag and (known := request.headers.get("If-None-Match")) and matches(known, etag):
            return Response(b"", status=304, headers=dict(result.headers))
        return response
    status, headers, body = route.status, {}, result
    if isinstance(result, Reply):
        status, headers, body = result.status, dict(result.headers), result.body
    if status == 204 or (body is None and route.tells is None):
        return Response(b"", status=204, headers=headers)
    text = encode(body)
    if route.method in ("GET", "PUT", "PATCH") and status == 200:
        etag = headers.setdefault("ETag", etag_of_answer(body, text))
        if route.method == "GET" and (known := request.headers.get("If-None-Match")) and matches(known, etag):
            return Response(b"", status=304, headers=headers)
    return Response(text, status=status, headers=headers, content_type=JSON)


def _head_of_a_stream() -> Response:
    """The head alone of what never ends; nobody may wait for its length."""
    response = Response(b"", content_type=SSE)
    response.headers.remove("Content-Length")
    return response


def _attachment(filename: str) -> str:
    return dump_options_header("attachment", {"filename": filename})


# --- idempotency ----------------------------------------------------------------------------------------------------------------


async def _once(route: Route, backing: Backing, call: Call, takes: dict[str, Any], key: str) -> Response:
    """Answer a POST with an ``Idempotency-Key`` once; repeats get the same answer (draft-ietf-httpapi-idempotency-key-header)."""
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise Problem(422, "Invalid Input", f"an Idempotency-Key has 1 to {LONGEST_KEY} printable characters")
    # a bulky body is left to its handler, to be taken piece by piece: of it only the length counts
    bulky = str(request.content_length).encode()
    text: Any = bulky if route.most_body_bytes else await request.get_data(as_text=False)
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
