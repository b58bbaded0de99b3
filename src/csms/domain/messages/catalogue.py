"""The templates that there are: what each is about, what it may say, and how long it is of use."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from csms.core.errors import Invalid

from .formats import variable

HOUR_S, DAY_S = 3600, 86_400

CODES, ACCOUNT, BILLING, MEMBERSHIP = "codes", "account", "billing", "membership"
CHARGING, PROGRESS, RESERVATIONS, BALANCE, PLANS = "charging", "progress", "reservations", "balance", "plans"
SUPPORT, ALERTS, OTHER = "support", "alerts", "other"


@attrs.frozen(slots=True, kw_only=True)
class Kind:
    """A kind of messages. A tenant can switch one off that is not ``needed``, a person one that is ``optional``."""

    about: str
    needed: bool = False
    optional: bool = True


KINDS: Mapping[str, Kind] = {
    CODES: Kind(about="one-time codes", needed=True, optional=False),
    ACCOUNT: Kind(about="invitations, passwords, and the security of an account", needed=True, optional=False),
    MEMBERSHIP: Kind(about="that somebody joined, or that what they may do changed", optional=False),
    BILLING: Kind(about="receipts, invoices, payments and refunds", optional=False),
    CHARGING: Kind(about="that charging started or ended"),
    PROGRESS: Kind(about="how far charging is, every so many minutes"),
    RESERVATIONS: Kind(about="reservations that were made or ended"),
    BALANCE: Kind(about="that the balance is low"),
    PLANS: Kind(about="plans: subscribed, renewed, changed, expiring, failed, suspended, paused, resumed, cancelled, ended"),
    SUPPORT: Kind(about="answers to support tickets"),
    ALERTS: Kind(about="alerts of stations, to the operator's people"),
    OTHER: Kind(about="anything else that a plugin says"),
}


@attrs.frozen(slots=True, kw_only=True)
class Template:
    """A template: ``samples`` are its fields, as notices bring them, with an example of each; ``secrets`` those that nobody else may see.

    What it says is ``printed`` where a document goes with it."""

    name: str
    kind: str
    about: str
    samples: Mapping[str, str]
    secrets: Mapping[str, str]
    good_for_s: int
    printed: bool = False

    @property
    def variables(self) -> tuple[str, ...]:
        """What its words may name, besides what every template may."""
        return tuple(variable(name) for name in (*self.samples, *self.secrets))

    @property
    def is_urgent(self) -> bool:
        """Whether it goes before all others, at any hour."""
        return self.kind == CODES


COMMON: Mapping[str, str] = {"name": "Asha", "tenant": "Green Charging", "support": "+91 20 5550 100"}
"""What every template may name: whom it is to, who says it, and where they are reached; with examples."""

_WHERE = {"station": "MG Road", "charger_id": "CP-1", "connector": "1"}
_AMOUNT = {"amount_minor": "24150", "currency": "INR"}
_PLAN = {"plan": "Monthly 100", **_AMOUNT}
_CREDITED = {"credited_minor": "12000", "currency": "INR"}
_CODE = {"minutes": "10"}


def _made(
    name: str,
    kind: str,
    about: str,
    samples: Mapping[str, str] | None = None,
    *,
    secrets: Mapping[str, str] | None = None,
    good_for_s: int = 3 * DAY_S,
    printed: bool = False,
) -> tuple[str, Template]:
    made = Template(
        name=name, kind=kind, about=about, samples=samples or {}, secrets=secrets or {}, good_for_s=good_for_s, printed=printed
    )
    return name, made


TEMPLATES: Mapping[str, Template] = dict(
    [
        # people and their accounts
        _made("code_register", CODES, "a code to register", _CODE, secrets={"code": "482915"}, good_for_s=HOUR_S),
        _made("code_register_known", ACCOUNT, "somebody registered with an address that has an account", good_for_s=DAY_S),
        _made("code_reset", CODES, "a code to set another password", _CODE, secrets={"code": "482915"}, good_for_s=HOUR_S),
        _made("code_login", CODES, "a code to log in", _CODE, secrets={"code": "482915"}, good_for_s=HOUR_S),
        _made("code_address", CODES, "a code to confirm an address", _CODE, secrets={"code": "482915"}, good_for_s=HOUR_S),
        _made(
            "invitation",
            ACCOUNT,
            "an invitation to join a tenant's people",
            {"tenant": "Green Charging", "role": "tenant_operator", "days": "7"},
            secrets={"link": "https://console.example.org/invitation#inv_1_abc"},
        ),
        _made(
            "first_password", ACCOUNT, "the first password of an account", {"hours": "72"}, secrets={"password": "swift-otter-41"}
        ),
        _made("password_changed", ACCOUNT, "the password was changed"),
        _made("login_reused", ACCOUNT, "a login was used from two places, and ended"),
        _made("welcome", MEMBERSHIP, "somebody became one of a tenant's people or drivers", {"role": "driver"}),
        _made("access_changed", MEMBERSHIP, "somebody's role changed, or they were disabled", {"role": "support", "what": "role"}),
        # charging
        _made(
            "charging_started",
            CHARGING,
            "charging started",
            {**_WHERE, "started_at": "1767225600000", "token": "Card 1"},
            good_for_s=HOUR_S,
        ),
        _made(
            "charging_progress",
            PROGRESS,
            "how far charging is",
            {**_WHERE, "energy_wh": "8200", "duration_s": "2700", "soc": "64", **_AMOUNT},
            good_for_s=HOUR_S // 4,
        ),
        _made(
            "charging_ended",
            CHARGING,
            "charging ended",
            {**_WHERE, "energy_wh": "15340", "duration_s": "5100", "ended_at": "1767230700000", "reason": "EVDisconnected"},
            good_for_s=DAY_S,
        ),
        _made(
            "reservation_made", RESERVATIONS, "a connector is kept free", {**_WHERE, "until_at": "1767230700000"}, good_for_s=HOUR_S
        ),
        _made("reservation_ended", RESERVATIONS, "a reservation ended unused", {**_WHERE, "why": "expired"}, good_for_s=HOUR_S),
        # money
        _made(
            "receipt",
            BILLING,
            "what a charge cost, and that it is paid",
            {
                **_WHERE,
                **_AMOUNT,
                "energy_wh": "15340",
                "number": "GC/26-27/0017",
                "ended_at": "1767230700000",
                "refund_minor": "5850",
            },
        ),
        _made(
            "prepaid_returned",
            BILLING,
            "no charge came of what was paid beforehand, or it cost nothing: the money goes back",
            {**_WHERE, **_AMOUNT, "why": "no car was plugged in in time"},
        ),
        _made("payment_link", BILLING, "an amount is open, and where it is paid", {**_AMOUNT, "what": "CP-1, 15.34 kWh"}),
        _made("payment_received", BILLING, "a payment came", {**_AMOUNT, "balance_minor": "50000"}),
        _made("payment_failed", BILLING, "a payment failed", {**_AMOUNT, "why": "declined by the bank"}),
        _made("refund", BILLING, "money goes back", {**_AMOUNT, "why": "unused prepayment"}),
        _made(
            "invoice_issued",
            BILLING,
            "an invoice was issued",
            {**_AMOUNT, "number": "GC/26-27/0017", "issued_on": "2026-01-01"},
            printed=True,
        ),
        _made("low_balance", BALANCE, "the balance is low", {"balance_minor": "4200", "currency": "INR"}, good_for_s=DAY_S),
        # plans
        _made("plan_subscribed", PLANS, "a plan begins", {**_PLAN, "ends_on": "2026-02-01"}),
        _made("plan_renewed", PLANS, "a plan was renewed", {**_PLAN, "ends_on": "2026-03-01"}),
        _made("plan_expiring", PLANS, "a plan ends soon", {"plan": "Monthly 100", "ends_on": "2026-03-01"}),
        _made(
            "plan_failed", PLANS, "a plan could not be renewed", {**_PLAN, "why": "the payment failed", "until_on": "2026-03-08"}
        ),
        _made("plan_suspended", PLANS, "a plan was not paid in time: it holds no longer until it is", _PLAN),
        _made("plan_paused", PLANS, "a plan is paused", {"plan": "Monthly 100", "why": "as you asked"}),
        _made("plan_resumed", PLANS, "a plan goes on after a pause", {"plan": "Monthly 100", "ends_on": "2026-03-01"}),
        _made("plan_changed", PLANS, "another plan holds now", {**_PLAN, **_CREDITED, "ends_on": "2026-03-01"}),
        _made("plan_cancelled", PLANS, "a plan was cancelled", {"plan": "Monthly 100", "ends_on": "2026-03-01"}),
        _made("plan_ended", PLANS, "a plan is over", {"plan": "Monthly 100", "why": "it was not to be renewed", **_CREDITED}),
        # the operator and the driver
        _made("ticket_replied", SUPPORT, "an answer to a support ticket", {"number": "12", "title": "Cable stuck", "by": "Sam"}),
        _made(
            "station_alert",
            ALERTS,
            "something to look at, for the operator's people",
            {
                "severity": "critical",
                "message": "CP-1 is faulted: GroundFailure",
                "alert": "charger_faulted",
                "station": "MG Road",
                "charger_id": "CP-1",
                "raised_at": "1767225600000",
            },
            good_for_s=DAY_S,
        ),
        _made("plain", OTHER, "any words", {"subject": "Closed on Sunday", "text": "The station is closed on Sunday."}),
    ]
)
"""Every template by its name."""

ACTIONS: Mapping[str, Mapping[str, str]] = {
    "pay": {"en": "Pay now", "hi": "अभी भुगतान करें"},
    "top_up": {"en": "Top up", "hi": "टॉप-अप करें"},
    "open": {"en": "Open", "hi": "खोलें"},
    "invoice": {"en": "See the invoice", "hi": "बिल देखें"},
    "stop": {"en": "Stop charging", "hi": "चार्जिंग रोकें"},
    "start": {"en": "Start charging", "hi": "चार्जिंग शुरू करें"},
}
"""Labels of links that are known, by language."""


def need_template(name: str) -> Template:
    """A template. Raises ``Invalid``."""
    found = TEMPLATES.get(name)
    if found is None:
        raise Invalid(f"there is no message template {name!r}; one for any words is plain", field="template")
    return found


def label(name: str, language: str) -> str:
    """The label of a link in a language; one that is not known as it is."""
    known = ACTIONS.get(name, {})
    return known.get(language) or known.get("en") or name
