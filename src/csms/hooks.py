"""THE PLUGIN API, whole: every hook a plugin may implement, and every word it may use.

A plugin is a module, or a class that is made once without arguments, named by an entry point of the group ``csms`` and enabled in
``[plugins] enabled``. It marks functions with ``@hookimpl``; a function's name says which hook it implements, and it takes as many of
the hook's arguments as it cares for, by name. There are three families, and two hooks for the plugin's own life:

- **events** are facts in the past tense: every plugin hears them, none can veto. Durable ones come at least once (``delivery.event_id``
  is the same each time) and in order for one ``event.key``; raise, and the event comes again later. ``async def`` or plain;
- **decisions** are questions, asked before something is stored, under a time limit. None is "no opinion". ``async def`` or plain;
- **contributions** (``register_*``) are collected once at start. Plain functions only: start-up waits for them.

A plain function that hears an event or answers a question runs in a thread of its plugin, so that it may block; an ``async def`` runs on
the event loop and must not. No plugin code runs in the writer: what must be atomic is a fact of the core (see ``Store``).
"""

# mypy: disable-error-code="empty-body"
# A hook's specification is its signature and its docstring; it has no body.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import attrs
import click
import pluggy
from prometheus_client.registry import Collector
from structlog.typing import FilteringBoundLogger

from csms.core.certificates import CertificateHash
from csms.core.charging import ChargingProfile, ChargingSchedule, SchedulePeriod
from csms.core.commands import (
    COMMANDS,
    Answered,
    CallError,
    CancelReservation,
    CertificateSigned,
    ChangeAvailability,
    ClearCache,
    ClearChargingProfile,
    Command,
    DeleteCertificate,
    Expired,
    GetCompositeSchedule,
    GetDiagnostics,
    GetInstalledCertificates,
    GetLocalListVersion,
    GetLog,
    GetVariables,
    InstallCertificate,
    LocalListEntry,
    Lost,
    NotSupported,
    Offline,
    Outcome,
    QueueFull,
    ReserveNow,
    Reset,
    SendData,
    SendLocalList,
    SetChargingProfile,
    Setting,
    SetVariables,
    StartCharging,
    StopCharging,
    Superseded,
    TimedOut,
    TriggerMessage,
    UnlockConnector,
    UpdateFirmware,
    VariableName,
)
from csms.core.driving import ChargerTold, Driving, KnownDriver, RunningCharge
from csms.core.errors import Conflict, CsmsError, Invalid, NotFound, Refused, StoreUnavailable, Undecided
from csms.core.events import EVENT_TYPES, Delivered, Event, event
from csms.core.ids import DEFAULT_TENANT, WHOLE_CHARGER, ChargerId, Place, TenantId, TransactionId
from csms.core.ledger import TX, WH, Allowance, Fee, Funds, Ledger
from csms.core.messages import Attachment, Channel, Messenger, NeverSent, Notice, NotSent, Outgoing, Receipt
from csms.core.money import Money, digits_of, major, minor, written
from csms.core.payments import (
    DisputeProvider,
    Forged,
    GatewayAccount,
    GatewayAway,
    GatewayDispute,
    GatewayError,
    GatewayNotice,
    GatewayPayment,
    GatewayRefund,
    Mandate,
    MandateWanted,
    PaymentAsked,
    PaymentOffer,
    PaymentProvider,
    Payments,
    PaymentWanted,
)
from csms.core.ports import (
    Blocking,
    CertificateAuthority,
    Chargers,
    Clock,
    ConnectionInfo,
    Handshake,
    Http,
    HttpAnswer,
    Random,
    ReadTx,
    Row,
    Turned,
)
from csms.core.pricing import AllowanceUse, Charge, Coverage, Covered, MeterPoint, Price, PriceLine, Share, Span, TaxLine
from csms.core.reports import DataVerdict, Reading, Sample, Token, TokenVerdict
from csms.core.units import from_datetime, iso, parse_instant, to_datetime
from csms.domain.alerts.model import AlertRaised, AlertResolved
from csms.domain.billing.model import (
    BillCorrected,
    BillCredited,
    BillFailed,
    BillNotBillable,
    BillOpen,
    BillPaid,
    BillSettled,
    ChargeLimitReached,
    CostUpdated,
    WalletLow,
)
from csms.domain.billing.model.prepaying import PrepaidChargeChanged
from csms.domain.documents.model import DocumentExpired, DocumentExpiring, DocumentReviewed
from csms.domain.drivers.model import TokensChanged, TokenSeen
from csms.domain.invoices.model import CreditNoteIssued, InvoiceIssued, InvoicePaid
from csms.domain.local_lists.model import LocalListChanged
from csms.domain.messages.model import MessageFailed, MessageSent
from csms.domain.payments.model import (
    MandateChanged,
    PaymentCancelled,
    PaymentDisputed,
    PaymentExpired,
    PaymentFailed,
    PaymentNoticeReceived,
    PaymentNoticesForged,
    PaymentOdd,
    PaymentOpened,
    PaymentPaid,
    RefundFailed,
    RefundMade,
)
from csms.domain.privacy.model import DriverErased
from csms.domain.profiles.model import ChargingProfileCleared, ChargingProfileInstalled, ChargingProfileRefused
from csms.domain.reservations.model import ReservationEnded, ReservationMade
from csms.domain.security.model import ChargerCertificateChanged, ChargerCertificateExpiring, SecurityEventNoted
from csms.domain.stations.model import (
    ChargerBooted,
    ChargerConnected,
    ChargerDisconnected,
    ChargerKeyChanged,
    ChargerRegistrationChanged,
    ChargerRemoved,
    ChargerSecurityChanged,
    ChargerStatusChanged,
)
from csms.domain.tickets.model import TicketClosed, TicketOpened, TicketReplied
from csms.domain.transactions.model import (
    MeterValues,
    TransactionCorrected,
    TransactionEnded,
    TransactionRemeasured,
    TransactionStarted,
    TransactionUpdated,
)
from csms.domain.upkeep.model import (
    AvailabilityChanged,
    ConfigurationApplied,
    ConfigurationDrifted,
    FirmwareCampaignAborted,
    FirmwareUpdateChanged,
    LogUploadChanged,
)
from csms.domain.users.model import LoginEnded, UserChanged, UserJoined
from csms.domain.wallets.model import LedgerUnbalanced, WalletMoved, WalletOpened
from csms.domain.webhooks.model import WebhookPaused, WebhookResumed

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

