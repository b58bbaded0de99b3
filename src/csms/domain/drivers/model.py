"""Nouns and events of the drivers slice."""

from __future__ import annotations

from typing import ClassVar

import attrs

from csms.core.events import Event, event
from csms.core.ids import charger_key
from csms.core.reports import TokenVerdict

ACTIVE, BLOCKED = "active", "blocked"

UNKNOWN_TOKEN = TokenVerdict("Invalid")
"""What a token that nobody issued gets (1.6 §7.2: "Invalid: identifier is unknown")."""


TOKENS_KEY = "tokens"
"""The key of what is told about who may charge where; whoever changes much of it at once claims it first."""


def driver_key(tenant: int, driver_id: int) -> str:
    """The write key of one driver."""
    return f"driver:{tenant}:{driver_id}"


def group_key(tenant: int, token_group_id: int) -> str:
    """The write key of one token group."""
    return f"token_group:{tenant}:{token_group_id}"


@attrs.frozen(slots=True, kw_only=True)
class Driver:
    """A person who charges. ``reference`` is another system's name for them. A blocked driver's tokens are all blocked."""

    id: int
    name: str
    email: str
    phone: str
    reference: str
    status: str
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class Vehicle:
    """A driver's vehicle."""

    id: int
    driver_id: int
    name: str
    plate: str
    vin: str
    make: str
    model: str


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

    ``max_transactions`` is the token's own limit on concurrent transactions: None is the installation's rule, 0 no limit.
    """

    verdict: TokenVerdict
    token_id: int | None = None
    driver_id: int | None = None
    max_transactions: int | None = None


@event
@attrs.frozen(slots=True, kw_only=True)
class TokenSeen(Event):
    """A token was shown at a charger (Authorize), known or not, and got ``status`` (2.0.1 AuthorizationStatusEnumType)."""

    type: ClassVar[str] = "token_seen"

    charger_id: str
    token: str
    kind: str
    status: str
    token_id: int | None
    driver_id: int | None

    @property
    def key(self) -> str:
        """The charger's write key: what is shown at one charger is told in order."""
        return charger_key(self.charger_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class TokensChanged(Event):
    """Who may charge where has changed: a token, a group, a driver or a grant was added, changed or removed.

    ``what`` is ``token``, ``token_group``, ``driver`` or ``grant``; ``name`` says which one.
    """

    type: ClassVar[str] = "tokens_changed"

    what: str
    name: str

    @property
    def key(self) -> str:
        """All in order: operators do this, not chargers."""
        return TOKENS_KEY
