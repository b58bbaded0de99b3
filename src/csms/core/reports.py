"""What a charger tells us, in words that serve every OCPP version.

A report is a claim, as received; the domain decides what becomes a fact, and facts are told as events. A dialect builds reports; the
dispatch table says which verb hears each. The matching *verdict*, our answer, stands beside its report.
"""

from __future__ import annotations

from decimal import Decimal

from .ids import Place
from .nouns import noun


@noun
class Oddity:
    """One field that was not as the specification wants it, and was tolerated: ``rule`` says how (``enum``, ``length``, ``unit`` ...)."""

    rule: str
    field: str
    heard: str


@noun(kw_only=True)
class Report:
    """What every report carries: who said it, when we received it (instant), and what was odd about it."""

    charger_id: str
    received_at: int
    oddities: tuple[Oddity, ...] = ()


@noun
class Token:
    """What identifies a driver at a charger. ``kind`` is OCPP 2.x's IdTokenEnumType; 1.6 knows none and says ``""``."""

    value: str
    kind: str = ""


@noun
class Sample:
    """One measured value in its normal unit (see ``units.normal_unit``); ``signed`` keeps signed data verbatim."""

    measurand: str
    value: Decimal
    unit: str
    phase: str = ""
    location: str = "Outlet"
    context: str = "Sample.Periodic"
    signed: str = ""


@noun
class Reading:
    """All samples that share one timestamp. ``sampled_at`` is the charger's clock; ``heard_at_raw`` keeps a text we could not trust."""

    sampled_at: int
    samples: tuple[Sample, ...]
    heard_at_raw: str = ""


# --- registration ---------------------------------------------------------------------------------------------------------------


@noun(kw_only=True)
class Booted(Report):
    """BootNotification (1.6 §4.2; 2.0.1 B01)."""

    vendor: str
    model: str
    serial: str = ""
    firmware: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial: str = ""
    reason: str = ""


@noun
class Registration:
    """Verdict on ``Booted``: ``accepted``, ``pending`` or ``rejected``; the interval is the heartbeat or, unless accepted, the retry wait."""

    status: str
    interval_s: int
    now: int


@noun(kw_only=True)
class HeartbeatSent(Report):
    """Heartbeat: answered with our time, without a write (1.6 §4.6)."""


@noun
class TimeTold:
    """Verdict on ``HeartbeatSent``."""

    now: int


@noun
class Noted:
    """The verdict that says nothing but "stored": for status notifications and meter values."""


# --- status and meter -----------------------------------------------------------------------------------------------------------

AVAILABLE, PREPARING, CHARGING, SUSPENDED_EV, SUSPENDED_EVSE, FINISHING = (
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEV",
    "SuspendedEVSE",
    "Finishing",
)
RESERVED, UNAVAILABLE, FAULTED, OCCUPIED, UNKNOWN = "Reserved", "Unavailable", "Faulted", "Occupied", "Unknown"
CONNECTOR_STATUSES = frozenset(
    {
        AVAILABLE,
        PREPARING,
        CHARGING,
        SUSPENDED_EV,
        SUSPENDED_EVSE,
        FINISHING,
        RESERVED,
        UNAVAILABLE,
        FAULTED,
        OCCUPIED,
        UNKNOWN,
    }
)
"""OCPP 1.6 §7.7 and, with ``Occupied``, OCPP 2.0.1 ConnectorStatusEnumType; ``Unknown`` where what was heard is neither."""


@noun(kw_only=True)
class StatusReported(Report):
    """StatusNotification. ``status`` is one of ``CONNECTOR_STATUSES``; ``status_raw`` keeps what was heard when it was none of them."""

    place: Place
    status: str
    reported_at: int
    status_raw: str = ""
    error_code: str = ""
    info: str = ""
    vendor_id: str = ""
    vendor_error_code: str = ""


@noun(kw_only=True)
class MeterSampled(Report):
    """MeterValues. ``transaction_id`` is our own integer when the charger gave one (1.6), whatever number it is."""

    place: Place
    readings: tuple[Reading, ...]
    transaction_id: int | None = None


# --- tokens and transactions ----------------------------------------------------------------------------------------------------


@noun(kw_only=True)
class TokenPresented(Report):
    """Authorize."""

    token: Token


@noun
class TokenVerdict:
    """Verdict on a token. ``status`` is OCPP 2.0.1's AuthorizationStatusEnumType, of which 1.6's is a subset; a dialect narrows it.

    As a plugin's decision an acceptance means "no objection"; only one that ``vouches`` also lets in a token csms does not know.
    """

    status: str
    expires_at: int | None = None
    parent: str = ""
    message: str = ""
    vouches: bool = False

    @property
    def accepted(self) -> bool:
        """Whether charging may go on with this token."""
        return self.status == "Accepted"


