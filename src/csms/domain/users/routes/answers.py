"""What this slice answers over HTTP: tokens in the body or in cookies, and problems that tell nothing they should not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import attrs
from werkzeug.http import dump_cookie

from csms.api.auth import ACCESS_COOKIE, CSRF_COOKIE
from csms.api.calls import Call
from csms.api.mounting import PREFIX
from csms.api.problems import Problem
from csms.api.routes import Reply
from csms.core.messages import CannotNotify
from csms.domain.users.flows.second_factor import Wanted
from csms.domain.users.flows.signing_in import SignedIn
from csms.domain.users.model import Membership, Rules, TooSoon, User, WrongLogin

REFRESH_COOKIE = "csms_refresh"
REFRESH_PATH = f"{PREFIX}/auth"
"""The only path that browsers send the refresh token to."""


@attrs.frozen(slots=True, kw_only=True)
class SecondFactorWanted:
    """What else is to be shown: a code of one of ``factors``, to ``POST /auth/second-factor`` with this ``challenge``."""

    challenge: str = attrs.field(repr=False)
    factors: Sequence[str]
    expires_at: int


@attrs.frozen(slots=True, kw_only=True)
class LoginAnswer:
    """A login, or what is wanted before there is one.

    Without ``second_factor`` the login is made: send ``access_token`` as ``Authorization: Bearer ...``, and before ``expires_at`` the
    ``refresh_token`` to ``POST /auth/refresh``; each refresh token works once. With ``cookies`` both are in cookies instead, and
    ``csrf_token`` goes into the header ``X-CSRF-Token`` of every change. ``password_expires_at``: change the password before.
    """

    token_type: str = "Bearer"  # noqa: S105 (RFC 6750's word)
    access_token: str | None = attrs.field(default=None, repr=False)
    expires_at: int | None = None
    refresh_token: str | None = attrs.field(default=None, repr=False)
    csrf_token: str | None = attrs.field(default=None, repr=False)
    tenant: str | None = None
    role: str | None = None
    user: User | None = None
    memberships: Sequence[Membership] = ()
    password_expires_at: int | None = None
    second_factor: SecondFactorWanted | None = None


def login_answer(rules: Rules, login: SignedIn, *, cookies: bool) -> Reply:
    """A login as a response, its tokens in the body or, for browsers, in cookies that no script can read."""
    answer = LoginAnswer(
        access_token=None if cookies else login.access_token,
        expires_at=login.expires_at,
        refresh_token=None if cookies else login.refresh_token,
        csrf_token=login.csrf_token if cookies else None,
        tenant=login.tenant,
        role=login.role,
        user=login.user,
        memberships=login.memberships,
        password_expires_at=login.password_expires_at,
    )
    made: list[str] = []
    if cookies:
        lasting = rules.refresh_days * 86_400
        cookie = partial(dump_cookie, secure=rules.cookie_secure, samesite="Strict")
        made = [
            cookie(ACCESS_COOKIE, login.access_token, max_age=rules.access_token_s, path="/", httponly=True),
            cookie(REFRESH_COOKIE, login.refresh_token, max_age=lasting, path=REFRESH_PATH, httponly=True),
            cookie(CSRF_COOKIE, login.csrf_token, max_age=lasting, path="/"),
        ]
    return Reply(body=answer, headers={"Cache-Control": "no-store"}, cookies=made)


def wanted_answer(wanted: Wanted) -> Reply:
    """What else is wanted, as a response."""
    more = SecondFactorWanted(challenge=wanted.sent.challenge, factors=wanted.factors, expires_at=wanted.sent.expires_at)
    return Reply(body=LoginAnswer(second_factor=more), headers={"Cache-Control": "no-store"})


def without_cookies(rules: Rules) -> Reply:
    """Nothing to say, but it has a browser forget its login."""
    forgotten = partial(dump_cookie, value="", expires=0, max_age=0, secure=rules.cookie_secure, samesite="Strict")
    paths = ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, REFRESH_PATH), (CSRF_COOKIE, "/"))
    return Reply(status=204, cookies=[forgotten(name, path=path, httponly=name != CSRF_COOKIE) for name, path in paths])


def from_here(call: Call) -> None:
    """Refuse what another site has a browser send: it could log people in as somebody else. Raises ``Problem`` 403."""
    if call.request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "same-site", "none"):
        raise Problem(403, "Forbidden", "a login with cookies must be asked for by this site's own pages")


@contextmanager
def told(*, logged_in: bool = False) -> Iterator[None]:
    """This slice's errors as problems; 401 would tell who is ``logged_in`` that they are not."""
    try:
        yield
    except TooSoon as error:
        raise Problem(429, "Too Many Requests", str(error), headers={"Retry-After": str(error.wait_s)}) from None
    except WrongLogin as error:
        status, title = (403, "Forbidden") if logged_in else (401, "Unauthorized")
        raise Problem(status, title, str(error)) from None
    except CannotNotify as error:
        raise Problem(503, "Service Unavailable", f"the message could not be sent: {error}") from None
