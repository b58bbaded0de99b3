"""Protocols that the shell fills, and the few nouns they speak in. The domain and the plugins know the outside only through these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn, Protocol, TypeVar

import attrs

from .commands import Command, Outcome
from .errors import Refused
from .events import Delivered, Event
from .ids import TenantId
from .nouns import noun

T = TypeVar("T")
Row = Mapping[str, Any]


# --- the store ------------------------------------------------------------------------------------------------------------------


class ReadTx(Protocol):
    """A consistent view of one tenant's data. SQL uses named parameters ``:name``, one text for both engines; ``:tenant`` is bound
    from the transaction, and a statement on a tenant table that does not use it is refused (``system`` lifts that)."""

    @property
    def now(self) -> int:
        """The instant of this transaction; the only clock a verb may read."""
        ...

    @property
    def tenant(self) -> TenantId:
        """Whose data this transaction sees."""
        ...

    def all(self, sql: str, **parameters: Any) -> Sequence[Row]:
        """Every row."""
        ...

    def one(self, sql: str, **parameters: Any) -> Row | None:
        """The first row or None."""
        ...

    def value(self, sql: str, **parameters: Any) -> Any:
        """The first column of the first row or None."""
        ...

    def system(self, reason: str) -> ReadTx:
        """The same view without tenant scope, for what concerns the whole installation; ``reason`` goes to the log."""
        ...


class Tx(ReadTx, Protocol):
    """One verb's transaction. Everything a verb does goes through it, so that a verb can be rolled back alone and run again."""

    def run(self, sql: str, **parameters: Any) -> int:
        """Execute; the number of rows touched."""
        ...

    def many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once per row."""
        ...

    def claim(self, *keys: str) -> None:
        """Say which aggregates this verb changes or counts. Raises ``NeedsKeys`` when the writer does not hold one; the verb reruns."""
        ...

    def emit(self, event: Event) -> None:
        """Store a durable event with the facts, or tell a volatile one after commit. Its key is claimed."""
        ...

    def system(self, reason: str) -> Tx:
        """The same transaction without tenant scope, for what concerns the whole installation; ``reason`` goes to the log."""
        ...


class Database(Protocol):
    """The store: one group-committing writer (or a few lanes), and readers."""

    async def write(self, verb: Callable[..., T], /, *arguments: Any, tenant: TenantId, keys: Iterable[str] = ()) -> T:
        """Run ``verb(tx, *arguments)`` in a transaction and return its result once it is durable.

        ``keys`` names every aggregate the verb changes or counts. A verb that raises is rolled back alone and its error is raised
        here. Raises ``StoreUnavailable`` when nothing could be written. Cancelled before its batch: not written.
        """
        ...

    async def read(self, query: Callable[..., T], /, *arguments: Any, tenant: TenantId) -> T:
        """Run ``query(tx, *arguments)`` on a consistent snapshot, off the event loop."""
        ...

    async def append(self, sql: str, rows: Sequence[Mapping[str, Any]], /, *, key: str, tenant: TenantId) -> None:
        """Queue rows for one INSERT/UPDATE, in order with the writes of the same ``key``; waits only when the queue is full."""
        ...


# --- chargers -------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class Handshake:
    """What a charger shows before it is let in. ``password`` is bytes as sent (Basic auth), None when it sent none.

    ``secure``: it came over TLS, to us or to a trusted proxy. What begins with ``certificate_`` is of the client certificate that TLS
    verified, all None where it showed none: the one CN and O of its subject, the serial number and the SHA-256 of the whole in lower
    case hexadecimal, and the instant when it expires.
    """

    charger_id: str
    subprotocols: tuple[str, ...]
    remote_address: str
    username: str | None = None
    password: bytes | None = attrs.field(default=None, repr=False)
    secure: bool = False
    certificate_cn: str | None = None
    certificate_organization: str | None = None
    certificate_serial: str | None = None
    certificate_fingerprint: str | None = None
    certificate_expires_at: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class Admission:
    """A charger let in: whose it is, how far its registration had got, and how its link is to be treated."""

    charger_id: str
    tenant: TenantId
    registration: str = ""
    """``accepted``, ``pending``, ``rejected``, or ``""`` when it never booted here."""
    authenticated: bool = True
    heartbeat_interval_s: int = 300
    answers_pings: bool | None = None
    """True once seen to pong, False where a quirk says it never does, None while unknown."""
    subprotocol_fallback: str = ""
    security_profile: int = 0
    """Which one it used (1.6 security whitepaper §2): 1 a key, 2 a key over TLS, 3 a client certificate; 0 none of these."""


@attrs.frozen(slots=True)
class Turned:
    """A charger turned away at the handshake, with the HTTP status and a reason for the log (never the secret)."""

    http_status: int
    reason: str


@attrs.frozen(slots=True, kw_only=True)
class ConnectionInfo:
    """A live connection as others may see it."""

    charger_id: str
    tenant: TenantId
    connection_id: str
    protocol: str
    remote_address: str
    connected_at: int
    last_heard_at: int
    registration: str
    queued_commands: int
    received_frames: int = 0
    sent_frames: int = 0
    answers_pings: bool | None = None
    """As in ``Admission``, with what this connection has shown; worth remembering when it ends."""


class Chargers(Protocol):
    """The connected chargers, as the domain may speak to them."""

    async def send(
        self, charger_id: str, command: Command, /, *, ttl_s: float | None = None, timeout_s: float | None = None
    ) -> Outcome:
        """Send a command and wait for what becomes of it; ``ttl_s`` bounds the wait in the queue, ``timeout_s`` the wait for the
        answer. Never raises for what the charger does: every end is an ``Outcome``."""
        ...

    def connections(self) -> Sequence[ConnectionInfo]:
        """Every live connection."""
        ...

    def connection(self, charger_id: str) -> ConnectionInfo | None:
        """The live connection of one charger."""
        ...

    def can_say(self, charger_id: str) -> frozenset[str]:
        """The names of the commands that the charger's OCPP version has; empty when it is not connected."""
        ...

    async def drop(self, charger_id: str, reason: str) -> bool:
        """Close a charger's connection; False when there was none."""
        ...

    async def admit(self, charger_id: str, registration: str) -> bool:
        """Tell a live conversation what the operator decided about its charger; False when it is not connected."""
        ...


