"""Nouns of the tenants slice."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import attrs
from attrs import validators

from csms.core.checks import Told
from csms.core.ids import TenantId
from csms.core.paging import Paged, filter_by, one_of, sorts

COMPANY, INDIVIDUAL = "company", "individual"
KINDS = (COMPANY, INDIVIDUAL)
SHORT, LONG = 200, 1000
MOST_CONTACTS, MOST_TAX_IDS = 20, 10
LEAST_AUDIT_DAYS = 90
"""A tenant may have its audit log kept for less than the installation does, but not so that nobody can look anything up."""
MOST_DAYS = 36_500


def _optional(*rules: Callable[..., Any]) -> Any:
    return validators.optional(list(rules))


def _plain(most: int) -> Any:
    """A text of printable characters, of one line unless it is long."""

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str) or len(value) > most or not value.replace("\n", "").isprintable():
            raise ValueError(f"{attribute.name} has at most {most} printable characters")

    return Told(check, {"maxLength": most})


def _form(form: str, allowed: str) -> Any:
    pattern = re.compile(form)

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"{attribute.name} must be {allowed}")

    return Told(check, {"pattern": f"^(?:{form})$"})


EMAIL = _form(r"|[^@\s]{1,64}@[^@\s]{1,190}", "an e-mail address")
COUNTRY = _form(r"|[A-Z]{2}", "an ISO 3166 code such as IN")
WEBSITE = _form(r"|https?://[^\s<>\"']{1,200}", "an address that begins with http:// or https://")
ACCOUNT = _form(r"[A-Za-z0-9 -]{4,40}", "an account number or IBAN of 4 to 40 letters and digits")
ROUTING = _form(r"[A-Za-z0-9-]{0,20}", "a code of at most 20 letters and digits")


@attrs.frozen(slots=True, kw_only=True)
class Tenant:
    """Somebody whose chargers, drivers and money are kept apart from everybody else's. ``currency`` is ISO 4217.

    Of a closed tenant nobody can log in, and its chargers are turned away; its data stays.
    """

    id: TenantId
    slug: str
    name: str
    currency: str
    time_zone: str
    created_at: int
    closed_at: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class TaxId:
    """A number under which a tax office knows the tenant: ``kind`` is such as GSTIN, PAN or VAT."""

    kind: str = attrs.field(validator=[validators.min_len(1), _plain(40)])
    value: str = attrs.field(validator=[validators.min_len(1), _plain(60)])


@attrs.frozen(slots=True, kw_only=True)
class Contact:
    """A person to turn to; ``role`` is such as owner, billing or technical."""

    name: str = attrs.field(validator=[validators.min_len(1), _plain(SHORT)])
    role: str = attrs.field(default="", validator=_plain(60))
    email: str = attrs.field(default="", validator=EMAIL)
    phone: str = attrs.field(default="", validator=_plain(40))


@attrs.frozen(slots=True, kw_only=True)
class Bank:
    """Where a tenant's money is to go. ``routing_code`` is an IFSC, BIC or sort code."""

    holder: str = attrs.field(validator=[validators.min_len(1), _plain(SHORT)])
    account_number: str = attrs.field(repr=False, validator=ACCOUNT)
    bank_name: str = attrs.field(default="", validator=_plain(SHORT))
    routing_code: str = attrs.field(default="", repr=False, validator=ROUTING)


@attrs.frozen(slots=True, kw_only=True)
class ShownBank:
    """Bank details as they are shown: of the account number only its end."""

    holder: str
    account_number: str
    bank_name: str
    routing_code: str


@attrs.frozen(slots=True, kw_only=True)
class TenantProfile:
    """Everything that may be seen of a tenant. ``bank`` is masked; None where none was given."""

    id: TenantId
    slug: str
    name: str
    kind: str
    legal_name: str
    registration_number: str
    tax_ids: Sequence[TaxId]
    address: str
    country: str
    email: str
    phone: str
    website: str
    contacts: Sequence[Contact]
    bank: ShownBank | None
    currency: str
    time_zone: str
    created_at: int
    changed_at: int | None
    closed_at: int | None
    closed_reason: str