hookimpl = pluggy.HookimplMarker("csms")
"""Marks a plugin's function. ``@hookimpl(optionalhook=True)`` allows a hook that may not exist, such as another plugin's event;
``specname="hook"`` lets the function have another name. Order is the operator's: ``tryfirst``, ``trylast`` and wrappers are refused."""

hookspec = pluggy.HookspecMarker("csms")
"""Marks a hook's specification; ``event_hook``, ``decision``, ``contribution`` and ``lifecycle`` do it for the hooks below."""


# --- what a plugin is given -----------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True)
class Statement:
    """One INSERT, UPDATE or DELETE on a plugin's own table, with named parameters; ``:tenant`` and ``:now`` are bound for it.

    ``expects`` is how many rows it must touch, where that matters: any other number undoes the whole write.
    """

    sql: str
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    expects: int | None = None


class Store(Protocol):
    """The facts, to read; the plugin's own tables (``register_migrations``) and events (``register_events``), to write."""

    async def read(self, query: Callable[..., T], /, *arguments: Any, tenant: TenantId) -> T:
        """Run ``query(tx, *arguments)`` on a consistent snapshot, in a reader's thread. ``tx`` is a ``ReadTx``."""
        ...

    async def write(self, *changes: Statement | Event, tenant: TenantId) -> tuple[int, ...]:
        """Do all changes in one transaction, durable on return: the rows that each statement touched (an event counts 1).

        A statement's table must be named ``plugin_NAME_...``, an event's type must be one that the plugin
        registered; otherwise ``Invalid``. Raises ``Conflict`` when a statement touched other than the rows that it ``expects``, and
        ``StoreUnavailable`` when nothing could be written.
        """
        ...

    async def add(self, table: str, make: Callable[[int], Iterable[Statement | Event]], *, tenant: TenantId) -> int:
        """Add a row to a table of the plugin's own under the next free ``id``: ``make(id)`` gives the changes of the one write, which may
        name it elsewhere, too. The id. Raises like ``write``; ``Conflict`` where it is not for the id that it cannot be added.
        """
        ...


@attrs.frozen(slots=True, kw_only=True)
class PluginContext:
    """What a plugin may reach; every hook that runs in the server can take it as ``context``.

    ``settings`` is an instance of the class that ``register_settings`` gave, or the plain table. ``log`` is bound to the plugin's
    name. ``blocking`` runs blocking functions in threads of the plugin; nothing may block the event loop.
    """

    name: str
    settings: Any
    log: FilteringBoundLogger
    clock: Clock
    random: Random
    blocking: Blocking
    http: Http
    chargers: Chargers
    store: Store
    ledger: Ledger
    payments: Payments
    messenger: Messenger
    driving: Driving


@attrs.frozen(slots=True, kw_only=True)
class Job:
    """Periodic work of a plugin: ``run()`` is called every ``every_s`` seconds, for at most ``timeout_s``, and never twice at a time."""

    name: str
    every_s: float = attrs.field(validator=attrs.validators.ge(1))
    run: Callable[[], Awaitable[None]]
    timeout_s: float = attrs.field(default=60.0, validator=attrs.validators.gt(0))


