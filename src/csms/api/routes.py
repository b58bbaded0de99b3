"""How a slice declares its routes: a handler's annotations say what it takes and gives, its decorator who may use it.

    routes = Routes("stations", "Sites where chargers stand.")

    @routes.get("/stations/<int:station_id>", needs="stations:read", reach=STATION)
    async def show(call: Call, station_id: int) -> Station:
        \"""One station.\"""
        return await call.read(service.need_station, station_id)

``query`` and ``body`` are parameters of those names, attrs classes. What the handler returns is shown by ``shapes``; ``Reply`` sets the
status, headers and cookies, ``Raw`` gives other content than JSON, ``Streamed`` gives it piece by piece. The same declaration makes the
OpenAPI page.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from datetime import date
from types import CodeType
from typing import Any

import attrs

from csms.core.access import PERMISSIONS

from .exchange import SEND_LIMIT_S

PUBLIC = ""
"""``needs`` of a route that asks for no login."""
FILE = "*/*"
"""``produces`` of a route that answers with a file of whatever type it is, or a part of it."""
LONGEST_KEY = 200
STRANGERS_KEY = 16
"""The shortest ``Idempotency-Key`` of who is not logged in. All strangers are one caller: a key that another could think of as well would
show them each other's answers."""
REQUEST_LIMIT_S = 30.0
"""Longest time that a handler may take, unless its route says otherwise."""
CHARGER_LIMIT_S = 900.0
"""The same for one that waits for a charger: more than a command may usually wait in its queue and for its answer."""

TENANT, STATION, CHARGER, LIST, OWN = "tenant", "station", "charger", "list", "own"
"""How a route keeps to the stations that staff may see. ``tenant``: it does not, and is refused to those who may see some only.
``station``, ``charger``: its path has a ``station_id`` or a ``charger_id``, which is checked before the handler. ``list``: its handler
passes ``call.stations`` to the store, or checks with ``call.needs_station``. ``own``: it is about the caller alone."""

Handler = Callable[..., Awaitable[Any]]

_PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")


@attrs.frozen(slots=True, kw_only=True)
class Reply:
    """An answer with a status or headers of its own. ``cookies`` are values of ``Set-Cookie`` (``werkzeug.http.dump_cookie``)."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    cookies: Sequence[str] = attrs.field(default=(), repr=False)


@attrs.frozen(slots=True, kw_only=True)
class Raw:
    """An answer that is not JSON; ``filename`` makes it a download."""

    body: bytes
    content_type: str
    filename: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    status: int = 200


@attrs.frozen(slots=True, kw_only=True)
class Streamed:
    """An answer that is sent piece by piece, for ``limit_s`` at most; ``filename`` makes it a download.

    It is closed when it ends, however it ends: what it needs is best opened by itself.
    """

    pieces: AsyncGenerator[bytes, None]
    content_type: str
    filename: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    status: int = 200
    limit_s: float | None = SEND_LIMIT_S


@attrs.frozen(slots=True, kw_only=True)
class Route:
    """One operation of the API."""

    name: str
    """Unique: ``stations.show``; the audit log's action and OpenAPI's operationId."""
    tag: str
    method: str
    rule: str
    """In werkzeug's spelling, from ``/api/v1`` on."""
    handler: Handler
    needs: str
    reach: str
    status: int
    summary: str
    about: str
    path: tuple[tuple[str, type], ...]
    query: type | None
    body: type | None
    tells: Any
    """The type of the answer."""
    errors: Mapping[int, str]
    produces: str
    also: tuple[str, ...]
    """Other content types of the answer, for those who ask for them in the query."""
    example: Any
    raw_body: str
    """The content type of a body that the handler reads itself; ``""`` for JSON or none."""
    most_body_bytes: int
    """The largest body that the handler takes piece by piece (``bulk``); 0 for the usual limit."""
    limit_s: float | None
    moves: bool
    """Whether it costs money or moves a charger: clients should send an ``Idempotency-Key``."""
    compared: bool
    """Whether what it changes has a state that ``If-Match`` can name."""
    audit: bool
    limited_by: str
    """The name of the rate limit that counts it: ``requests``, or ``auth`` for what could be guessed."""
    deprecated: str
    """The day since which callers should use something else, such as ``2027-01-31``; ``""`` for none."""
    sunset: str
    """The day on which it goes."""

    @property
    def template(self) -> str:
        """The path in OpenAPI's spelling."""
        return _PARAMETER.sub(lambda match: f"{{{match['name']}}}", self.rule)

    @property
    def takes_key(self) -> bool:
        """Whether a request may have an ``Idempotency-Key``: where strangers ask, for what costs money or moves a charger alone."""
        return self.method == "POST" and (self.needs != PUBLIC or self.moves)


