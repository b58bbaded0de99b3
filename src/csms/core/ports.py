"""Protocols that the shell fills, and the few nouns they speak in. The domain and the plugins know the outside only through these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import attrs

from .commands import Command, Outcome
from .documents import Documents, NoDocuments
from .driving import Driving, NoDriving
from .events import Delivered, Event
from .files import Files, NoFiles
from .ids import TenantId
from .ledger import Ledger, NoLedger
from .messages import Channel, Messenger, NoMessenger, NoNotifier, Notifier
from .nouns import noun
from .payments import NoPayments, PaymentProvider, Payments
from .vault import NoVault, Vault

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

    def count(self, sql: str, **parameters: Any) -> int:
        """The first column of a ``SELECT count(*)``; outside a verb it is remembered as long as nobody writes to what it counts."""
        ...

    def remembered(self, sql: str, build: Callable[[Sequence[Row]], T], **parameters: Any) -> T:
        """What ``build``, a function of a module, makes of every row; remembered in the same way. It is shared, and must not be changed."""
        ...

    def candidates(self, table: str, text: str) -> Sequence[int] | None:
        """The ids of the tenant's rows that may hold a text in the column ``searched``, in any case; all others do not. None where the
        store cannot tell, or of too many: look through all of them then."""
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

    ``secure``: it came over TLS, to us or to a trusted proxy. ``certificate_...`` is what the client certificate says that TLS verified,
    None without one; serial number and fingerprint (SHA-256) are lower-case hexadecimal.
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
    security_profile: int = 0  # used: 1 a key, 2 that over TLS, 3 a client certificate, 0 none (1.6 security whitepaper §2)
    vendor: str = ""
    """What it said when it booted last, by which its quirks are known; ``""`` before its first boot."""
    model: str = ""
    firmware: str = ""
    time_zone: str = "UTC"
    """Its tenant's."""


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
    wrong with it, if anything. ``request_id`` is the request to the API for which it was said, and of its answer the same.
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
    request_id: str = ""


# --- decisions and the rest of the world ----------------------------------------------------------------------------------------


class Decisions(Protocol):
    """Questions that plugins may answer."""

    async def ask(self, hook: str, /, **question: Any) -> Any:
        """Ask a decision hook by name; see ``hooks.py`` for what each takes and answers, and how answers combine.

        Raises ``Undecided`` where a plugin failed and nobody may guess what it would have said.
        """
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
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        timeout_s: float,
        public_only: bool = False,
    ) -> HttpAnswer:
        """One request. Raises ``OSError`` when there was no answer in time.

        ``public_only`` is for a URL that somebody outside gave: it reaches no address of this machine or of private networks, whatever
        its name resolves to, unless the configuration allows that network (``[webhooks] allowed_networks``); goes through no proxy;
        and of the answer's body only the beginning is read, as it came.
        """
        ...


class CertificateAuthority(Protocol):
    """Who signs chargers' certificates: the built-in authority (``csms.pki``), or one that a plugin speaks to."""

    async def sign(self, csr: str, *, charger_id: str, organization: str, lifetime_s: float) -> str:
        """The certificate chain, PEM, the charger's own first, without the root; its CN is the charger's id.

        The request was checked: its signature holds, its key is strong, its subject is the charger's. Raises ``Invalid`` or
        ``Refused`` where it will never be signed; any other error means that it may be tried again.
        """
        ...

    async def trust_anchors(self) -> str:
        """PEM of all roots by which certificates that it ever signed are verified at the door, ``""`` where it has none yet."""
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
    documents: Documents = attrs.field(factory=NoDocuments)
    vault: Vault = attrs.field(factory=NoVault)
    notifier: Notifier = attrs.field(factory=NoNotifier)
    messenger: Messenger = attrs.field(factory=NoMessenger)
    ledger: Ledger = attrs.field(factory=NoLedger)
    payments: Payments = attrs.field(factory=NoPayments)
    driving: Driving = attrs.field(factory=NoDriving)
    providers: Mapping[str, PaymentProvider] = attrs.field(factory=dict)
    """Payment gateways by name, as plugins brought them."""
    channels: Mapping[str, Channel] = attrs.field(factory=dict)
    """Ways for messages by name, as plugins brought them."""
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