@attrs.frozen(slots=True, kw_only=True)
class PersonalData:
    """What a plugin's own tables hold of drivers as persons.

    ``holdings(tx, driver_id)`` gives it for the export of a driver's data: rows, lists and texts, by names of the plugin's choice. It runs in a
    reader's thread on a snapshot of the driver's tenant, and has nothing to give for a driver whom the plugin does not know.

    ``erasure`` are statements on those tables, with ``:driver_id`` bound beside ``:tenant`` and ``:now``. They are carried out with the
    driver's erasure, in its transaction: what says who somebody is goes, what must be kept for the books stays with the driver's number. What
    takes more, such as asking a gateway, is for ``driver_erased``, which is told afterwards.
    """

    holdings: Callable[[ReadTx, int], Mapping[str, Any]]
    erasure: Sequence[Statement] = ()


# --- how a hook is declared -----------------------------------------------------------------------------------------------------

FIRST_ANSWER = "Asked in config order; the first answer that is not None wins and the rest are not asked."
FIRST_ANSWER_OR_NONE_AT_ALL = (
    "Asked in config order; the first answer that is not None wins and the rest are not asked. A plugin that fails leaves the question "
    "open (``Undecided``): nobody guesses, and it is asked again later."
)
ANY_REFUSAL = (
    "Every plugin is asked, all at once; any refusal wins, else an acceptance that vouches, else any; of equals the first plugin's."
)


@attrs.frozen(slots=True, kw_only=True)
class Hook:
    """One hook: its family, its specification, and for a decision how answers combine and what a plugin that must agree
    (``[plugins] must_agree``) is taken to say when it fails."""

    family: str
    function: Callable[..., Any]
    answer: type[Any] | None = None
    many: bool = False
    combine: str = ""
    refusal: Any = None

    @property
    def name(self) -> str:
        """The hook's name, which an implementation bears."""
        return self.function.__name__

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of all arguments that an implementation may take."""
        code = self.function.__code__
        return code.co_varnames[: code.co_argcount]


HOOKS: dict[str, Hook] = {}
"""Every hook of this module by name, in the order of definition; the events that plugins register are added per bus, not here."""


def _declare(family: str, **kind: Any) -> Callable[[F], F]:
    def mark(function: F) -> F:
        hook = Hook(family=family, function=hookspec(function), **kind)
        HOOKS[hook.name] = hook
        return function

    return mark


event_hook = _declare("event")
lifecycle = _declare("lifecycle")


def decision(answer: type[Any], *, combine: str, refusal: Any) -> Callable[[F], F]:
    """Declare a decision: what it answers, how answers combine, and the answer of a failing plugin that must agree."""
    return _declare("decision", answer=answer, combine=combine, refusal=refusal)


def contribution(answer: type[Any], *, many: bool = True) -> Callable[[F], F]:
    """Declare a contribution: the type of what is contributed, and whether it is an iterable of those."""
    return _declare("contribution", answer=answer, many=many)


# --- events: past tense, every plugin hears -------------------------------------------------------------------------------------


@event_hook
def event_occurred(event: Event, delivery: Delivered, context: PluginContext) -> None:
    """Any durable event, of whatever type: also those of other plugins, and of later versions. Comes before the event's own hook."""


@event_hook
def charger_connected(event: ChargerConnected, delivery: Delivered, context: PluginContext) -> None:
    """A charger was let in and its connection is up."""


@event_hook
def charger_disconnected(event: ChargerDisconnected, delivery: Delivered, context: PluginContext) -> None:
    """A charger's connection ended. After a takeover the charger is still connected, by its newer connection."""


@event_hook
def charger_booted(event: ChargerBooted, delivery: Delivered, context: PluginContext) -> None:
    """A charger sent BootNotification (1.6 §4.2; 2.0.1 B01) and was answered."""


@event_hook
def charger_status_changed(event: ChargerStatusChanged, delivery: Delivered, context: PluginContext) -> None:
    """The status of a connector, or of the charger as a whole, became another one (1.6 §4.9; 2.0.1 G01)."""


@event_hook
def charger_registration_changed(event: ChargerRegistrationChanged, delivery: Delivered, context: PluginContext) -> None:
    """A charger became accepted, pending or rejected, by an operator or by policy."""


@event_hook
def charger_removed(event: ChargerRemoved, delivery: Delivered, context: PluginContext) -> None:
    """A charger was taken away, by an operator; its frames, transactions and figures stay."""


@event_hook
def charger_key_changed(event: ChargerKeyChanged, delivery: Delivered, context: PluginContext) -> None:
    """Another key became the charger's: given by an operator, or offered and then shown by the charger (1.6 security whitepaper A01)."""


@event_hook
def charger_security_changed(event: ChargerSecurityChanged, delivery: Delivered, context: PluginContext) -> None:
    """The security profile that a charger must use at least, or the one of its latest log-in, became another one."""


@event_hook
def security_event_reported(event: SecurityEventNoted, delivery: Delivered, context: PluginContext) -> None:
    """A charger reported a security event (1.6 security whitepaper A04; 2.0.1 A04), or csms noticed one about it (``source``)."""


@event_hook
def charger_certificate_changed(event: ChargerCertificateChanged, delivery: Delivered, context: PluginContext) -> None:
    """A charger's certificate was issued, became active, superseded, rejected, revoked or expired."""