@noun(kw_only=True)
class StartReported(Report):
    """A transaction began: StartTransaction (1.6 §4.8) or TransactionEvent(Started) (2.0.1 E01, E02).

    ``reference`` is the charger's own transaction id and ``seq_no`` its counter (2.x only). ``token`` is missing where 2.x starts on
    plug-in. ``started_at_raw`` keeps a timestamp that could not be trusted; ``started_at`` is then the time we received it.
    """

    place: Place
    started_at: int
    token: Token | None = None
    meter_start_wh: int | None = None
    reference: str = ""
    seq_no: int | None = None
    reservation_id: int | None = None
    remote_start_id: int | None = None
    charging_state: str = ""
    trigger: str = ""
    offline: bool = False
    readings: tuple[Reading, ...] = ()
    started_at_raw: str = ""


@noun(kw_only=True)
class UpdateReported(Report):
    """TransactionEvent(Updated) (2.0.1 E02 and others): the charging state changed, a token was shown, or a meter was read."""

    reference: str
    seq_no: int
    updated_at: int
    place: Place | None = None
    token: Token | None = None
    charging_state: str = ""
    trigger: str = ""
    remote_start_id: int | None = None
    offline: bool = False
    readings: tuple[Reading, ...] = ()
    updated_at_raw: str = ""


@noun(kw_only=True)
class StopReported(Report):
    """A transaction ended: StopTransaction (1.6 §4.10) or TransactionEvent(Ended) (2.0.1 E06 and others).

    1.6 names it by ``transaction_id``, our own integer or whatever the charger made up; 2.x by ``reference`` and ``seq_no``.
    """

    stopped_at: int
    transaction_id: int | None = None
    reference: str = ""
    seq_no: int | None = None
    place: Place | None = None
    meter_stop_wh: int | None = None
    token: Token | None = None
    reason: str = "Local"
    trigger: str = ""
    offline: bool = False
    readings: tuple[Reading, ...] = ()
    stopped_at_raw: str = ""


@noun
class TransactionVerdict:
    """Verdict on start, update and stop: our integer, and what became of the token if one was shown."""

    transaction_id: int
    token: TokenVerdict | None = None


@noun(kw_only=True)
class Mangled(Report):
    """A transaction message that lacks a required field but says who it is: kept in quarantine and answered (HOUSE §8).

    ``action`` and ``payload`` (JSON text) are as heard; ``missing`` names the fields. The verdict is a ``TransactionVerdict``.
    """

    action: str
    payload: str
    missing: tuple[str, ...]


# --- upkeep and security --------------------------------------------------------------------------------------------------------


@noun(kw_only=True)
class FirmwareStatusReported(Report):
    """FirmwareStatusNotification and, in 1.6, SignedFirmwareStatusNotification. ``status`` is 2.0.1's FirmwareStatusEnumType, of which
    1.6's are subsets, or whatever was heard instead; ``request_id`` is ours where the charger repeats it."""

    status: str
    request_id: int | None = None


@noun(kw_only=True)
class LogStatusReported(Report):
    """LogStatusNotification and, in 1.6, DiagnosticsStatusNotification (then ``diagnostics``, which knows no request id).

    ``status`` is 2.0.1's UploadLogStatusEnumType, or whatever was heard instead.
    """

    status: str
    request_id: int | None = None
    diagnostics: bool = False


@noun(kw_only=True)
class SecurityEventReported(Report):
    """SecurityEventNotification (1.6 security whitepaper A04; 2.0.1 A04). ``kind`` is a word of its list, or the vendor's own."""

    kind: str
    occurred_at: int
    info: str = ""
    occurred_at_raw: str = ""


@noun(kw_only=True)
class CertificateRequested(Report):
    """SignCertificate: the charger asks for a certificate (1.6 security whitepaper A02, A03; 2.0.1 A02, A03). ``csr`` is PEM (PKCS #10)."""

    csr: str
    purpose: str = "ChargingStationCertificate"


@noun
class SigningVerdict:
    """Verdict on ``CertificateRequested``: ``Accepted`` (the certificate follows as a command) or ``Rejected``."""

    status: str


# --- anything else --------------------------------------------------------------------------------------------------------------


@noun(kw_only=True)
class DataSent(Report):
    """DataTransfer from the charger (1.6 §4.3; 2.0.1 P02). ``data`` is JSON text or the plain string that was sent."""

    vendor_id: str
    message_id: str = ""
    data: str = ""


@noun
class DataVerdict:
    """Verdict on ``DataSent``: ``Accepted``, ``Rejected``, ``UnknownMessageId`` or ``UnknownVendorId``."""

    status: str
    data: str = ""


Verdict = Registration | TimeTold | Noted | TokenVerdict | TransactionVerdict | DataVerdict | SigningVerdict
