"""What requests of this slice carry; everything a person gives has its limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
from attrs import validators

from csms.core.access import OF_PEOPLE, PERMISSIONS, ROLES
from csms.domain.users.model import BY_EMAIL, BY_SMS

Limit = Callable[[Any, Any, Any], None]
LINE: Limit = validators.max_len(300)
TOKEN: Limit = validators.max_len(2000)
CODE: Limit = validators.max_len(40)
ROLE = validators.in_(tuple(ROLES))
SOME_STATIONS: Limit = validators.max_len(500)
KEY_PERMISSIONS = tuple(name for name in PERMISSIONS if name not in {*OF_PEOPLE, "api_keys:write"})
"""What an API key may be for: it has no account of its own, and it makes no other keys."""


@attrs.frozen(slots=True, kw_only=True)
class LoginBody:
    """``login`` is an e-mail address or a telephone number; ``tenant`` a slug, for those who belong to several."""

    login: str = attrs.field(validator=LINE)
    password: str = attrs.field(repr=False, validator=LINE)
    tenant: str = attrs.field(default="", validator=validators.max_len(64))
    device: str = attrs.field(default="", validator=validators.max_len(100))
    cookies: bool = False


@attrs.frozen(slots=True, kw_only=True)
class ChallengeBody:
    """An open challenge."""

    challenge: str = attrs.field(repr=False, validator=TOKEN)


@attrs.frozen(slots=True, kw_only=True)
class CodeBody:
    """The code that meets a challenge: as sent, of the authenticator app, or a recovery code."""

    challenge: str = attrs.field(repr=False, validator=TOKEN)
    code: str = attrs.field(repr=False, validator=CODE)
    cookies: bool = False


@attrs.frozen(slots=True, kw_only=True)
class RefreshBody:
    """The refresh token; ``""`` where it is in the cookie."""

    refresh_token: str = attrs.field(default="", repr=False, validator=TOKEN)


@attrs.frozen(slots=True, kw_only=True)
class RegisterBody:
    """``email`` or ``phone``, one of them: a code is sent there. ``tenant`` is a slug, the default tenant if not given."""

    name: str = attrs.field(validator=validators.max_len(200))
    password: str = attrs.field(repr=False, validator=LINE)
    email: str = attrs.field(default="", validator=LINE)
    phone: str = attrs.field(default="", validator=validators.max_len(40))
    locale: str = attrs.field(default="en", validator=validators.max_len(35))
    tenant: str = attrs.field(default="", validator=validators.max_len(64))


@attrs.frozen(slots=True, kw_only=True)
class ForgotBody:
    """``login`` is an e-mail address or a telephone number."""

    login: str = attrs.field(validator=LINE)


@attrs.frozen(slots=True, kw_only=True)
class ResetBody:
    """The code, and the password that it sets."""

    challenge: str = attrs.field(repr=False, validator=TOKEN)
    code: str = attrs.field(repr=False, validator=CODE)
    password: str = attrs.field(repr=False, validator=LINE)


@attrs.frozen(slots=True, kw_only=True)
class InvitationToken:
    """The token of an invitation's link."""

    token: str = attrs.field(repr=False, validator=TOKEN)


@attrs.frozen(slots=True, kw_only=True)
class AcceptBody:
    """``name`` and ``password`` are of the account that is made; one that there is already keeps its own."""

    token: str = attrs.field(repr=False, validator=TOKEN)
    name: str = attrs.field(default="", validator=validators.max_len(200))
    password: str = attrs.field(default="", repr=False, validator=LINE)
    locale: str = attrs.field(default="en", validator=validators.max_len(35))


# --- one's own account ----------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class ProfileBody:
    """What is not given stays."""

    name: str | None = attrs.field(default=None, validator=validators.optional(validators.max_len(200)))
    locale: str | None = attrs.field(default=None, validator=validators.optional(validators.max_len(35)))


@attrs.frozen(slots=True, kw_only=True)
class PasswordBody:
    """The present password, and the next."""

    old: str = attrs.field(repr=False, validator=LINE)
    new: str = attrs.field(repr=False, validator=LINE)


@attrs.frozen(slots=True, kw_only=True)
class ConfirmBody:
    """The password again, before what matters."""

    password: str = attrs.field(repr=False, validator=LINE)


@attrs.frozen(slots=True, kw_only=True)
class AddressBody:
    """The new ``email`` or ``phone``, one of them, and the password again."""

    password: str = attrs.field(repr=False, validator=LINE)
    email: str = attrs.field(default="", validator=LINE)
    phone: str = attrs.field(default="", validator=validators.max_len(40))


@attrs.frozen(slots=True, kw_only=True)
class MeetBody:
    """A challenge and its code."""

    challenge: str = attrs.field(repr=False, validator=TOKEN)
    code: str = attrs.field(repr=False, validator=CODE)


@attrs.frozen(slots=True, kw_only=True)
class TotpCodeBody:
    """What the authenticator app shows."""

    code: str = attrs.field(repr=False, validator=CODE)


@attrs.frozen(slots=True, kw_only=True)
class FactorBody:
    """Where codes are to be sent, and the password again."""

    factor: str = attrs.field(validator=validators.in_((BY_EMAIL, BY_SMS)))
    password: str = attrs.field(repr=False, validator=LINE)


# --- the people of a tenant -----------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class InviteBody:
    """Whom to invite, as what. ``stations`` keeps operators and support to some stations; not given, they see all."""

    email: str = attrs.field(validator=LINE)
    role: str = attrs.field(validator=ROLE)
    name: str = attrs.field(default="", validator=validators.max_len(200))
    stations: Sequence[int] | None = attrs.field(default=None, validator=validators.optional(SOME_STATIONS))


@attrs.frozen(slots=True, kw_only=True)
class MemberBody:
    """What is not given stays. ``every_station`` lifts a limit to some stations."""

    role: str | None = attrs.field(default=None, validator=validators.optional(ROLE))
    stations: Sequence[int] | None = attrs.field(default=None, validator=validators.optional(SOME_STATIONS))
    every_station: bool = False


@attrs.frozen(slots=True, kw_only=True)
class ApiKeyBody:
    """What a key is called and may do. ``expires_at`` not given: it lasts until it is revoked."""

    name: str = attrs.field(validator=[validators.min_len(1), validators.max_len(100)])
    permissions: Sequence[str] = attrs.field(
        validator=validators.deep_iterable(
            validators.in_(KEY_PERMISSIONS), validators.and_(validators.min_len(1), validators.max_len(200))
        )
    )
    stations: Sequence[int] | None = attrs.field(default=None, validator=validators.optional(SOME_STATIONS))
    expires_at: int | None = None