@event_hook
def charger_certificate_expiring(event: ChargerCertificateExpiring, delivery: Delivered, context: PluginContext) -> None:
    """A charger's certificate ends soon and could not be renewed. Told once per certificate."""


@event_hook
def token_seen(event: TokenSeen, delivery: Delivered, context: PluginContext) -> None:
    """A token was shown at a charger; the event says what it was answered."""


@event_hook
def tokens_changed(event: TokensChanged, delivery: Delivered, context: PluginContext) -> None:
    """Who may charge where has changed, by an operator's hand."""


@event_hook
def local_list_changed(event: LocalListChanged, delivery: Delivered, context: PluginContext) -> None:
    """A charger's local authorization list has a new version, or fell out of step with what it should be."""


@event_hook
def transaction_started(event: TransactionStarted, delivery: Delivered, context: PluginContext) -> None:
    """A transaction began: StartTransaction (1.6 §4.8) or TransactionEvent(Started) (2.0.1 E01, E02). Told once per transaction."""


@event_hook
def transaction_updated(event: TransactionUpdated, delivery: Delivered, context: PluginContext) -> None:
    """A running transaction's state changed."""


@event_hook
def transaction_ended(event: TransactionEnded, delivery: Delivered, context: PluginContext) -> None:
    """A transaction ended, by the charger's word or, past the reconciliation deadline, by estimate; the event says which."""


@event_hook
def transaction_corrected(event: TransactionCorrected, delivery: Delivered, context: PluginContext) -> None:
    """The charger's own stop came after an estimated one and replaced it: what was made of ``transaction_ended`` must be redone."""


@event_hook
def transaction_remeasured(event: TransactionRemeasured, delivery: Delivered, context: PluginContext) -> None:
    """Readings came after their transaction had ended, or the word when it charged and when it idled: what was made of its course, as a price
    by the time of day, may be otherwise. Its energy and its times are not: then ``transaction_corrected`` is told."""


@event_hook
def reservation_made(event: ReservationMade, delivery: Delivered, context: PluginContext) -> None:
    """A charger keeps a connector free for a token (1.6 §5.13), or on other terms than before."""


@event_hook
def reservation_ended(event: ReservationEnded, delivery: Delivered, context: PluginContext) -> None:
    """A reservation was used, cancelled, expired, released by its charger or refused; the event says which and why."""


@event_hook
def charging_profile_installed(event: ChargingProfileInstalled, delivery: Delivered, context: PluginContext) -> None:
    """A charger accepted a charging profile (1.6 §5.16), by itself or with a remote start."""


@event_hook
def charging_profile_refused(event: ChargingProfileRefused, delivery: Delivered, context: PluginContext) -> None:
    """A charger did not take a charging profile, or could not have; the event says why."""


@event_hook
def charging_profile_cleared(event: ChargingProfileCleared, delivery: Delivered, context: PluginContext) -> None:
    """A charger no longer holds a charging profile: it was cleared, replaced, or its transaction ended."""


@event_hook
def alert_raised(event: AlertRaised, delivery: Delivered, context: PluginContext) -> None:
    """Somebody should look at something; told once, however often it happens while the alert is open. The hook for notifications."""


@event_hook
def alert_resolved(event: AlertResolved, delivery: Delivered, context: PluginContext) -> None:
    """An alert is over, by itself or by an operator's word."""


@event_hook
def meter_values(event: MeterValues, delivery: Delivered, context: PluginContext) -> None:
    """Meter samples arrived. Volatile: told once, after commit, and dropped (and counted) when the plugin cannot keep up;
    the readings themselves are stored."""


@event_hook
def firmware_update_changed(event: FirmwareUpdateChanged, delivery: Delivered, context: PluginContext) -> None:
    """A firmware update of a charger was asked for, got on, ended well or failed (1.6 §4.5, §5.19; 2.0.1 L01)."""


@event_hook
def firmware_campaign_aborted(event: FirmwareCampaignAborted, delivery: Delivered, context: PluginContext) -> None:
    """A firmware campaign was aborted, by an operator or because too many chargers failed; updates under way go on."""


@event_hook
def webhook_paused(event: WebhookPaused, delivery: Delivered, context: PluginContext) -> None:
    """Nothing is sent to a webhook's receiver any more: it failed too often (``by_itself``), or somebody said so."""


@event_hook
def webhook_resumed(event: WebhookResumed, delivery: Delivered, context: PluginContext) -> None:
    """Events are sent to a webhook's receiver again."""


@event_hook
def wallet_opened(event: WalletOpened, delivery: Delivered, context: PluginContext) -> None:
    """A driver has a wallet now; told once per driver and currency."""


@event_hook
def wallet_moved(event: WalletMoved, delivery: Delivered, context: PluginContext) -> None:
    """Money of a driver's wallet, what is held of it, their debt or an allowance changed; the event says by which movement."""