@noun(kw_only=True)
class FrameEntry:
    """One frame for the frame log. ``direction`` is ``in`` or ``out``; ``kind`` is ``call``, ``result``, ``error`` or ``unreadable``.

    ``message_id`` correlates a call with its answer. ``took_ms`` is, on an answer, the time since its call. ``problem`` says what was
    wrong with it, if anything.
    """

    connection_id: str
    at: int
    direction: str
    kind: str
    message_id: str
    action: str
    text: str
    took_ms: float | None = None
    problem: str = ""


# --- decisions and the rest of the world ----------------------------------------------------------------------------------------


class Decisions(Protocol):
    """Questions that plugins may answer."""

    async def ask(self, hook: str, /, **question: Any) -> Any:
        """Ask a decision hook by name; see ``hooks.py`` for what each takes and answers, and how answers combine."""
        ...


class Clock(Protocol):
    """The wall clock; deadlines use Trio's own monotonic clock."""

    def now(self) -> int:
        """The present instant."""
        ...


class Random(Protocol):
    """Randomness that a seed can replace."""

    def token(self, n_bytes: int) -> str:
        """A URL-safe secret of ``n_bytes`` random bytes."""
        ...

    def message_id(self) -> str:
        """A fresh OCPP message id, at most 36 characters."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """A float between two bounds, for jitter."""
        ...


class Blocking(Protocol):
    """Threads with limiters: ``kind`` names the limiter (``hash``, ``file``, ``plugin`` ...)."""

    async def run(self, kind: str, function: Callable[..., T], /, *arguments: Any) -> T:
        """Run a blocking function in a thread of its kind's limiter."""
        ...


