"""The live feed over WebSocket, for those who prefer it: the same items as JSON, one in each message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import attrs
import msgspec
import structlog
import trio
from quart import Quart, Response, websocket

from csms.config import ApiConfig
from csms.core.access import Principal
from csms.core.errors import StoreUnavailable

from . import auth, problems, queries
from .calls import Backing, Shown
from .feed import LOGGED_OUT, STOPPING, Feed, Listener
from .items import Item, Scope, Wants, Word
from .live import OF_DRIVERS, READ_LIVE, LiveQuery, OwnQuery, is_end, listening, room_for, scope_of, still, wants_of
from .problems import Problem

LOGIN_LIMIT_S = 10.0
"""Longest wait for the first message of one who did not log in with the handshake."""
MOST_WAITING = 100
"""Sockets without a login at a time."""
MOST_SAID = 100
"""Messages that a client may send; there is nothing to say but the first."""
LONGEST_TOKEN, LONGEST_SLUG = 8192, 200
GOING_AWAY, POLICY, TRY_LATER = 1001, 1008, 1013
"""Codes with which a socket is closed (RFC 6455 §7.4.1; 1013 is in the registry that it opens)."""

log = structlog.get_logger("csms.live")


@attrs.frozen(slots=True, kw_only=True)
class Login:
    """The first message of a client that cannot set headers, as in a browser: ``{"token": "..."}``; ``tenant`` is as in ``X-Tenant``."""

    token: str = attrs.field(repr=False)
    tenant: str = ""


@attrs.define(slots=True, eq=False)
class Lobby:
    """Where those wait who have not said yet who they are: so few that they cannot take the connections of others.

    ``origins`` are the pages elsewhere whose cookies count.
    """

    origins: frozenset[str]
    count: int = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """One more, for a time. Raises ``Problem`` 503."""
        if self.count >= MOST_WAITING:
            raise Problem(503, "Service Unavailable", "too many sockets that have not logged in: log in with the handshake")
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1


def install(app: Quart, feed: Feed, backing: Backing, config: ApiConfig, *, prefix: str) -> None:
    """Serve ``/live/ws`` and ``/me/live/ws``."""
    lobby = Lobby(frozenset(config.cors_origins) if config.cors_credentials else frozenset())

    @app.websocket(f"{prefix}/live/ws")
    async def follow() -> Response | None:
        return await _serve(feed, backing, lobby, own=False)

    @app.websocket(f"{prefix}/me/live/ws")
    async def follow_own() -> Response | None:
        return await _serve(feed, backing, lobby, own=True)


async def _serve(feed: Feed, backing: Backing, lobby: Lobby, *, own: bool) -> Response | None:
    """One socket. What is wrong before it is accepted is answered as any request is, afterwards by closing with a reason."""
    structlog.contextvars.bind_contextvars(request_id=backing.ports.random.token(9))
    accepted = False
    limits = backing.limits
    try:
        counted = [] if limits is None else limits.before_login("requests", websocket.remote_addr or "")
        kind: type[OwnQuery | LiveQuery] = OwnQuery if own else LiveQuery
        query = queries.query(kind, {name: ",".join(each) for name, each in websocket.args.lists()})
        shown = _shown(lobby.origins)
        if shown is None:
            with lobby.waiting():
                await websocket.accept()
                accepted = True
                shown = await _said()
        who = await backing.authenticate(shown)
        if limits is not None:
            limits.count(who, counted)
        scope, wants = _choice(who, query, own=own)
        room_for(feed, who)
        if not accepted:
            await websocket.accept()
            accepted = True
        check = still(backing.authenticate, shown, own=own)
        async with listening(feed, scope, wants, since=query.last_event_id or 0, check=check) as listener:
            await _tell(listener)
    except Problem as problem:
        if not accepted:
            return problems.problem(problem.status, problem.title, problem.detail, problem.more)
        await websocket.close(TRY_LATER if problem.status in (429, 503) else POLICY, _short(problem.detail or problem.title))
    except StoreUnavailable as error:
        if not accepted:
            return problems.problem(503, "Store Unavailable", str(error))
        await websocket.close(TRY_LATER, _short(str(error)))
    return None


def _choice(who: Principal, query: Any, *, own: bool) -> tuple[Scope, Wants]:
    scope = scope_of(who, own=own)
    if scope is None:
        raise Problem(403, "Forbidden", "this is for drivers" if own else f"this needs the permission {READ_LIVE}")
    return scope, Wants(kinds=OF_DRIVERS, transactions=frozenset(query.transaction_id)) if own else wants_of(query, who)


def _shown(origins: frozenset[str]) -> Shown | None:
    """What the handshake shows; None where the first message is to say it.

    A page of any other site may open a socket to us with the cookies of whoever looks at it: a cookie counts only from our own pages,
    and from those that the configuration lets use cookies.
    """
    if websocket.headers.get("Authorization") or websocket.headers.get("X-API-Key"):
        return auth.shown(websocket)
    if not websocket.cookies.get(auth.ACCESS_COOKIE):
        return None
    origin, host = websocket.headers.get("Origin", ""), websocket.headers.get("Host", "")
    if origin not in origins and (not origin or urlsplit(origin).netloc.casefold() != host.casefold()):
        raise Problem(403, "Forbidden", f"a login by cookie is for pages of this server, not of {origin or 'no origin'}")
    return auth.shown(websocket)


async def _said() -> Shown:
    """The login in the first message. Raises ``Problem`` 401."""
    with trio.move_on_after(LOGIN_LIMIT_S):
        try:
            login = msgspec.json.decode(await websocket.receive(), type=Login)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            login = Login(token="")
        if 0 < len(login.token) <= LONGEST_TOKEN:
            return Shown(
                secret=login.token.strip(),
                scheme="bearer",
                by_cookie=False,
                csrf="",
                unsafe=False,
                tenant=login.tenant[:LONGEST_SLUG],
                remote_address=websocket.remote_addr or "",
            )
    raise auth.refused()


async def _tell(listener: Listener) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_hush, listener)
        end: Word | None = None
        while end is None:
            for item in await listener.next():
                await websocket.send(_text(item))
                if is_end(item) and isinstance(item, Word):
                    end = item
        code = GOING_AWAY if end.reason == STOPPING else POLICY if end.reason == LOGGED_OUT else TRY_LATER
        await websocket.close(code, _short(end.reason))
        nursery.cancel_scope.cancel()


async def _hush(listener: Listener) -> None:
    """Read what the client says, or its connection would stand still; who talks on is shown out."""
    for _ in range(MOST_SAID):
        await websocket.receive()
    listener.end("there is nothing to say here")


def _text(item: Item | Word) -> str:
    if isinstance(item, Item):
        return item.text.decode()
    said = {"type": item.kind, "reason": item.reason or None, "event_id": item.event_id or None}
    return msgspec.json.encode({name: value for name, value in said.items() if value is not None}).decode()


def _short(reason: str) -> str:
    """A reason as a close frame takes it: 123 bytes (RFC 6455 §5.5)."""
    return reason.encode()[:120].decode("utf-8", "ignore")