@event_hook
def ledger_unbalanced(event: LedgerUnbalanced, delivery: Delivered, context: PluginContext) -> None:
    """A check found that the ledger does not add up, which is never right."""


@event_hook
def payment_opened(event: PaymentOpened, delivery: Delivered, context: PluginContext) -> None:
    """A payment can be paid: its gateway has made a link, a QR code or an order of it. Told once per payment."""


@event_hook
def payment_paid(event: PaymentPaid, delivery: Delivered, context: PluginContext) -> None:
    """A payment was paid, and the money is in the ledger; the event says where. Told once per payment."""


@event_hook
def payment_failed(event: PaymentFailed, delivery: Delivered, context: PluginContext) -> None:
    """A payment came to nothing: its gateway refused to ask for it, or a saved method could not be charged."""


@event_hook
def payment_expired(event: PaymentExpired, delivery: Delivered, context: PluginContext) -> None:
    """Nobody paid in time. Money may still come late: ``payment_paid`` or ``payment_odd`` tells of it."""


@event_hook
def payment_cancelled(event: PaymentCancelled, delivery: Delivered, context: PluginContext) -> None:
    """A payment is not wanted any more. Money may still come late: ``payment_paid`` or ``payment_odd`` tells of it."""


@event_hook
def payment_disputed(event: PaymentDisputed, delivery: Delivered, context: PluginContext) -> None:
    """A payer asked their bank for their money back, or that went on: an open one is to be answered in time, a lost one is in the ledger."""


@event_hook
def payment_odd(event: PaymentOdd, delivery: Delivered, context: PluginContext) -> None:
    """Money came that was not quite what was asked for: twice, late, another amount, another currency; and what became of it."""


@event_hook
def refund_made(event: RefundMade, delivery: Delivered, context: PluginContext) -> None:
    """Money went back to who paid it."""


@event_hook
def refund_failed(event: RefundFailed, delivery: Delivered, context: PluginContext) -> None:
    """Money could not be given back: it is where it was before. An operator can have it tried again."""


@event_hook
def mandate_changed(event: MandateChanged, delivery: Delivered, context: PluginContext) -> None:
    """A recurring payment has another state, or was charged once more. What a charge brought is told by ``payment_paid``."""


@event_hook
def payment_notice_received(event: PaymentNoticeReceived, delivery: Delivered, context: PluginContext) -> None:
    """A payment gateway told something by a webhook whose signature held; what is true of it, later events tell."""


@event_hook
def payment_notices_forged(event: PaymentNoticesForged, delivery: Delivered, context: PluginContext) -> None:
    """Many webhooks with a wrong signature came to the address of an account at a payment gateway."""


@event_hook
def log_upload_changed(event: LogUploadChanged, delivery: Delivered, context: PluginContext) -> None:
    """Diagnostics or a log were asked for, a file of them came, or none will (1.6 §4.4, §5.9; 2.0.1 N01)."""


@event_hook
def configuration_drifted(event: ConfigurationDrifted, delivery: Delivered, context: PluginContext) -> None:
    """A charger does not have the configuration that it should: it had it, or it would not take it (1.6 §5.3, §5.8). Once per drift."""


@event_hook
def configuration_applied(event: ConfigurationApplied, delivery: Delivered, context: PluginContext) -> None:
    """A charger took configuration that was wanted of it; some of it, as the event says, it follows after its next reboot."""


@event_hook
def availability_changed(event: AvailabilityChanged, delivery: Delivered, context: PluginContext) -> None:
    """A place is to be out of service or back in, by an operator or by maintenance, or its charger answered or showed it (1.6 §5.2)."""


@event_hook
def driver_erased(event: DriverErased, delivery: Delivered, context: PluginContext) -> None:
    """A driver's personal data was erased, also from plugins' tables (``register_personal_data``): what a plugin began for the driver ends."""


@event_hook
def document_reviewed(event: DocumentReviewed, delivery: Delivered, context: PluginContext) -> None:
    """A document that a tenant sent in was approved or rejected; the event says why."""


@event_hook
def document_expiring(event: DocumentExpiring, delivery: Delivered, context: PluginContext) -> None:
    """What a document says, such as a licence, holds not much longer. Told once per document and expiry."""


@event_hook
def document_expired(event: DocumentExpired, delivery: Delivered, context: PluginContext) -> None:
    """What a document says no longer holds."""


@event_hook
def message_sent(event: MessageSent, delivery: Delivered, context: PluginContext) -> None:
    """A channel took a message to a person; what it says, and to which address, is not told."""


@event_hook
def message_failed(event: MessageFailed, delivery: Delivered, context: PluginContext) -> None:
    """A message to a person will not be sent: no channel could, or it came to be of no use before; the event says why."""


@event_hook
def ticket_opened(event: TicketOpened, delivery: Delivered, context: PluginContext) -> None:
    """A support ticket was opened, by a driver or for one."""


