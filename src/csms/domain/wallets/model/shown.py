"""What is asked and said of wallets over HTTP."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import validators

from csms.core.ledger import ACCOUNT_KINDS, MOVEMENT_KINDS
from csms.core.money import CURRENCY, MOST_MINOR
from csms.core.paging import Following, Paged, filter_by, one_of, sorts

from .words import LONGEST_DESCRIPTION, STATUSES

_CURRENCY = validators.optional(validators.matches_re(CURRENCY))
_LIMIT = validators.optional([validators.ge(0), validators.le(MOST_MINOR)])


@attrs.frozen(slots=True, kw_only=True)
class WalletsQuery(Paged):
    """Which wallets somebody wants."""

    sort: str = sorts("name", "balance", "owed", "opened_at", "changed_at", default="name")
    status: str | None = one_of(*STATUSES, help="active or frozen")
    currency: str | None = attrs.field(default=None, validator=_CURRENCY, metadata={"help": "such as INR"})
    driver_id: int | None = filter_by("this driver's")
    owing: bool | None = filter_by("whether there is an open debt")
    holding: bool | None = filter_by("whether something is held")
    balance_below_minor: int | None = filter_by("with less than this")


@attrs.frozen(slots=True, kw_only=True)
class LinesQuery(Following):
    """Which lines of a wallet's statement somebody wants."""

    kind: str | None = one_of(*MOVEMENT_KINDS, help="the kind of movement")
    currency: str | None = attrs.field(default=None, validator=_CURRENCY, metadata={"help": "as a rule the tenant's"})
    reference_kind: str | None = filter_by("what it is for, such as transaction")
    reference_id: str | None = filter_by("the id of what it is for")
    from_at: int | None = filter_by("then or later")
    to_at: int | None = filter_by("before")


@attrs.frozen(slots=True, kw_only=True)
class LinesFilter:
    """Which lines are exported."""

    kind: str | None = one_of(*MOVEMENT_KINDS, help="the kind of movement")
    from_at: int | None = filter_by("then or later")
    to_at: int | None = filter_by("before")


@attrs.frozen(slots=True, kw_only=True)
class StatementQuery:
    """For which stretch of time a statement is wanted."""

    from_at: int = attrs.field(metadata={"help": "then or later"})
    to_at: int | None = filter_by("before; not given, until now")


@attrs.frozen(slots=True, kw_only=True)
class HoldsQuery(Paged):
    """Which holds somebody wants."""

    sort: str = sorts("made_at", "expires_at", "amount", default="-made_at")
    open: bool | None = filter_by("true: not released; false: released")
    reference_kind: str | None = filter_by("what it is for, such as transaction")
    reference_id: str | None = filter_by("the id of what it is for")


@attrs.frozen(slots=True, kw_only=True)
class WalletChanges:
    """What changes of a wallet; what is not given stays. ``clear`` gives it the tenant's credit limit again."""

    credit_limit_minor: int | None = attrs.field(
        default=None, validator=_LIMIT, metadata={"help": "how far below zero the driver may go"}
    )
    status: str | None = attrs.field(default=None, validator=validators.optional(validators.in_(STATUSES)))
    clear: tuple[str, ...] = attrs.field(default=(), validator=validators.deep_iterable(validators.in_(("credit_limit_minor",))))


def _amount(instance: Any, attribute: attrs.Attribute[Any], value: int) -> None:
    if not value or abs(value) > MOST_MINOR:
        raise ValueError(f"{attribute.name} must be other than 0, and at most {MOST_MINOR} either way")


@attrs.frozen(slots=True, kw_only=True)
class Adjustment:
    """The body that puts a wallet right: above zero it gives, below it takes. The driver sees the reason on their statement."""

    amount_minor: int = attrs.field(validator=_amount)
    reason: str = attrs.field(validator=[validators.min_len(3), validators.max_len(LONGEST_DESCRIPTION)])
    overdraw: bool = attrs.field(default=False, metadata={"help": "take it even where that exceeds the credit limit"})


@attrs.frozen(slots=True, kw_only=True)
class Releasing:
    """The body that releases a hold."""

    reason: str = attrs.field(default="", validator=validators.max_len(LONGEST_DESCRIPTION))


@attrs.frozen(slots=True, kw_only=True)
class AccountsQuery(Paged):
    """Which accounts of the ledger somebody wants."""

    sort: str = sorts("id", "opened_at", default="id")
    kind: str | None = one_of(*ACCOUNT_KINDS, help="what it is for")
    unit: str | None = filter_by("a currency, WH or TX")
    name: str | None = filter_by("exactly this name")
    driver_id: int | None = filter_by("whose it is")


@attrs.frozen(slots=True, kw_only=True)
class MovementsQuery(Following):
    """Which movements somebody wants."""

    kind: str | None = one_of(*MOVEMENT_KINDS, help="the kind of movement")
    key: str | None = filter_by("exactly this idempotency key")
    reference_kind: str | None = filter_by("what it is for, such as transaction")
    reference_id: str | None = filter_by("the id of what it is for")
    account_id: int | None = filter_by("that moved this account")
    driver_id: int | None = filter_by("that moved something of this driver")
    from_at: int | None = filter_by("then or later")
    to_at: int | None = filter_by("before")
