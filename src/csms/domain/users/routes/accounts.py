"""Accounts of people who are not logged in, over HTTP: registering, forgotten passwords, invitations."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import PUBLIC, Reply, Routes
from csms.core.access import USER, Principal
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.domain.users.flows import accounts, inviting
from csms.domain.users.flows.accounts import Registration
from csms.domain.users.flows.codes import Sent
from csms.domain.users.flows.inviting import Welcome
from csms.domain.users.gate import Gate
from csms.domain.users.model import User

from .answers import LoginAnswer, from_here, login_answer, told
from .bodies import AcceptBody, CodeBody, ForgotBody, InvitationToken, RegisterBody, ResetBody
from .signing_in import device_of, note

TOO_MANY = {429: "too many tries"}


async def note_user(call: Call, user: User, tenant: TenantId = DEFAULT_TENANT) -> None:
    """Write to the audit log who it was, who is not logged in."""
    call.who = Principal(tenant=tenant, kind=USER, name=user.called, role="", permissions=frozenset(), user_id=user.id)
    await call.note(Subject("user", str(user.id)))


def routes(gate: Gate) -> Routes:
    """Routes of accounts."""
    made = Routes("accounts", "Registering, forgotten passwords and invitations.", tag="Signing in")

    @made.post(
        "/auth/register",
        needs=PUBLIC,
        status=202,
        limited_by="auth",
        audit=False,
        errors={409: "nobody can register here by themselves", **TOO_MANY},
        example={"name": "Asha Rao", "email": "asha@example.org", "password": "correct horse battery"},
    )
    async def register(call: Call, body: RegisterBody) -> Sent:
        """Register as a driver: a code is sent to the e-mail address or the telephone.

        There is no account before the code comes back to /auth/register/verify. The answer is the same where the address has one.
        """
        wanted = Registration(
            name=body.name, email=body.email, phone=body.phone, password=body.password, locale=body.locale, tenant=body.tenant
        )
        with told():
            return await accounts.register(gate, wanted, device_of(call))

    @made.post(
        "/auth/register/verify",
        needs=PUBLIC,
        tells=LoginAnswer,
        limited_by="auth",
        errors={401: "wrong code", **TOO_MANY},
        example={"challenge": "Zk9vQmFyLWNoYWxsZW5nZQ", "code": "493027"},
    )
    async def verify(call: Call, body: CodeBody) -> Reply:
        """Show the code that was sent: the account is made, and its owner logged in."""
        if body.cookies:
            from_here(call)
        with told():
            signed_in = await accounts.finish_registration(gate, body.challenge, body.code, device_of(call))
        await note(call, signed_in, "registered")
        return login_answer(gate.rules, signed_in, cookies=body.cookies)

    @made.post(
        "/auth/password/forgot",
        needs=PUBLIC,
        status=202,
        limited_by="auth",
        audit=False,
        errors=TOO_MANY,
        example={"login": "driver@example.org"},
    )
    async def forgot(call: Call, body: ForgotBody) -> Sent:
        """Have a code sent that sets another password. The answer is the same where there is no such account."""
        with told():
            return await accounts.forgot_password(gate, body.login, device_of(call))

    @made.post(
        "/auth/password/reset",
        needs=PUBLIC,
        limited_by="auth",
        errors={401: "wrong code", **TOO_MANY},
        example={"challenge": "Zk9vQmFyLWNoYWxsZW5nZQ", "code": "493027", "password": "correct horse battery"},
    )
    async def reset(call: Call, body: ResetBody) -> None:
        """Set another password with the code that was sent. Every login of the account ends."""
        with told():
            user = await accounts.reset_password(gate, body.challenge, body.code, body.password, device_of(call))
        await note_user(call, user)

    @made.post(
        "/auth/invitations/show",
        needs=PUBLIC,
        limited_by="auth",
        audit=False,
        errors={401: "not good (any more)", **TOO_MANY},
        example={"token": "Zk9vQmFyLWludml0YXRpb24"},
    )
    async def show_invitation(call: Call, body: InvitationToken) -> Welcome:
        """What an invitation is to, and whether a name and a password are wanted."""
        with told():
            return await inviting.look(gate, body.token, device_of(call))

    @made.post(
        "/auth/invitations/accept",
        needs=PUBLIC,
        limited_by="auth",
        errors={401: "not good (any more)", **TOO_MANY},
        example={"token": "Zk9vQmFyLWludml0YXRpb24", "name": "A. Operator", "password": "correct horse battery"},
    )
    async def accept(call: Call, body: AcceptBody) -> None:
        """Accept an invitation; then log in.

        An address that has no account yet gets one, with the name and the password; an account that there is keeps its own.
        """
        with told():
            user, tenant = await inviting.accept(
                gate, body.token, name=body.name, password=body.password, locale=body.locale, device=device_of(call)
            )
        await note_user(call, user, tenant)

    return made
