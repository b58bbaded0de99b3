"""What this slice answers over HTTP: tokens in the body or in cookies, and problems that tell nothing they should not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs
from quart import Response, request

from csms.api import bodies
from csms.api.auth import ACCESS_COOKIE, CSRF_COOKIE
from csms.api.mounting import PREFIX
from csms.api.problems import Problem
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


def login_answer(rules: Rules, login: SignedIn, *, cookies: bool) -> Response:
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
    response = bodies.answer(answer)
    response.headers["Cache-Control"] = "no-store"
    if cookies:
        lasting = rules.refresh_days * 86_400
        more = {"secure": rules.cookie_secure, "samesite": "Strict"}
        response.set_cookie(ACCESS_COOKIE, login.access_token, max_age=rules.access_token_s, path="/", httponly=True, **more)  # type: ignore[arg-type]  # by name
        response.set_cookie(REFRESH_COOKIE, login.refresh_token, max_age=lasting, path=REFRESH_PATH, httponly=True, **more)  # type: ignore[arg-type]  # by name
        response.set_cookie(CSRF_COOKIE, login.csrf_token, max_age=lasting, path="/", **more)  # type: ignore[arg-type]  # by name
    return response


def wanted_answer(wanted: Wanted) -> Response:
    """What else is wanted, as a response."""
    more = SecondFactorWanted(challenge=wanted.sent.challenge, factors=wanted.factors, expires_at=wanted.sent.expires_at)
    response = bodies.answer(LoginAnswer(second_factor=more))
    response.headers["Cache-Control"] = "no-store"
    return response


def without_cookies(rules: Rules, response: Response) -> Response:
    """The same response, which has a browser forget its login."""
    for name, path in ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, REFRESH_PATH), (CSRF_COOKIE, "/")):
        response.delete_cookie(name, path=path, secure=rules.cookie_secure, samesite="Strict", httponly=name != CSRF_COOKIE)
    return response


def from_here() -> None:
    """Refuse what another site has a browser send: it could log people in as somebody else. Raises ``Problem`` 403."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "same-site", "none"):
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
