"""Accounts at gateways, as they are kept, shown and changed; a tenant's settings for payments."""

from __future__ import annotations

import attrs
from attrs import validators

from csms.core.checks import Told
from csms.core.paging import Paged, one_of, sorts

from .words import GATEWAY_STATES, LONGEST_NAME, LONGEST_URL, amount, plain

SECRET = plain(500)
_URL = Told(
    validators.matches_re(r"|https?://[^\s<>\"']{1,1000}"),
    {"pattern": "^(?:|https?://[^\\s<>\"']{1,1000})$", "maxLength": LONGEST_URL},
)
_PROVIDER = validators.matches_re(r"[a-z][a-z0-9_-]{0,49}")


@attrs.frozen(slots=True, kw_only=True)
class Gateway:
    """A tenant's account at a payment gateway. Its secrets can be written and never read.

    ``notice_path`` is where the gateway is to send its webhooks. ``notices_forged`` counts those whose signature did not hold;
    ``check_...`` is what came of trying its keys last. A ``closed`` one takes no new payments.
    """

    id: int
    name: str
    provider: str
    key_id: str
    has_webhook_secret: bool
    base_url: str
    live: bool
    is_default: bool
    state: str
    notice_path: str
    notices_forged: int
    forged_at: int | None
    checked_at: int | None
    check_result: str
    check_failed: bool | None
    created_at: int
    changed_at: int


@attrs.frozen(slots=True, kw_only=True)
class SealedAccount:
    """An account as the store has it, for whoever speaks to its gateway. ``mark`` is what our references there begin with."""

    id: int
    tenant: int
    provider: str
    key_id: str
    key_sealed: str = attrs.field(repr=False)
    webhook_sealed: str = attrs.field(repr=False)
    base_url: str
    live: bool
    mark: str
    state: str


@attrs.frozen(slots=True, kw_only=True)
class SealedSecrets:
    """The secrets of an account, encrypted; None leaves one as it is."""

    key: str | None = attrs.field(default=None, repr=False)
    webhook: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(slots=True, kw_only=True)
class NewGateway:
    """An account at a gateway to add. ``webhook_secret`` is the one that the gateway signs its webhooks with."""

    name: str = attrs.field(validator=plain(LONGEST_NAME, 1))
    provider: str = attrs.field(validator=_PROVIDER, metadata={"help": "a gateway that an enabled plugin brings, such as razorpay"})
    key_id: str = attrs.field(validator=plain(200, 1))
    key_secret: str = attrs.field(repr=False, validator=plain(500, 1))
    webhook_secret: str = attrs.field(default="", repr=False, validator=SECRET)
    base_url: str = attrs.field(default="", validator=_URL, metadata={"help": "another address than the gateway's usual one"})
    live: bool = False
    is_default: bool = attrs.field(default=False, metadata={"help": "the first account of a tenant is its default one anyway"})


@attrs.frozen(slots=True, kw_only=True)
class GatewayChange:
    """What is to be other about an account; what is not given, or null, stays as it is."""

    name: str | None = attrs.field(default=None, validator=validators.optional(plain(LONGEST_NAME, 1)))
    key_id: str | None = attrs.field(default=None, validator=validators.optional(plain(200, 1)))
    key_secret: str | None = attrs.field(default=None, repr=False, validator=validators.optional(plain(500, 1)))
    webhook_secret: str | None = attrs.field(default=None, repr=False, validator=validators.optional(SECRET))
    base_url: str | None = attrs.field(default=None, validator=validators.optional(_URL))
    live: bool | None = None
    is_default: bool | None = attrs.field(default=None, validator=validators.optional(validators.in_((True,))))


@attrs.frozen(slots=True, kw_only=True)
class GatewaysQuery(Paged):
    """Which accounts somebody wants."""

    sort: str = sorts("name", "created_at", default="name")
    state: str | None = one_of(*GATEWAY_STATES)


@attrs.frozen(slots=True, kw_only=True)
class GatewayCheck:
    """Whether the keys of an account work, and what was found, in words."""

    works: bool
    result: str


@attrs.frozen(slots=True, kw_only=True)
class PaymentSettings:
    """How a tenant takes payments. ``default_gateway_id`` is None where it has no account at a gateway."""

    currency: str
    default_gateway_id: int | None
    least_top_up_minor: int
    most_top_up_minor: int


@attrs.frozen(slots=True, kw_only=True)
class PaymentSettingsChange:
    """What is to be otherwise; what is not given stays."""

    default_gateway_id: int | None = None
    least_top_up_minor: int | None = attrs.field(default=None, validator=validators.optional(amount()))
    most_top_up_minor: int | None = attrs.field(default=None, validator=validators.optional(amount()))