@attrs.frozen(slots=True)
class HttpAnswer:
    """What an HTTP server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    """An HTTP client."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", timeout_s: float
    ) -> HttpAnswer:
        """One request. Raises ``OSError`` when there was no answer in time."""
        ...


# --- bulky files ----------------------------------------------------------------------------------------------------------------


@noun(kw_only=True)
class KeptFile:
    """A file that is kept: the name it is found under again, how large it is, and the SHA-256 of what is in it (hexadecimal)."""

    name: str
    size_bytes: int
    sha256: str


@noun(kw_only=True)
class Link:
    """What a signed link is for: ``purpose`` is ``fetch`` or ``send``, ``number`` says of whose row of that purpose."""

    purpose: str
    tenant: TenantId
    number: int
    expires_at: int


class IncomingFile(Protocol):
    """A file that is being received."""

    async def write(self, data: bytes) -> None:
        """Append. Raises ``OSError`` when it cannot be stored, ``ENOSPC`` also where the rest of the disk is not to be touched."""
        ...

    async def keep(self) -> KeptFile:
        """It is complete: on return it is on disk under its name, whatever happens."""
        ...


class Files(Protocol):
    """Bulky files apart from the store, and the signed links by which chargers fetch and send them."""

    def link(self, link: Link, file_name: str = "") -> str:
        """The URL to give to a charger. Raises ``Refused`` where no file server runs."""
        ...

    def read_link(self, path: str) -> tuple[Link, str] | None:
        """What the path of a URL was made for and whatever name follows it; None for one that we did not sign. Judge its expiry."""
        ...

    def receive(self, expected_bytes: int | None = None) -> AbstractAsyncContextManager[IncomingFile]:
        """Receive a file; one that was not kept when the block ends is gone. Raises ``OSError``, as ``IncomingFile.write`` does."""
        ...

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """A piece of a file, shorter at its end. Raises ``OSError``."""
        ...

    async def remove(self, *names: str) -> None:
        """Forget files; those that are not there are none the less gone."""
        ...

    async def names(self, *, before: int) -> Sequence[str]:
        """Every file that was kept before an instant."""
        ...


class NoFiles:
    """``Files`` of a server that has none."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise Refused("this server keeps no files: its file server is off ([files] enabled)")

    link = receive = read = remove = names = _refuse

    def read_link(self, path: str) -> None:
        """No path is ours."""


class CertificateAuthority(Protocol):
    """Who signs chargers' certificates: the built-in authority (``csms.pki``), or one that a plugin speaks to."""

    async def sign(self, csr: str, *, charger_id: str, organization: str, lifetime_s: float) -> str:
        """The certificate chain, PEM, the charger's own first, without the root; its CN is the charger's id.

        The request was checked: its signature holds, its key is strong, its subject is the charger's. Raises ``Invalid`` or
        ``Refused`` where it will never be signed; any other error means that it may be tried again.
        """
        ...

    async def trust_anchors(self) -> str:
        """PEM of the roots by which client certificates are verified at the door. Raises ``CsmsError`` when it has none to give."""
        ...


# --- what flows are given -------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class Ports:
    """All ports in one hand: what ``app`` builds once and passes to every flow, listener and job."""

    database: Database
    chargers: Chargers
    decisions: Decisions
    clock: Clock
    random: Random
    blocking: Blocking
    http: Http
    files: Files = attrs.field(factory=NoFiles)
    authority: CertificateAuthority | None = None
    """Who signs certificates; None where nobody does."""


@attrs.frozen(slots=True, kw_only=True)
class Listener:
    """A slice's reaction to durable events of these ``types`` (names, also of events that no enabled part tells).

    ``handle(ports, delivered)`` hears each at least once, in order per key; it raises to have one again.
    """

    name: str
    types: frozenset[str]
    handle: Callable[[Ports, Delivered], Awaitable[None]]