@event_hook
def ticket_replied(event: TicketReplied, delivery: Delivered, context: PluginContext) -> None:
    """A driver or somebody of the operator's wrote in a support ticket; of the operator's own notes nothing is told."""


@event_hook
def ticket_closed(event: TicketClosed, delivery: Delivered, context: PluginContext) -> None:
    """A support ticket was closed: by its driver, by the operator, or because it had long been resolved."""


@event_hook
def user_joined(event: UserJoined, delivery: Delivered, context: PluginContext) -> None:
    """Somebody became one of a tenant's people: by invitation, by registering, or by an operator's hand."""


@event_hook
def user_changed(event: UserChanged, delivery: Delivered, context: PluginContext) -> None:
    """Somebody's role or stations in a tenant changed, or they were disabled, enabled again, or left."""


@event_hook
def login_ended(event: LoginEnded, delivery: Delivered, context: PluginContext) -> None:
    """A user's login on a device ended: by logging out, by another password, or because its refresh token came twice (``reused``)."""


@event_hook
def bill_settled(event: BillSettled, delivery: Delivered, context: PluginContext) -> None:
    """A transaction was billed, and that is in the ledger: paid, or what is open of it as a debt. Told once per transaction."""


@event_hook
def bill_open(event: BillOpen, delivery: Delivered, context: PluginContext) -> None:
    """Somewhat of a bill could not be taken from anywhere, and its driver owes it."""


@event_hook
def bill_paid(event: BillPaid, delivery: Delivered, context: PluginContext) -> None:
    """Nothing of a bill is open any more that was: it was paid, written off or corrected."""


@event_hook
def bill_corrected(event: BillCorrected, delivery: Delivered, context: PluginContext) -> None:
    """A transaction that was billed turned out otherwise: the difference is in the ledger, below zero where something was given back."""


@event_hook
def bill_credited(event: BillCredited, delivery: Delivered, context: PluginContext) -> None:
    """Somebody gave back something of a bill, by a credit note: it counts as so much less from now on."""


@event_hook
def invoice_issued(event: InvoiceIssued, delivery: Delivered, context: PluginContext) -> None:
    """An invoice has its number: for a charge, a driver's month, or a fee. It never changes; what becomes of it is told apart."""


@event_hook
def invoice_paid(event: InvoicePaid, delivery: Delivered, context: PluginContext) -> None:
    """Nothing of an invoice is to be paid any more, of which something was: it was paid, written off or credited."""


@event_hook
def credit_note_issued(event: CreditNoteIssued, delivery: Delivered, context: PluginContext) -> None:
    """Something of an invoice was given back, and the credit note about it has its number."""


@event_hook
def bill_not_billable(event: BillNotBillable, delivery: Delivered, context: PluginContext) -> None:
    """A transaction costs nothing, because no energy was taken or somebody wrote it off."""


@event_hook
def bill_failed(event: BillFailed, delivery: Delivered, context: PluginContext) -> None:
    """A transaction could not be billed, however often it was tried: somebody has to look."""


@event_hook
def charge_limit_reached(event: ChargeLimitReached, delivery: Delivered, context: PluginContext) -> None:
    """A running transaction came to a limit of money, energy or time, and its charger is asked to stop it. Told once."""


@event_hook
def prepaid_charge_changed(event: PrepaidChargeChanged, delivery: Delivered, context: PluginContext) -> None:
    """A charge that was paid for before it started has another state: it was paid, starts, charges, is finished, or its money goes back."""


@event_hook
def wallet_low(event: WalletLow, delivery: Delivered, context: PluginContext) -> None:
    """What a driver may spend fell below the tenant's threshold. Told once until it is above again."""


@event_hook
def cost_updated(event: CostUpdated, delivery: Delivered, context: PluginContext) -> None:
    """What a running transaction costs so far, whenever it is priced. Volatile."""


# --- decisions: verbs, asked before anything is stored --------------------------------------------------------------------------


@decision(TokenVerdict, combine=ANY_REFUSAL, refusal=TokenVerdict("NotAtThisTime"))
def authorize_token(
    token: Token, charger_id: str, place: Place, purpose: str, tenant: TenantId, context: PluginContext
) -> TokenVerdict | None:
    """Whether a token may charge here. ``purpose`` is ``authorize`` (it was shown), ``start`` (a transaction starts or goes on with it),
    ``remote`` (we are about to start one) or ``reserve`` (we are about to have a place kept for it). An acceptance is no objection; one
    that ``vouches`` also lets in a token that csms does not know. Nobody can override the core's own Blocked or Expired."""


@decision(Turned, combine=FIRST_ANSWER, refusal=Turned(503, "a plugin that must agree did not answer"))
def admit_charger(handshake: Handshake, known: bool, context: PluginContext) -> Turned | None:
    """Whether to turn a charger away at the handshake. Asked last, about a charger that would be let in: its key was checked.
    ``known`` says whether it had been added before. A plugin can only refuse here; None lets the charger in."""