class Routes:
    """The routes of one slice or plugin."""

    def __init__(self, name: str, about: str, *, tag: str = "", top: bool = False) -> None:
        """``top`` is for a plugin whose routes are to be beside those of the core, under ``/api/v1``."""
        self.name = name
        self.top = top
        self.about = about
        self.tag = tag or name.replace("_", " ").capitalize()
        self.routes: list[Route] = []

    def get(self, rule: str, *, needs: str, **more: Any) -> Callable[[Handler], Handler]:
        """Declare a GET."""
        return self._declare("GET", rule, needs, more)

    def post(self, rule: str, *, needs: str, **more: Any) -> Callable[[Handler], Handler]:
        """Declare a POST."""
        return self._declare("POST", rule, needs, more)

    def put(self, rule: str, *, needs: str, **more: Any) -> Callable[[Handler], Handler]:
        """Declare a PUT."""
        return self._declare("PUT", rule, needs, more)

    def patch(self, rule: str, *, needs: str, **more: Any) -> Callable[[Handler], Handler]:
        """Declare a PATCH: what is not in the body stays as it is."""
        return self._declare("PATCH", rule, needs, more)

    def delete(self, rule: str, *, needs: str, **more: Any) -> Callable[[Handler], Handler]:
        """Declare a DELETE; without a return type it answers 204."""
        return self._declare("DELETE", rule, needs, more)

    def _declare(self, method: str, rule: str, needs: str, more: dict[str, Any]) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            self.routes.append(route_of(self, method, rule, needs, handler, **more))
            return handler

        return declare


def route_of(
    routes: Routes,
    method: str,
    rule: str,
    needs: str,
    handler: Handler,
    *,
    reach: str = TENANT,
    status: int | None = None,
    body: type | None = None,
    query: type | None = None,
    tells: Any = None,
    errors: Mapping[int, str] | None = None,
    produces: str = "application/json",
    also: Sequence[str] = (),
    example: Any = None,
    raw_body: str = "",
    most_body_bytes: int = 0,
    limit_s: float | None = REQUEST_LIMIT_S,
    moves: bool = False,
    compared: bool = True,
    audit: bool = True,
    limited_by: str = "requests",
    deprecated: str = "",
    sunset: str = "",
    name: str = "",
) -> Route:
    """A route out of its handler. ``body``, ``query`` and ``tells`` stand in for annotations where these are made at run time.

    Raises ``TypeError`` for a declaration that cannot work: an unknown permission, a path parameter that the handler does not take.
    """
    where = f"{routes.name}: {method} {rule}"
    if needs != PUBLIC and needs not in PERMISSIONS:
        raise TypeError(f"{where}: there is no permission {needs!r}")
    if reach not in (TENANT, STATION, CHARGER, LIST, OWN):
        raise TypeError(f"{where}: reach {reach!r} is none of tenant, station, charger, list, own")
    takes, hints = _signature(handler)
    path = tuple((match["name"], int if match["kind"] == "int" else str) for match in _PARAMETER.finditer(rule))
    body = body or (hints.get("body") if "body" in takes else None)
    query = query or (hints.get("query") if "query" in takes else None)
    names = {each for each, _ in path}
    if missing := (names | ({"body"} if body else set()) | ({"query"} if query else set())) ^ set(takes):
        raise TypeError(f"{where}: the handler's parameters and the declaration differ in {', '.join(sorted(missing))}")
    if sunset and not deprecated:
        raise TypeError(f"{where}: what goes on a day (sunset) is deprecated before it; say since when")
    if (reach == CHARGER and "charger_id" not in names) or (reach == STATION and "station_id" not in names):
        raise TypeError(f"{where}: reach {reach} without a {reach}_id in the path")
    doc = inspect.getdoc(handler) or ""
    if not doc:
        raise TypeError(f"{where}: its handler has no docstring")
    summary, _, about = doc.partition("\n")
    answer = tells if tells is not None else hints.get("return")
    answer = None if answer is type(None) else answer
    if str(getattr(answer, "__module__", "")).partition(".")[0] in ("quart", "werkzeug", "flask"):
        raise TypeError(
            f"{where}: a declared route answers with data, Reply, Raw or Streamed, not with a {answer.__module__} response"
        )
    return Route(
        name=f"{routes.name}.{name or handler.__name__.rstrip('_')}",
        tag=routes.tag,
        method=method,
        rule=rule,
        handler=handler,
        needs=needs,
        reach=reach,
        status=status or (204 if answer is None and produces == "application/json" else 200),
        summary=summary.rstrip("."),
        about=about.strip(),
        path=path,
        query=query,
        body=body,
        tells=answer,
        errors=dict(errors or {}),
        produces=produces,
        also=tuple(also),
        example=example,
        raw_body=raw_body,
        most_body_bytes=most_body_bytes,
        limit_s=limit_s,
        moves=moves,
        compared=compared,
        audit=audit and method != "GET",
        limited_by=limited_by,
        deprecated=_day(deprecated, where),
        sunset=_day(sunset, where),
    )


def _signature(handler: Handler) -> tuple[Sequence[str], Mapping[str, Any]]:
    """What a handler takes after its call, and the types of that and of what it returns.

    Routes are declared anew for every server, their handlers made around what that server is; what is written in them stays the same, and
    takes long to look up.
    """
    code, written = getattr(handler, "__code__", None), getattr(handler, "__annotations__", {})
    if code is None or hasattr(handler, "__wrapped__") or not all(type(each) is str for each in written.values()):
        return _read(handler)  # what stands there may be other types the next time
    where, what, known = _READ.get(code, (None, None, None))
    if known is None or where is not handler.__globals__ or what != written:
        _READ[code] = handler.__globals__, dict(written), (known := _read(handler))
    return known


_READ: dict[CodeType, tuple[dict[str, Any], dict[str, str], tuple[Sequence[str], Mapping[str, Any]]]] = {}


def _read(handler: Handler) -> tuple[Sequence[str], Mapping[str, Any]]:
    return list(inspect.signature(handler).parameters)[1:], typing.get_type_hints(handler)


def _day(text: str, where: str) -> str:
    """A day of a declaration. Raises ``TypeError``."""
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise TypeError(f"{where}: expected a day such as 2027-01-31, not {text!r}") from None
