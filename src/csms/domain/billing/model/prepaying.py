"""Charges that are paid for before they start: as they are kept, asked for and shown, and the event that tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs
from attrs import validators

from csms.core.events import Event, event
from csms.core.ids import TenantId, charger_key, token_key
from csms.core.ledger import prepayment_key, wallet_key
from csms.core.paging import filter_by
from csms.domain.drivers.model import driver_key
from csms.domain.payments.model import payment_key

WAITING, PAID, STARTING, CHARGING = "waiting", "paid", "starting", "charging"
FINISHED, GIVEN_BACK, UNPAID = "finished", "given_back", "unpaid"
STATES = (WAITING, PAID, STARTING, CHARGING, FINISHED, GIVEN_BACK, UNPAID)
"""``waiting`` for the money, ``paid``: the charger is to be asked, ``starting``: it was, ``charging`` until the bill is settled. Then it is
``finished``; ``given_back`` where no charge came of it, ``unpaid`` where no money came."""
ENDED = "ended"
"""Shown instead of ``charging`` once it ended and is not billed yet."""
GOING_ON = (PAID, STARTING, CHARGING)
PREPAID_REFERENCE = "prepaid_charge"
"""The ``reference_kind`` of payments for charges."""

_EMAIL = r"[^\s@<>\"',;:]{1,100}@[^\s@<>\"',;:]{1,150}"
LANGUAGE = r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}"
_MOST_MINOR = 10**12


@attrs.frozen(slots=True, kw_only=True)
class Prepaid:
    """A charge that somebody pays for before it starts, as it is kept."""

    id: int
    payment_id: int
    code: str
    charger_id: str
    evse: int
    connector: int
    driver_id: int | None
    token: str
    token_kind: str
    promo_code: str
    energy_wh: int
    state: str
    note: str
    transaction_id: int | None
    tries: int
    to_wallet_minor: int
    start_until_at: int | None
    look_at: int | None
    created_at: int
    changed_at: int
    paid_at: int | None
    ended_at: int | None

    @property
    def is_guests(self) -> bool:
        """Whether it is charged with a token of its own, which is nobody's."""
        return self.driver_id is None

    def keys(self, tenant: TenantId) -> list[str]:
        """Everything that one turn of it may change."""
        found = [
            prepaid_key(self.id),
            payment_key(self.payment_id),
            prepayment_key(tenant, str(self.payment_id)),
            charger_key(self.charger_id),
        ]
        if self.driver_id is None:
            return [*found, token_key(tenant, self.token)]
        return [*found, wallet_key(tenant, self.driver_id), driver_key(tenant, self.driver_id)]


@attrs.frozen(slots=True, kw_only=True)
class NewPrepaid:
    """A prepaid charge to be wanted, with what was found out about it. ``secret_hash`` is of the word by which its payer follows it."""

    code: str
    charger_id: str
    evse: int
    connector: int
    driver_id: int | None
    token_id: int | None
    fresh_token: str
    promo_code: str
    energy_wh: int
    secret_hash: str = attrs.field(repr=False)


@attrs.frozen(slots=True, kw_only=True)
class PrepaidBody:
    """How a driver prepays a charge at the connector whose code was scanned."""

    amount_minor: int = attrs.field(
        validator=[validators.ge(1), validators.le(_MOST_MINOR)], metadata={"help": "in the currency of the place, taxes included"}
    )
    way: str = attrs.field(default="link", validator=validators.in_(("link", "qr", "order")))
    promo_code: str = attrs.field(default="", validator=validators.max_len(50))


@attrs.frozen(slots=True, kw_only=True)
class GuestPrepaidBody(PrepaidBody):
    """How a guest prepays a charge. One of ``phone`` and ``email`` is needed: there they are told of it, and get their receipt.

    ``language`` is what they are told in; without it that of ``Accept-Language``, or the tenant's.
    """

    phone: str = attrs.field(
        default="", repr=False, validator=validators.matches_re(r"|\+[1-9]\d{6,14}"), metadata={"help": "+919876543210"}
    )
    email: str = attrs.field(default="", repr=False, validator=validators.matches_re(rf"|{_EMAIL}"))
    language: str = attrs.field(default="", validator=validators.matches_re(rf"|{LANGUAGE}"), metadata={"help": "hi, or en-IN"})


