"""Nouns and events of the users slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs

from csms.core.access import ROLES
from csms.core.errors import CsmsError
from csms.core.events import Event, event
from csms.core.ids import TenantId
from csms.core.paging import Paged, filter_by, one_of, sorts

TOTP, BY_EMAIL, BY_SMS, RECOVERY = "totp", "email", "sms", "recovery"
SECOND_FACTORS = (TOTP, BY_EMAIL, BY_SMS)


def user_key(user_id: int) -> str:
    """The write key of one user, with their logins and second factor."""
    return f"user:{user_id}"


def address_key(folded: str) -> str:
    """The write key of an e-mail address or a telephone number, which no two users share."""
    return f"user_address:{folded}"


def members_key(tenant: int) -> str:
    """The write key of who belongs to a tenant."""
    return f"members:{tenant}"


def api_keys_key(tenant: int) -> str:
    """The write key of a tenant's API keys."""
    return f"api_keys:{tenant}"


class WrongLogin(CsmsError):
    """Whoever it is, it is not proven: the one error of every wrong name, password, code or token, which tells nothing more."""


class TooSoon(CsmsError):
    """Too many tries failed; the next may come in ``wait_s`` seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many failed tries; try again in {wait_s} s")
        self.wait_s = wait_s


# --- people ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class User:
    """A person with an account. ``second_factor`` is ``totp``, ``email``, ``sms`` or ``""``."""

    id: int
    name: str
    email: str
    email_verified_at: int | None
    phone: str
    phone_verified_at: int | None
    locale: str
    second_factor: str
    created_at: int
    disabled_at: int | None

    @property
    def called(self) -> str:
        """What the audit log calls them."""
        return self.email or self.phone or self.name


@attrs.frozen(slots=True, kw_only=True)
class Credentials:
    """A user with what their word is checked against."""

    user: User
    password_hash: str = attrs.field(repr=False)
    password_expires_at: int | None
    totp_sealed: str = attrs.field(repr=False)
    totp_step: int


@attrs.frozen(slots=True, kw_only=True)
class Membership:
    """What a user is in a tenant. ``stations`` None is every station of it."""

    tenant: str
    tenant_name: str
    role: str
    stations: Sequence[int] | None
    driver_id: int | None
    tenant_id: TenantId = attrs.field(repr=False)
    disabled_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class Member:
    """A user as the people of a tenant see them. ``disabled_at``: here; ``account_disabled``: in the whole installation."""

    id: int
    name: str
    email: str
    phone: str
    role: str
    stations: Sequence[int] | None
    driver_id: int | None
    second_factor: str
    joined_at: int
    disabled_at: int | None
    account_disabled: bool


@attrs.frozen(slots=True, kw_only=True)
class MembersQuery(Paged):
    """Which people of a tenant somebody wants."""

    sort: str = sorts("name", "email", "role", "joined_at", default="name")
    role: str | None = one_of(*ROLES, help="only those of one role")
    staff: bool | None = filter_by("true: everybody but drivers; false: drivers only")
    disabled: bool | None = filter_by("whether they are disabled here")
    station_id: int | None = filter_by("only those who may see this station")


@attrs.frozen(slots=True, kw_only=True)
class Invitation:
    """An invitation to join a tenant, by a link that was sent to an e-mail address."""

    id: int
    email: str
    name: str
    role: str
    stations: Sequence[int] | None
    invited_by: int | None
    created_at: int
    expires_at: int
    accepted_at: int | None
    revoked_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class InvitationsQuery(Paged):
    """Which invitations somebody wants."""

    sort: str = sorts("created_at", "email", "expires_at", default="-created_at")
    open: bool | None = filter_by("true: neither accepted, revoked nor expired")


# --- logins and keys ------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class Login:
    """A device on which a user is logged in. ``is_current``: the one that asks."""

    id: int
    device: str
    remote_address: str
    created_at: int
    last_used_at: int
    expires_at: int
    is_current: bool = False


@attrs.frozen(slots=True, kw_only=True)
class LoginsQuery(Paged):
    """Which of one's logins somebody wants."""

    sort: str = sorts("last_used_at", "created_at", "device", default="-last_used_at")
    used_before_at: int | None = filter_by("not used since then")


@attrs.frozen(slots=True, kw_only=True)
class ApiKey:
    """A key for a script. It may do what ``permissions`` say, and never more than its maker may when it is used."""

    id: int
    name: str
    permissions: Sequence[str]
    stations: Sequence[int] | None
    maker_id: int | None
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    last_used_from: str
    revoked_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class ApiKeysQuery(Paged):
    """Which API keys somebody wants."""

    sort: str = sorts("created_at", "name", "last_used_at", default="-created_at")
    revoked: bool | None = filter_by("true: only revoked ones; false: only those that are not")
    maker_id: int | None = filter_by("only those that a user made")


@attrs.frozen(slots=True, kw_only=True)
class Challenge:
    """What somebody has to prove with a one-time code. ``detail`` is what is to be done once it is proven."""

    id: int
    purpose: str
    user_id: int | None
    detail: Mapping[str, Any] = attrs.field(repr=False)
    code_hash: str = attrs.field(repr=False)
    tries_left: int
    expires_at: int


@attrs.frozen(slots=True, kw_only=True)
class Standing:
    """What a login or an API key is worth at the moment: whose it is, in which tenant, with which role.

    ``secret_hash`` is that of an API key. ``last_used_at`` is when it was last noted, not when it was used last.
    """

    id: int
    user_id: int | None
    name: str
    tenant: TenantId
    role: str
    stations: frozenset[int] | None
    driver_id: int | None
    permissions: frozenset[str]
    expires_at: int | None
    last_used_at: int | None
    secret_hash: str = attrs.field(default="", repr=False)


@attrs.frozen(slots=True, kw_only=True)
class Rules:
    """How people are let in; the section ``[identity]`` of the configuration."""

    access_token_s: int = 3600
    refresh_days: int = 30
    login_days: int = 180
    registration: str = "off"
    second_factor_roles: tuple[str, ...] = ()
    code_digits: int = 6
    code_minutes: int = 10
    password_min: int = 10
    temporary_password_hours: int = 72
    invitation_days: int = 7
    cookie_secure: bool = True
    public_url: str = ""


# --- events ---------------------------------------------------------------------------------------------------------------------


@event
@attrs.frozen(slots=True, kw_only=True)
class UserJoined(Event):
    """A user became a member of a tenant, by invitation, by registering or by an operator's hand."""

    type: ClassVar[str] = "user_joined"

    tenant: int
    user_id: int
    role: str
    driver_id: int | None

    @property
    def key(self) -> str:
        """A tenant's people are told of in order."""
        return members_key(self.tenant)


@event
@attrs.frozen(slots=True, kw_only=True)
class UserChanged(Event):
    """What a user is in a tenant changed. ``what`` is ``role``, ``stations``, ``disabled``, ``enabled`` or ``left``."""

    type: ClassVar[str] = "user_changed"

    tenant: int
    user_id: int
    what: str
    role: str

    @property
    def key(self) -> str:
        """A tenant's people are told of in order."""
        return members_key(self.tenant)


@event
@attrs.frozen(slots=True, kw_only=True)
class LoginEnded(Event):
    """A user's login on a device ended. ``why`` is ``logout``, ``password``, ``disabled``, ``ended``, or ``reused``: a refresh token
    came a second time, so that somebody else may have it."""

    type: ClassVar[str] = "login_ended"

    user_id: int
    login_id: int
    why: str

    @property
    def key(self) -> str:
        """The user's write key."""
        return user_key(self.user_id)
