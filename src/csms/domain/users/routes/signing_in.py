"""Signing in and out over HTTP."""

from __future__ import annotations

from functools import partial

from csms.api.auth import CSRF_HEADER
from csms.api.calls import Call, Subject
from csms.api.limits import network_of
from csms.api.problems import Problem
from csms.api.routes import OWN, PUBLIC, Reply, Routes
from csms.core.access import USER, Principal, permissions_of
from csms.domain.users.flows import second_factor, signing_in
from csms.domain.users.flows.signing_in import Device, SignedIn
from csms.domain.users.gate import Gate
from csms.domain.users.keys import same
from csms.domain.users.model import user_key
from csms.domain.users.service import logins

from .answers import REFRESH_COOKIE, LoginAnswer, from_here, login_answer, told, wanted_answer, without_cookies
from .bodies import ChallengeBody, CodeBody, LoginBody, RefreshBody


def device_of(call: Call, name: str = "") -> Device:
    """From where a request comes; a device that has no name is called by its browser."""
    named = name or call.request.headers.get("User-Agent")[:100]
    return Device(name="".join(each for each in named if each.isprintable()), remote_address=network_of(call.remote_address))


async def note(call: Call, login: SignedIn, what: str) -> None:
    """Write to the audit log of the tenant who signed in, not that nobody did."""
    call.who = Principal(
        tenant=login.tenant_id,
        kind=USER,
        name=login.user.called,
        role=login.role,
        permissions=permissions_of(login.role),
        user_id=login.user.id,
        login_id=login.login_id,
    )
    await call.note(Subject("login", str(login.login_id)), {"how": what})


def routes(gate: Gate) -> Routes:
    """Routes of signing in and out."""
    made = Routes("auth", "Signing in and out, registering, and one-time codes.", tag="Signing in")

    @made.post(
        "/auth/login",
        needs=PUBLIC,
        tells=LoginAnswer,
        limited_by="auth",
        errors={401: "wrong name or password", 429: "too many failed tries"},
        example={"login": "asha@example.org", "password": "correct horse battery"},
    )
    async def login(call: Call, body: LoginBody) -> Reply:
        """Sign in with a password.

        The answer has the tokens, or says that a second factor is wanted. Whatever was wrong, the answer is the same 401. With
        ``cookies`` the tokens are put in HTTP-only cookies, for browsers.
        """
        if body.cookies:
            from_here(call)
        with told():
            device = device_of(call, body.device)
            proven = await signing_in.prove(gate, body.login, body.password, body.tenant, device)
            if factors := second_factor.factors_of(gate, proven):
                call.audited = True  # once there is a login
                return wanted_answer(await second_factor.want(gate, proven, device, factors))
            signed_in = await signing_in.sign_in(gate, proven, device)
        await note(call, signed_in, "password")
        return login_answer(gate.rules, signed_in, cookies=body.cookies)

    @made.post(
        "/auth/second-factor",
        needs=PUBLIC,
        tells=LoginAnswer,
        limited_by="auth",
        errors={401: "wrong code", 429: "too many failed tries"},
        example={"challenge": "u0Zl4…", "code": "123456"},
    )
    async def show_second_factor(call: Call, body: CodeBody) -> Reply:
        """Sign in with a second factor.

        ``challenge`` is what /auth/login answered; ``code`` was sent, or is of the authenticator app, or a recovery code, which has
        hyphens. Five tries, then sign in again.
        """
        if body.cookies:
            from_here(call)
        with told():
            signed_in = await second_factor.show(gate, body.challenge, body.code, device_of(call))
        await note(call, signed_in, "second factor")
        return login_answer(gate.rules, signed_in, cookies=body.cookies)

    @made.post(
        "/auth/second-factor/send",
        needs=PUBLIC,
        limited_by="auth",
        audit=False,
        errors={429: "too many codes were sent"},
        example={"challenge": "Zk9vQmFyLWNoYWxsZW5nZQ"},
    )
    async def send_code(call: Call, body: ChallengeBody) -> None:
        """Have another code sent, in place of the one before."""
        with told():
            await second_factor.send_again(gate, body.challenge, device_of(call))

    @made.post(
        "/auth/refresh",
        needs=PUBLIC,
        tells=LoginAnswer,
        limited_by="auth",
        audit=False,
        errors={401: "no valid refresh token"},
        example={"refresh_token": "cr_Zk9vQmFyLXJlZnJlc2g"},
    )
    async def refresh(call: Call, body: RefreshBody) -> Reply:
        """Get another access token for a refresh token.

        A refresh token works once: the answer has the next one. One that comes a second time ends the login, since two have it then;
        only for 30 seconds it gets the same answer again, which may have been lost. With the cookie the header X-CSRF-Token is needed.
        """
        text, cookies = body.refresh_token, False
        if not text and (text := call.request.cookies.get(REFRESH_COOKIE, "")):
            cookies = True
            parsed = gate.keys.read_refresh_token(text)
            if parsed is not None and not same(call.request.headers.get(CSRF_HEADER), gate.keys.csrf(parsed[0])):
                raise Problem(403, "Forbidden", f"a refresh by cookie needs the header {CSRF_HEADER}")
        with told():
            signed_in = await signing_in.refresh(gate, text)
        return login_answer(gate.rules, signed_in, cookies=cookies)

    @made.post("/auth/logout", needs="me:write", reach=OWN)
    async def logout(call: Call) -> None:
        """Sign out on this device: its tokens are worth nothing any more."""
        who = call.who
        if who.login_id is None or who.user_id is None:
            raise Problem(409, "Refused", "this is no user's login: keys and the operator key are revoked, not logged out")
        verb = partial(logins.end_own, user_id=who.user_id, login_id=who.login_id, why="logout")
        await call.write(verb, keys=(user_key(who.user_id),), of=Subject("login", str(who.login_id)))
        gate.standings.forget(who.user_id)
        return without_cookies(gate.rules)  # type: ignore[return-value]  # to the caller it is 204 all the same

    return made