@decision(DataVerdict, combine=FIRST_ANSWER, refusal=DataVerdict("Rejected"))
def answer_data_transfer(
    charger_id: str, vendor_id: str, message_id: str, data: str, tenant: TenantId, context: PluginContext
) -> DataVerdict | None:
    """The answer to a charger's DataTransfer (1.6 §4.3; 2.0.1 P02). Where every plugin says None it is ``UnknownVendorId``."""


@decision(Price, combine=FIRST_ANSWER_OR_NONE_AT_ALL, refusal=None)
def price_charge(charge: Charge, tenant: TenantId, context: PluginContext) -> Price | None:
    """What a charge costs. ``charge.purpose`` says whether it ended (then this becomes a bill), runs (whenever somebody looks), or is only
    supposed. Where every plugin says None it has no price: it stays unbilled, and is not free."""


@decision(Coverage, combine=FIRST_ANSWER_OR_NONE_AT_ALL, refusal=None)
def cover_charge(charge: Charge, tenant: TenantId, context: PluginContext) -> Coverage | None:
    """What allowances pay of a charge, before it is priced: ``charge.covered`` is what this answers when ``price_charge`` is asked.
    None: nothing of it."""


# --- contributions: register_*, once at start -----------------------------------------------------------------------------------


@contribution(type, many=False)
def register_settings() -> type[Any]:
    """The attrs class of the plugin's settings: ``[plugins.settings.NAME]`` is checked against it, and it is ``context.settings``."""


@contribution(type)
def register_events() -> Iterable[type[Event]]:
    """Event classes of the plugin's own, decorated with ``@event``: it emits them with ``context.store.write``, and each ``type``
    becomes a hook that any plugin may implement."""


@contribution(Path, many=False)
def register_migrations() -> Path:
    """The folder of the plugin's numbered SQL migrations (``0001_name.sql``), whose tables are named ``plugin_NAME_...``."""


@contribution(click.Command)
def register_commands() -> Iterable[click.Command]:
    """Commands for the command line, as ``csms NAME COMMAND``; those of a ``click.Group`` are found under the group's own name instead.
    They run without a server and take no context."""


@contribution(object)  # Collector is a protocol that cannot be checked
def register_metrics() -> Iterable[Collector]:
    """Prometheus collectors, shown at ``/metrics``; make them with ``registry=None``, named ``csms_NAME_...``."""


@contribution(object, many=False)
def register_certificate_authority(context: PluginContext) -> CertificateAuthority:
    """Who signs chargers' certificates in place of the built-in authority, where ``[security] authority`` names the plugin
    (1.6 security whitepaper A02.FR.04). Its methods may wait; what ``sign`` raises is described there."""


@contribution(object)
def register_payment_providers(context: PluginContext) -> Iterable[PaymentProvider]:
    """Payment gateways, by which tenants' accounts name them (``provider.name``). Two of one name stop the server's start."""


@contribution(object)
def register_channels(context: PluginContext) -> Iterable[Channel]:
    """Ways for messages to travel (``channel.name``: ``email``, ``sms``, ``whatsapp``, ``push`` ...). The first of one name is used."""


@contribution(object)
def register_routes(context: PluginContext) -> Iterable[object]:
    """Routes (``csms.api.routes.Routes``), mounted under ``/plugins/NAME``, or under ``/api/v1`` where they say so (``top=True``) and
    nobody else has their paths: each names the permission it needs, and is in the OpenAPI document of the server. Or Blueprints (``quart.Blueprint``), behind the permission ``plugins:call`` and in no document."""


@contribution(Job)
def register_jobs(context: PluginContext) -> Iterable[Job]:
    """Periodic work. A job that fails is logged and counted, and runs again at its next turn."""


@contribution(PersonalData, many=False)
def register_personal_data(context: PluginContext) -> PersonalData:
    """What the plugin's tables hold of a driver as a person, to be handed out and forgotten with all that the core holds: every plugin
    that keeps anything under a ``driver_id`` says it here."""


# --- the plugin's own life ------------------------------------------------------------------------------------------------------


@lifecycle
def configure(context: PluginContext) -> None:
    """Once at start, before any other hook that takes a context. Plain. Raise, and the server does not start: for settings that
    contradict each other, not for a service that may be away for the moment."""


@lifecycle
async def run(context: PluginContext) -> None:
    """A long-lived task in the plugin's own nursery. When it raises it is started again, after a wait that doubles up to a minute;
    when it returns it is finished. It is cancelled at shutdown."""