@attrs.frozen(slots=True, kw_only=True)
class TenantChange:
    """What shall be otherwise; what is not given, or null, stays as it is. An empty text or list empties a field."""

    name: str | None = attrs.field(default=None, validator=_optional(validators.min_len(1), _plain(SHORT)))
    kind: str | None = attrs.field(default=None, validator=validators.optional(validators.in_(KINDS)))
    legal_name: str | None = attrs.field(default=None, validator=_optional(_plain(SHORT)))
    registration_number: str | None = attrs.field(default=None, validator=_optional(_plain(60)))
    tax_ids: list[TaxId] | None = attrs.field(default=None, validator=_optional(validators.max_len(MOST_TAX_IDS)))
    address: str | None = attrs.field(default=None, validator=_optional(_plain(LONG)))
    country: str | None = attrs.field(default=None, validator=_optional(COUNTRY))
    email: str | None = attrs.field(default=None, validator=_optional(EMAIL))
    phone: str | None = attrs.field(default=None, validator=_optional(_plain(40)))
    website: str | None = attrs.field(default=None, validator=_optional(WEBSITE))
    contacts: list[Contact] | None = attrs.field(default=None, validator=_optional(validators.max_len(MOST_CONTACTS)))
    currency: str | None = attrs.field(default=None, validator=_optional(validators.max_len(3)))
    time_zone: str | None = attrs.field(default=None, validator=_optional(validators.max_len(100)))


@attrs.frozen(slots=True, kw_only=True)
class NewTenant:
    """A tenant that is to be."""

    slug: str = attrs.field(validator=[validators.min_len(1), validators.max_len(64)])
    name: str = attrs.field(validator=[validators.min_len(1), _plain(SHORT)])
    currency: str = attrs.field(validator=validators.max_len(3))
    time_zone: str = attrs.field(validator=validators.max_len(100))
    kind: str = attrs.field(default=COMPANY, validator=validators.in_(KINDS))
    legal_name: str = attrs.field(default="", validator=_plain(SHORT))
    country: str = attrs.field(default="", validator=COUNTRY)
    email: str = attrs.field(default="", validator=EMAIL)
    phone: str = attrs.field(default="", validator=_plain(40))


@attrs.frozen(slots=True, kw_only=True)
class Closing:
    """Why a tenant is closed."""

    reason: str = attrs.field(validator=[validators.min_len(1), _plain(LONG)])


@attrs.frozen(slots=True, kw_only=True)
class TenantsQuery(Paged):
    """Which tenants somebody wants."""

    sort: str = sorts("name", "slug", "created_at", default="name")
    kind: str | None = one_of(*KINDS, help="an individual or a company")
    closed: bool | None = filter_by("true: only closed ones; false: only others")


def _days(least: int) -> Any:
    return attrs.field(default=None, validator=_optional(validators.ge(least), validators.le(MOST_DAYS)))


@attrs.frozen(slots=True, kw_only=True)
class TenantSettings:
    """What is otherwise for a tenant than for the installation; null is as the installation has it.

    The ``..._days`` of retention can shorten what the installation's ``[retention]`` keeps, never lengthen it. Documents are told of
    ``documents_expiring_days`` before they expire; a resolved ticket closes after ``tickets_close_days``. A driver's wallet may go
    ``wallet_credit_limit_minor`` below zero where it has no limit of its own.
    """

    frames_days: int | None = _days(1)
    meter_readings_days: int | None = _days(1)
    events_days: int | None = _days(1)
    security_events_days: int | None = _days(1)
    audit_days: int | None = _days(LEAST_AUDIT_DAYS)
    documents_expiring_days: int | None = attrs.field(default=None, validator=_optional(validators.ge(0), validators.le(365)))
    tickets_close_days: int | None = attrs.field(default=None, validator=_optional(validators.ge(1), validators.le(365)))
    wallet_credit_limit_minor: int | None = attrs.field(default=None, validator=_optional(validators.ge(0), validators.le(10**15)))


SETTINGS = tuple(field.name for field in attrs.fields(TenantSettings))


@attrs.frozen(slots=True, kw_only=True)
class SettingsChange(TenantSettings):
    """Settings that shall be otherwise; those in ``clear`` are as the installation has them again."""

    clear: tuple[str, ...] = attrs.field(
        default=(), validator=validators.deep_iterable(validators.in_(SETTINGS), validators.max_len(len(SETTINGS)))
    )