@attrs.frozen(slots=True, kw_only=True)
class DriverPrepaidBody(PrepaidBody):
    """How a driver who is logged in prepays a charge. ``token_id`` is an own token to charge with; without, the app's own is used."""

    token_id: int | None = None
    method_id: int | None = attrs.field(default=None, metadata={"help": "a saved method to charge; `way` does not matter then"})


@attrs.frozen(slots=True, kw_only=True)
class PriceQuery:
    """For how much money, or with which promo code, somebody wants to know what they get."""

    amount_minor: int | None = filter_by("how much energy would this do for?")
    promo_code: str = attrs.field(default="", validator=validators.max_len(50), metadata={"help": "a promo code to reckon with"})


@attrs.frozen(slots=True, kw_only=True)
class WouldBe:
    """What so much energy would cost there, began it now, all taxes included."""

    energy_wh: int
    total_minor: int


@attrs.frozen(slots=True, kw_only=True)
class StartPrice:
    """What charging costs at a connector, for whoever scanned its code. ``least_minor`` to ``most_minor`` can be paid before, in one of
    the ``ways``; of nothing (``prepayable`` false) for the reason in ``reason``. ``energy_wh`` is what ``amount_minor`` would do for."""

    code: str
    currency: str
    tariff: str
    prepayable: bool
    reason: str
    least_minor: int
    most_minor: int
    ways: Sequence[str]
    examples: Sequence[WouldBe]
    amount_minor: int | None
    energy_wh: int | None


@attrs.frozen(slots=True, kw_only=True)
class GivenBack:
    """Money on its way back, or back. ``state``: ``wanted``, ``asked``, ``refunded``, or ``failed``: then an operator looks into it."""

    amount_minor: int
    state: str
    at: int


@attrs.frozen(slots=True, kw_only=True)
class PrepaidStatus:
    """A prepaid charge as its payer follows it.

    ``state`` is ``waiting`` (pay at ``pay_url``, the QR code, or with ``checkout``), ``paid``, ``starting`` (plug the car in), ``charging``,
    ``ended`` (it is being billed), ``finished``, ``given_back`` or ``unpaid``; ``note`` says why. ``cost_minor`` is what it costs so far, at
    last what it cost. ``refunds`` go back to where the money came from; ``to_wallet_minor`` was too little to send and went to the driver's
    wallet, ``kept_minor`` too little to send and is kept for a guest.
    """

    state: str
    note: str
    code: str
    station_name: str
    charger_id: str
    evse: int
    payment_id: int
    payment_state: str
    way: str
    amount_minor: int
    currency: str
    pay_url: str
    image_url: str
    checkout: Mapping[str, str]
    payment_expires_at: int | None
    paid_minor: int
    limit_wh: int
    transaction_id: int | None
    started_at: int | None
    ended_at: int | None
    energy_wh: int | None
    cost_minor: int | None
    tariff: str
    refunds: Sequence[GivenBack]
    to_wallet_minor: int
    kept_minor: int


@attrs.frozen(slots=True, kw_only=True)
class PrepaidMade(PrepaidStatus):
    """A prepaid charge that was just asked for. ``token`` is how it is followed, at ``/start/payments/TOKEN``; it is shown this once."""

    token: str = attrs.field(repr=False)


@event
@attrs.frozen(slots=True, kw_only=True)
class PrepaidChargeChanged(Event):
    """A charge that was paid before has another state: ``paid``, ``starting``, ``charging``, ``finished``, ``given_back`` or ``unpaid``."""

    type: ClassVar[str] = "prepaid_charge_changed"

    prepaid_id: int
    payment_id: int
    transaction_id: int | None
    driver_id: int | None
    charger_id: str
    evse: int
    state: str
    previous_state: str
    note: str

    @property
    def key(self) -> str:
        """What happens to one is told in order."""
        return prepaid_key(self.prepaid_id)


def prepaid_key(prepaid_id: int) -> str:
    """The write key of a prepaid charge."""
    return f"prepaid:{prepaid_id}"
