"""One request as a route's handler sees it: who asks, on whose data, and the store behind limits and the audit log."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import attrs
import trio

from csms.core.access import AuditEntry, Principal
from csms.core.errors import CsmsError, NotFound
from csms.core.ids import TenantId
from csms.core.ports import Ports, ReadTx, Tx

from .encodings import plain_etag
from .exchange import Request
from .limits import Limits
from .problems import Problem
from .shapes import encode, without_secrets

T = TypeVar("T")

READ_LIMIT_S = 20.0
"""Longest wait of a request for a reader, its own reading included."""
NOTE_LIMIT_S = 10.0
"""Longest wait for the audit log where a request was cut off."""


@attrs.frozen(slots=True)
class Subject:
    """What a request changes: its kind and id for the audit log, and how it is read inside a transaction.

    ``view(tx)`` gives what the GET of the same thing answers: its ETag is compared with ``If-Match``, and the audit log keeps what
    changed of it. It may raise ``NotFound``.
    """

    kind: str
    id: str
    view: Callable[[ReadTx], Any] | None = None


@attrs.define(slots=True, eq=False)
class Noted:
    """What will stand in the audit log when it is done: of what, and in what detail."""

    of: Subject
    detail: dict[str, Any]


class Recording(Protocol):
    """The audit log, as the API writes to it."""

    def __call__(self, tx: Tx, entry: AuditEntry, /) -> None:
        """Store an entry with the change that it tells of."""
        ...


@attrs.frozen(slots=True, kw_only=True)
class Given:
    """The answer that was given under an idempotency key, or that one is being made (``status`` 0).

    ``headers`` are those that belong to the answer, such as ``location``, by their lower-case names.
    """

    fingerprint: str
    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = attrs.field(factory=dict)


class Answers(Protocol):
    """Where answers are kept under idempotency keys."""

    async def begin(self, who: Principal, key: str, fingerprint: str) -> Given | None:
        """Claim a key; None when it is new, else what was given under it."""
        ...

    async def finish(self, who: Principal, key: str, given: Given) -> None:
        """Keep the answer."""
        ...

    async def forget(self, who: Principal, key: str) -> None:
        """Give a key back: nothing was done under it."""
        ...


@attrs.frozen(slots=True, kw_only=True)
class Shown:
    """What a request shows to say who it is. ``secret`` comes from ``Authorization``, ``X-API-Key`` or a cookie (``by_cookie``).

    ``tenant`` is the slug that it asks for, ``""`` for the usual one.
    """

    secret: str = attrs.field(repr=False)
    scheme: str
    by_cookie: bool
    csrf: str = attrs.field(repr=False)
    unsafe: bool
    tenant: str
    remote_address: str


Authenticate = Callable[[Shown], Awaitable[Principal]]
"""Who it is. Raises ``Problem`` 401 or 403."""
StationOf = Callable[[TenantId, str], Awaitable[int | None]]
"""``station_of(tenant, charger_id)``: where a charger stands, None where nowhere or where there is no such charger."""


@attrs.frozen(slots=True, kw_only=True)
class Backing:
    """What the API needs of the rest, as callables: it never imports the domain."""

    ports: Ports
    authenticate: Authenticate
    record: Recording
    answers: Answers
    station_of: StationOf
    readers: trio.CapacityLimiter
    """Readers that the API may use at a time: fewer than there are, so that the charger side finds one."""
    limits: Limits | None = None


def etag_of(text: bytes) -> str:
    """The strong ETag of a representation (RFC 9110 §8.8.3)."""
    return f'"{_digest(text)}"'


def etag_of_answer(answer: Any, text: bytes) -> str:
    """The ETag of an answer whose JSON is ``text``.

    A noun that changes by itself, such as a charger that is heard, has ``steady()``: what people change of it. The digest of that comes
    first in its ETag, and is all that ``If-Match`` compares; ``If-None-Match`` compares the whole.
    """
    steady = getattr(answer, "steady", None)
    return etag_of(text) if steady is None else f'"{_digest(encode(steady()))}.{_digest(text)}"'


def unchanged(header: str, answer: Any) -> bool:
    """Whether an ``If-Match`` still names the state of a thing, as far as people change it."""
    now = _steady_part(etag_of_answer(answer, encode(answer)))
    return header.strip() == "*" or now in {_steady_part(each) for each in header.split(",")}


def _steady_part(etag: str) -> str:
    return plain_etag(etag.strip().removeprefix("W/")).strip('"').partition(".")[0]


def _digest(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=12).hexdigest()


def matches(header: str, etag: str) -> bool:
    """Whether an ``If-Match`` or ``If-None-Match`` names this ETag, in whatever encoding it was sent; ``*`` names every one."""
    return header.strip() == "*" or plain_etag(etag) in {plain_etag(each.strip().removeprefix("W/")) for each in header.split(",")}


@attrs.define(slots=True, kw_only=True, eq=False)
class Call:
    """One request. Handlers read and write through it, so that limits, tenancy, ``If-Match`` and the audit log hold everywhere."""

    who: Principal
    backing: Backing
    action: str
    request: Request
    """What was asked, for a handler that must look at its headers, cookies or body itself."""
    request_id: str
    remote_address: str
    if_match: str = ""
    path: Mapping[str, Any] = attrs.field(factory=dict)
    audited: bool = False
    """Whether something went to the audit log already."""

    @property
    def tenant(self) -> TenantId:
        """Whose data this request is about."""
        return self.who.tenant

    @property
    def ports(self) -> Ports:
        """The ports, for flows."""
        return self.backing.ports

    @property
    def stations(self) -> frozenset[int] | None:
        """The stations that this principal may see, for lists; None is all."""
        return self.who.stations

    async def read(self, query: Callable[..., T], /, *arguments: Any) -> T:
        """Run ``query(tx, *arguments)`` on a snapshot of the tenant's data. Raises ``Problem`` 503 when no reader is free for long."""
        try:
            with trio.fail_after(READ_LIMIT_S):
                readers = self.backing.readers
                try:
                    readers.acquire_nowait()  # without the turn of the event loop that ``acquire`` takes
                except trio.WouldBlock:
                    await readers.acquire()
                try:
                    return await self.ports.database.read(query, *arguments, tenant=self.tenant)
                finally:
                    readers.release()
        except trio.TooSlowError:
            raise Problem(503, "Service Unavailable", "too many requests read at the moment; try again") from None

    async def write(
        self,
        verb: Callable[..., T],
        /,
        *arguments: Any,
        keys: Iterable[str] = (),
        of: Subject | None = None,
        makes: str = "",
        detail: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> T:
        """Run ``verb(tx, *arguments, **named)``, with its entry in the audit log, in one transaction.

        With ``of.view`` an ``If-Match`` that names another state is refused with 412, and the entry tells what changed.
        Without ``of`` it tells of what the verb gave back, without its secrets: of a thing that was made, ``makes`` says of which kind.
        """
        self.audited = True

        def recorded(tx: Tx) -> T:
            before = _view(tx, of)
            checked = self.if_match and of is not None and of.view is not None
            if checked and (before is None or not unchanged(self.if_match, before)):
                raise Problem(412, "Precondition Failed", "it changed since it was read: read it again")
            result = verb(tx, *arguments, **named)
            made = result if of is None and attrs.has(type(result)) else None
            after = _view(tx, of) if made is None else made
            entry = self._entry(of, without_secrets(before), without_secrets(after), detail or {})
            if makes:
                entry = attrs.evolve(entry, subject_kind=makes, subject_id=_id_of(made))
            self.backing.record(tx, entry)
            return result

        return await self.ports.database.write(recorded, tenant=self.tenant, keys=keys)

    async def note(self, of: Subject | None = None, detail: Mapping[str, Any] | None = None) -> None:
        """Write to the audit log what was done outside a transaction, such as a command that was sent."""
        self.audited = True
        entry = self._entry(of, None, None, detail or {})
        await self.ports.database.write(self.backing.record, entry, tenant=self.tenant)

    @asynccontextmanager
    async def noting(self, of: Subject, detail: Mapping[str, Any] | None = None) -> AsyncIterator[Noted]:
        """Write to the audit log what is done within, such as asking a charger, which no transaction can span.

        Also where the client goes away or time runs out meanwhile, for it may have been done by then; not what was refused. What comes
        of it may be added. An ``If-Match`` that names another state of the subject is refused with 412 before.
        """
        if self.if_match and of.view is not None:
            before = await self.read(_view, of)
            if before is None or not unchanged(self.if_match, before):
                raise Problem(412, "Precondition Failed", "it changed since it was read: read it again")
        noted = Noted(of, dict(detail or {}))
        refused = False
        try:
            yield noted
        except (Problem, CsmsError):
            refused = True
            raise
        except BaseException:  # cancelled, or an error of ours: what was sent may have been done
            noted.detail["cut_off"] = True
            raise
        finally:
            if not refused:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + NOTE_LIMIT_S):
                    await self.note(noted.of, noted.detail)

    async def needs_charger(self, charger_id: str) -> None:
        """Refuse a thing at a charger that this principal may not see, as if it did not exist. Raises ``NotFound``."""
        if self.who.stations is not None:
            self.needs_station(await self.backing.station_of(self.tenant, charger_id))

    def needs_station(self, station_id: int | None) -> None:
        """Refuse a thing at a station that this principal may not see, as if it did not exist. Raises ``NotFound``."""
        if self.who.stations is not None and station_id not in self.who.stations:
            raise NotFound("there is no such thing here")

    def _entry(self, of: Subject | None, before: Any, after: Any, detail: Mapping[str, Any]) -> AuditEntry:
        before, after = changed(before, after)
        return AuditEntry(
            actor_kind=self.who.kind,
            actor_id=self.who.user_id or self.who.api_key_id,
            actor_name=self.who.name,
            action=self.action,
            subject_kind=of.kind if of is not None else self.action.partition(".")[0],
            subject_id=of.id if of is not None else "/".join(str(each) for each in self.path.values()),
            before=before,
            after=after,
            detail=without_secrets(detail),
            remote_address=self.remote_address,
            request_id=self.request_id,
        )


def _id_of(made: Any) -> str:
    """The id of a thing that was made, which may come with a secret that is shown this once (``NewWebhook.webhook``)."""
    members = [made, *(getattr(made, field.name) for field in attrs.fields(type(made)))]
    return next((str(each.id) for each in members if hasattr(each, "id")), "")


def _view(tx: ReadTx, of: Subject | None) -> Any:
    if of is None or of.view is None:
        return None
    try:
        return of.view(tx)
    except NotFound:
        return None
    except CsmsError as error:
        raise AssertionError("a subject's view only reads") from error


def changed(before: Any, after: Any) -> tuple[Any, Any]:
    """Of two shown objects only what differs."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return before, after
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}
