"""What every declared route has done for it, once for all: login, permission, reach, limits, conditions, idempotency and answers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
import trio
from werkzeug.http import dump_options_header, http_date

from csms.core.access import OF_PEOPLE, Principal
from csms.core.errors import CsmsError, NotFound

from . import auth, bodies, problems, queries
from .calls import NOTE_LIMIT_S, Answers, Backing, Call, Given, etag_of_answer, matches
from .exchange import Request, Response
from .problems import Problem, alone
from .routes import CHARGER, LIST, LONGEST_KEY, OWN, PUBLIC, STATION, STRANGERS_KEY, Raw, Reply, Route, Streamed
from .shapes import encode, without_secrets

PREFIX = "/api/v1"
JSON, SSE = "application/json", "text/event-stream"
KEPT_HEADERS = ("location", "etag", "content-disposition", "cache-control", "content-security-policy")
"""What a repeat under an ``Idempotency-Key`` is told again beside the body: not what was true of the first request alone, such as cookies."""


class Marks(Protocol):
    """Where it is noted of a request what counted it, and who asks."""

    counted: Any
    who: Any


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


async def answered(route: Route, backing: Backing, request: Request, path: dict[str, Any]) -> Response:
    """What a route answers to a request. Raises ``Problem``, ``CsmsError``, and whatever a handler does."""
    call = await _enter(route, backing, request, path)
    takes = dict(path)
    if route.query is not None:
        takes["query"] = queries.query(route.query, request.query)
    if route.takes_key and "Idempotency-Key" in request.headers:
        return await _once(route, backing, call, takes, request.headers.get("Idempotency-Key"))
    if request.method == "HEAD" and route.produces == SSE:
        return Response(200, {"content-type": SSE})  # the head alone of what never ends
    return await _handled(route, call, takes)


async def _handled(route: Route, call: Call, takes: dict[str, Any]) -> Response:
    if route.body is not None:
        takes["body"] = await bodies.body(call.request, route.body)
    try:
        with trio.CancelScope(deadline=trio.current_time() + (math.inf if route.limit_s is None else route.limit_s)) as scope:
            result = await route.handler(call, **takes)
    except BaseException as error:
        if not (isinstance(error, Exception) and isinstance(alone(error), (Problem, CsmsError))):
            await _note_cut_off(route, call, takes)
        raise
    if scope.cancelled_caught:
        await _note_cut_off(route, call, takes)
        raise Problem(504, "Gateway Timeout", f"not done within {route.limit_s:g} s; it may have been done in part")
    if route.audit and not call.audited:
        await call.note(detail=_said(takes.get("body")))
    return respond(route, call.request, result)


async def _note_cut_off(route: Route, call: Call, takes: Mapping[str, Any]) -> None:
    """Tell the audit log of what was begun and may have been done in part: out of time, cancelled, or by an error of ours."""
    if route.audit and not call.audited:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + NOTE_LIMIT_S):
            await call.note(detail={**_said(takes.get("body")), "cut_off": True})


def _said(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    shown = without_secrets(body)
    return shown if isinstance(shown, dict) else {}


# --- who may ------------------------------------------------------------------------------------------------------------------------


def limited(backing: Backing, asked: auth.Asking, marks: Marks, limited_by: str = "requests") -> None:
    """Count a request before its login. Raises ``Problem`` 429."""
    if backing.limits is not None:
        marks.counted = backing.limits.before_login(limited_by, asked.remote_addr or "", lambda: auth.secret_shown(asked))


async def let_in(backing: Backing, asked: auth.Asking, marks: Marks, needs: str, limited_by: str = "requests") -> Principal:
    """Who asks, within their limits and with the permission that it needs. Raises ``Problem`` 401, 403 or 429."""
    limited(backing, asked, marks, limited_by)
    marks.who = who = await backing.authenticate(auth.shown(asked))
    if backing.limits is not None:
        marks.counted = backing.limits.count(who, marks.counted)
    if not who.may(needs):
        if needs in OF_PEOPLE and who.user_id is None:
            raise Problem(403, "Forbidden", f"this is about one's own account, and {who.name} has none: log in as a user")
        raise Problem(403, "Forbidden", f"this needs the permission {needs}, which {who.name} ({who.role}) does not have")
    return who


async def _enter(route: Route, backing: Backing, request: Request, path: dict[str, Any]) -> Call:
    """Who asks, whether they may, and within their limits. Raises ``Problem``."""
    if route.needs == PUBLIC:
        limited(backing, request, request, route.limited_by)
        who = auth.stranger()
    else:
        who = await let_in(backing, request, request, route.needs, route.limited_by)
        if who.stations is not None:
            await _reach(route, backing, who, path)
    if not route.compared and "If-Match" in request.headers:
        raise Problem(412, "Precondition Failed", "there is no state of this that If-Match could name: ask without it")
    structlog.contextvars.bind_contextvars(operation=route.name, who=who.name)
    return Call(
        who=who,
        backing=backing,
        action=route.name,
        request=request,
        request_id=request.id,
        remote_address=request.remote_addr,
        if_match=request.headers.get("If-Match"),
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


# --- what goes out ------------------------------------------------------------------------------------------------------------------


def respond(route: Route, request: Request, result: Any) -> Response:
    """What a handler returned, as a response; the ETag of a single thing, and 304 where the client has it already."""
    if isinstance(result, (Raw, Streamed)):
        return _file(request, result)
    status, headers, body = route.status, {}, result
    cookies: Sequence[str] = ()
    if isinstance(result, Reply):
        status, headers, cookies, body = result.status, _lower(result.headers), result.cookies, result.body
    if status == 204 or (body is None and route.tells is None):
        return Response(204, headers, cookies=cookies)
    text = encode(body)
    if route.method in ("GET", "PUT", "PATCH") and status == 200:
        etag = headers.setdefault("etag", etag_of_answer(body, text))
        if route.method == "GET" and (known := request.headers.get("If-None-Match")) and matches(known, etag):
            return Response(304, headers)
    headers["content-type"] = JSON
    return Response(status, headers, text, cookies=cookies)


def _file(request: Request, result: Raw | Streamed) -> Response:
    headers = _lower(result.headers)
    headers.setdefault("content-type", result.content_type)
    if result.filename:
        headers["content-disposition"] = dump_options_header("attachment", {"filename": result.filename})
    if isinstance(result, Streamed):
        return Response(result.status, headers, pieces=result.pieces, limit_s=result.limit_s)
    etag = headers.get("etag")
    if etag and (known := request.headers.get("If-None-Match")) and matches(known, etag):
        return Response(304, _lower(result.headers))
    return Response(result.status, headers, result.body)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


# --- idempotency --------------------------------------------------------------------------------------------------------------------


async def _once(route: Route, backing: Backing, call: Call, takes: dict[str, Any], key: str) -> Response:
    """Answer a POST with an ``Idempotency-Key`` once; repeats get the same answer (draft-ietf-httpapi-idempotency-key-header)."""
    least = STRANGERS_KEY if route.needs == PUBLIC else 1
    if not least <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise Problem(422, "Invalid Input", f"an Idempotency-Key has {least} to {LONGEST_KEY} printable characters here")
    # a bulky body is left to its handler, to be taken piece by piece: of it only the length counts
    request = call.request
    text = str(request.content_length).encode() if route.most_body_bytes else await request.body()
    fingerprint = hashlib.blake2b(b"\0".join([route.name.encode(), request.target, text]), digest_size=16).hexdigest()
    answers: Answers = backing.answers
    given = await answers.begin(call.who, key, fingerprint)
    if given is not None:
        return _again(given, fingerprint)
    try:
        response = await _handled(route, call, takes)
    except Exception as error:
        # Whether something was done is known only where the error says that nothing was.
        if problems.says_nothing_was_done(problems.alone(error)):
            await answers.forget(call.who, key)
        raise
    body = await response.collected()
    given = Given(
        fingerprint=fingerprint,
        status=response.status,
        body=body,
        content_type=response.headers.get("content-type", ""),
        headers={name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
    )
    await answers.finish(call.who, key, given)
    return response


def _again(given: Given, fingerprint: str) -> Response:
    if given.fingerprint != fingerprint:
        raise Problem(422, "Invalid Input", "this Idempotency-Key was used for another request; use a new one")
    if not given.status:
        raise Problem(
            409, "Conflict", "the first request with this Idempotency-Key has no answer (yet): it may be under way, or was cut off"
        )
    headers = {"idempotent-replayed": "true", **given.headers}
    if given.content_type:
        headers["content-type"] = given.content_type
    return Response(given.status, headers, given.body)
