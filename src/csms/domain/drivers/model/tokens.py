"""Tokens, their groups, grants, and what becomes of a token that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from attrs import validators

from csms.core.paging import Paged, filter_by, one_of, sorts
from csms.core.reports import TokenVerdict

from .words import ACTIVE, BLOCKED

UNKNOWN_TOKEN = TokenVerdict("Invalid")
"""What a token that nobody issued gets (1.6 §7.2: "Invalid: identifier is unknown")."""

STANDINGS = ("usable", "blocked", "expired", "not_yet")
"""How a token stands by itself, its group and its driver: what keeps it from charging anywhere, or ``usable``."""
LARGEST_BATCH = 1000


@attrs.frozen(slots=True, kw_only=True)
class TokenGroup:
    """Tokens that share a fate. ``parent`` is what chargers are told (1.6 parentIdTag, 2.x groupIdToken)."""

    id: int
    name: str
    parent: str
    status: str


@attrs.frozen(slots=True, kw_only=True)
class IssuedToken:
    """A token that somebody was given.

    ``value`` is as issued; tokens compare case-insensitively. ``max_transactions`` None is the installation's rule, 0 no limit.
    """

    id: int
    value: str
    kind: str
    label: str
    token_group_id: int | None
    driver_id: int | None
    status: str
    valid_from: int | None
    expires_at: int | None
    max_transactions: int | None
    created_at: int
    note: str = ""


@attrs.frozen(slots=True, kw_only=True)
class TokenCard:
    """A token as people see it, with whose it is and how it stands (``standing``: by itself, its group and its driver)."""

    id: int
    value: str
    kind: str
    label: str
    status: str
    standing: str
    token_group_id: int | None
    token_group_name: str | None
    driver_id: int | None
    driver_name: str | None
    valid_from_at: int | None
    expires_at: int | None
    max_transactions: int | None
    note: str
    blocked_at: int | None
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class Grant:
    """Leave for a token, a group or a driver (exactly one) to charge at a station or a station group (exactly one)."""

    id: int = 0
    token_id: int | None = None
    token_group_id: int | None = None
    driver_id: int | None = None
    station_id: int | None = None
    station_group_id: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class Judgement:
    """What became of a token that was shown, and whose it is (None: nobody's we know).

    ``max_transactions`` is the token's own limit on concurrent transactions: None is the installation's rule, 0 no limit. ``reason``
    says for people why the verdict is what it is.
    """

    verdict: TokenVerdict
    token_id: int | None = None
    driver_id: int | None = None
    max_transactions: int | None = None
    reason: str = attrs.field(default="", eq=False)


# --- what is asked and said over HTTP -------------------------------------------------------------------------------------------

_LIMIT = validators.optional([validators.ge(0), validators.le(1000)])
_SHORT: Any = validators.max_len(200)
_NOTE: Any = validators.max_len(500)


@attrs.frozen(slots=True, kw_only=True)
class TokensQuery(Paged):
    """Which tokens somebody wants."""

    sort: str = sorts("value", "created_at", "expires_at", default="value")
    value: str | None = filter_by("exactly this one, in any case")
    status: str | None = one_of(ACTIVE, BLOCKED, help="what was said of the token itself")
    standing: str | None = one_of(*STANDINGS, help="what keeps it from charging anywhere, or usable")
    kind: str | None = filter_by("its type, such as ISO14443")
    token_group_id: int | None = filter_by("its group")
    driver_id: int | None = filter_by("whose it is")


@attrs.frozen(slots=True, kw_only=True)
class NewToken:
    """The body that issues a token. ``max_transactions`` null is the installation's rule, 0 no limit."""

    value: str = attrs.field(validator=[validators.min_len(1), validators.max_len(255)], metadata={"help": "as the card says it"})
    kind: str = attrs.field(default="", validator=validators.max_len(50), metadata={"help": "such as ISO14443 or Central"})
    label: str = attrs.field(default="", validator=_SHORT, metadata={"help": "what people call it"})
    token_group_id: int | None = None
    driver_id: int | None = None
    valid_from_at: int | None = None
    expires_at: int | None = None
    max_transactions: int | None = attrs.field(default=None, validator=_LIMIT)
    note: str = attrs.field(default="", validator=_NOTE, metadata={"help": "its driver sees it"})


@attrs.frozen(slots=True, kw_only=True)
class TokenChanges:
    """What changes of a token; what is not given stays. ``clear`` names what is to be empty from now on. Its value and kind stay."""

    label: str | None = attrs.field(default=None, validator=validators.optional(_SHORT))
    token_group_id: int | None = None
    driver_id: int | None = None
    valid_from_at: int | None = None
    expires_at: int | None = None
    max_transactions: int | None = attrs.field(default=None, validator=_LIMIT)
    note: str | None = attrs.field(default=None, validator=validators.optional(_NOTE))
    clear: tuple[str, ...] = attrs.field(
        default=(),
        validator=validators.deep_iterable(
            validators.in_(("token_group_id", "driver_id", "valid_from_at", "expires_at", "max_transactions"))
        ),
    )


@attrs.frozen(slots=True, kw_only=True)
class TokenBatch:
    """The body that issues many tokens; each row stands for itself."""

    tokens: tuple[NewToken, ...] = attrs.field(validator=[validators.min_len(1), validators.max_len(LARGEST_BATCH)])


@attrs.frozen(slots=True, kw_only=True)
class RowResult:
    """What became of one row, counted from 1: the token's id, or what was wrong (``field`` where one was)."""

    row: int
    value: str
    token_id: int | None = None
    error: str = ""
    field: str = ""


@attrs.frozen(slots=True, kw_only=True)
class BatchResult:
    """What became of a batch, row by row."""

    issued: int
    refused: int
    rows: Sequence[RowResult]


@attrs.frozen(slots=True, kw_only=True)
class TokenGroupsQuery(Paged):
    """Which token groups somebody wants."""

    sort: str = sorts("name", default="name")
    status: str | None = one_of(ACTIVE, BLOCKED, help="active or blocked")


@attrs.frozen(slots=True, kw_only=True)
class NewTokenGroup:
    """The body that adds a group; chargers are told ``parent``, or the name where it is empty."""

    name: str = attrs.field(validator=[validators.min_len(1), validators.max_len(200)])
    parent: str = attrs.field(default="", validator=validators.max_len(20))


@attrs.frozen(slots=True, kw_only=True)
class TokenGroupChanges:
    """What changes of a group; what is not given stays. Its parent stays: chargers may have it on their lists."""

    name: str | None = attrs.field(default=None, validator=validators.optional([validators.min_len(1), validators.max_len(200)]))
    status: str | None = attrs.field(default=None, validator=validators.optional(validators.in_((ACTIVE, BLOCKED))))


@attrs.frozen(slots=True, kw_only=True)
class GrantsQuery(Paged):
    """Which grants somebody wants."""

    sort: str = sorts("id", default="id")
    token_id: int | None = filter_by("for this token itself")
    token_group_id: int | None = filter_by("for this token group")
    driver_id: int | None = filter_by("for this driver")
    station_id: int | None = filter_by("at this station itself")
    station_group_id: int | None = filter_by("at this station group")


@attrs.frozen(slots=True, kw_only=True)
class NewGrant:
    """The body that grants: exactly one of token, token group and driver, and exactly one of station and station group."""

    token_id: int | None = None
    token_group_id: int | None = None
    driver_id: int | None = None
    station_id: int | None = None
    station_group_id: int | None = None