# A list to look names up in, not to read line by line.
# fmt: off
__all__ = [
    "ANY_REFUSAL",
    "COMMANDS",
    "DEFAULT_TENANT",
    "EVENT_TYPES",
    "FIRST_ANSWER",
    "FIRST_ANSWER_OR_NONE_AT_ALL",
    "HOOKS",
    "TX",
    "WH",
    "WHOLE_CHARGER",
    "AlertRaised",
    "AlertResolved",
    "Allowance",
    "AllowanceUse",
    "Answered",
    "Attachment",
    "AvailabilityChanged",
    "BillCorrected",
    "BillCredited",
    "BillFailed",
    "BillNotBillable",
    "BillOpen",
    "BillPaid",
    "BillSettled",
    "Blocking",
    "CallError",
    "CancelReservation",
    "CertificateAuthority",
    "CertificateHash",
    "CertificateSigned",
    "ChangeAvailability",
    "Channel",
    "Charge",
    "ChargeLimitReached",
    "ChargerBooted",
    "ChargerCertificateChanged",
    "ChargerCertificateExpiring",
    "ChargerConnected",
    "ChargerDisconnected",
    "ChargerId",
    "ChargerKeyChanged",
    "ChargerRegistrationChanged",
    "ChargerRemoved",
    "ChargerSecurityChanged",
    "ChargerStatusChanged",
    "ChargerTold",
    "Chargers",
    "ChargingProfile",
    "ChargingProfileCleared",
    "ChargingProfileInstalled",
    "ChargingProfileRefused",
    "ChargingSchedule",
    "ClearCache",
    "ClearChargingProfile",
    "Clock",
    "Command",
    "ConfigurationApplied",
    "ConfigurationDrifted",
    "Conflict",
    "ConnectionInfo",
    "CostUpdated",
    "Coverage",
    "Covered",
    "CreditNoteIssued",
    "CsmsError",
    "DataVerdict",
    "DeleteCertificate",
    "Delivered",
    "DisputeProvider",
    "DocumentExpired",
    "DocumentExpiring",
    "DocumentReviewed",
    "DriverErased",
    "Driving",
    "Event",
    "Expired",
    "Fee",
    "FirmwareCampaignAborted",
    "FirmwareUpdateChanged",
    "Forged",
    "Funds",
    "GatewayAccount",
    "GatewayAway",
    "GatewayDispute",
    "GatewayError",
    "GatewayNotice",
    "GatewayPayment",
    "GatewayRefund",
    "GetCompositeSchedule",
    "GetDiagnostics",
    "GetInstalledCertificates",
    "GetLocalListVersion",
    "GetLog",
    "GetVariables",
    "Handshake",
    "Hook",
    "Http",
    "HttpAnswer",
    "InstallCertificate",
    "Invalid",
    "InvoiceIssued",
    "InvoicePaid",
    "Job",
    "KnownDriver",
    "Ledger",
    "LedgerUnbalanced",
    "LocalListChanged",
    "LocalListEntry",
    "LogUploadChanged",
    "LoginEnded",
    "Lost",
    "Mandate",
    "MandateChanged",
    "MandateWanted",
    "MessageFailed",
    "MessageSent",
    "Messenger",
    "MeterPoint",
    "MeterValues",
    "Money",
    "NeverSent",
    "NotFound",
    "NotSent",
    "NotSupported",
    "Notice",
    "Offline",
    "Outcome",
    "Outgoing",
    "PaymentAsked",
    "PaymentCancelled",
    "PaymentDisputed",
    "PaymentExpired",
    "PaymentFailed",
    "PaymentNoticeReceived",
    "PaymentNoticesForged",
    "PaymentOdd",
    "PaymentOffer",
    "PaymentOpened",
    "PaymentPaid",
    "PaymentProvider",
    "PaymentWanted",
    "Payments",
    "PersonalData",
    "Place",
    "PluginContext",
    "PrepaidChargeChanged",
    "Price",
    "PriceLine",
    "QueueFull",
    "Random",
    "ReadTx",
    "Reading",
    "Receipt",
    "RefundFailed",
    "RefundMade",
    "Refused",
    "ReservationEnded",
    "ReservationMade",
    "ReserveNow",
    "Reset",
    "Row",
    "RunningCharge",
    "Sample",
    "SchedulePeriod",
    "SecurityEventNoted",
    "SendData",
    "SendLocalList",
    "SetChargingProfile",
    "SetVariables",
    "Setting",
    "Share",
    "Span",
    "StartCharging",
    "Statement",
    "StopCharging",
    "Store",
    "StoreUnavailable",
    "Superseded",
    "TaxLine",
    "TenantId",
    "TicketClosed",
    "TicketOpened",
    "TicketReplied",
    "TimedOut",
    "Token",
    "TokenSeen",
    "TokenVerdict",
    "TokensChanged",
    "TransactionCorrected",
    "TransactionEnded",
    "TransactionId",
    "TransactionRemeasured",
    "TransactionStarted",
    "TransactionUpdated",
    "TriggerMessage",
    "Turned",
    "Undecided",
    "UnlockConnector",
    "UpdateFirmware",
    "UserChanged",
    "UserJoined",
    "VariableName",
    "WalletLow",
    "WalletMoved",
    "WalletOpened",
    "WebhookPaused",
    "WebhookResumed",
    "digits_of",
    "event",
    "from_datetime",
    "hookimpl",
    "iso",
    "major",
    "minor",
    "parse_instant",
    "to_datetime",
    "written",
]
