"""One's own account over HTTP: profile, password, addresses, logins, second factor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import OWN, Reply, Routes
from csms.core.access import Principal
from csms.core.paging import Page
from csms.core.ports import ReadTx, Tx
from csms.domain.users.flows import accounts, second_factor
from csms.domain.users.flows.codes import Sent
from csms.domain.users.flows.second_factor import TotpSetUp
from csms.domain.users.gate import Gate
from csms.domain.users.model import Login, LoginsQuery, Membership, User, user_key
from csms.domain.users.service import logins
from csms.domain.users.service import people as service
from csms.domain.users.store import logins as logins_store
from csms.domain.users.store import memberships
from csms.domain.users.store import people as store

from .answers import told, without_cookies
from .bodies import AddressBody, ConfirmBody, FactorBody, MeetBody, PasswordBody, ProfileBody, TotpCodeBody
from .signing_in import device_of

TOLD_ONCE = {"Cache-Control": "no-store"}
WRONG = {403: "wrong password or code", 429: "too many tries"}


@attrs.frozen(slots=True, kw_only=True)
class Account:
    """Who asks: a user with their tenants. ``stations`` None is every station of the tenant."""

    kind: str
    name: str
    role: str
    permissions: Sequence[str]
    stations: Sequence[int] | None
    driver_id: int | None
    user: User | None
    memberships: Sequence[Membership]


@attrs.frozen(slots=True, kw_only=True)
class SecondFactor:
    """What is shown besides the password: ``totp``, ``email``, ``sms`` or ``""``."""

    factor: str
    recovery_codes_left: int


@attrs.frozen(slots=True, kw_only=True)
class RecoveryCodes:
    """Codes that work once each where the second factor is lost. They are shown this once."""

    recovery_codes: Sequence[str] = attrs.field(repr=False)


def account_of(tx: ReadTx, who: Principal) -> Account:
    """Who asks, with their account."""
    return Account(
        kind=who.kind,
        name=who.name,
        role=who.role,
        permissions=sorted(who.permissions),
        stations=None if who.stations is None else sorted(who.stations),
        driver_id=who.driver_id,
        user=None if who.user_id is None else store.user(tx, who.user_id),
        memberships=() if who.user_id is None else memberships.of_user(tx, who.user_id),
    )


def user_id_of(call: Call) -> int:
    """The user who asks: keys, which have no account, do not come so far."""
    if call.who.user_id is None:
        raise Problem(403, "Forbidden", f"{call.who.name} has no account: log in as a user")
    return call.who.user_id


def routes(gate: Gate) -> Routes:
    """Routes of one's own account."""
    made = Routes("account", "One's own account: profile, password, addresses, logins, second factor.", tag="My account")

    def subject(call: Call) -> Subject:
        user_id = user_id_of(call)
        return Subject("user", str(user_id), partial(service.need_user, user_id=user_id))

    @made.get("/me/account", needs="me:read", reach=OWN)
    async def show(call: Call) -> Account:
        """Who one is here, and what one may do."""
        return await call.read(account_of, call.who)

    @made.patch("/me/account", needs="me:write", reach=OWN, example={"name": "Asha Rao", "locale": "en-IN"})
    async def change(call: Call, body: ProfileBody) -> Account:
        """Change what one is called and spoken to in."""
        user_id = user_id_of(call)

        def verb(tx: Tx) -> Account:
            service.change(tx, user_id, name=body.name, locale=body.locale)
            return account_of(tx, call.who)

        of = Subject("user", str(user_id), partial(account_of, who=call.who))
        return await call.write(verb, keys=(user_key(user_id),), of=of)

    @made.post(
        "/me/password",
        needs="me:write",
        reach=OWN,
        limited_by="auth",
        errors=WRONG,
        example={"old": "correct horse battery", "new": "staple battery correct"},
    )
    async def set_password(call: Call, body: PasswordBody) -> None:
        """Change one's password. Every other login ends."""
        with told(logged_in=True):
            await accounts.change_password(gate, user_id_of(call), body.old, body.new, call.who.login_id, device_of(call))
        await call.note(subject(call))

    @made.post(
        "/me/address",
        needs="me:write",
        reach=OWN,
        status=202,
        limited_by="auth",
        errors=WRONG,
        example={"password": "correct horse battery", "email": "driver@example.org"},
    )
    async def change_address(call: Call, body: AddressBody) -> Sent:
        """Have a code sent to a new e-mail address or telephone number; the old one holds until it came back."""
        device = device_of(call)
        with told(logged_in=True):
            await accounts.confirm_password(gate, user_id_of(call), body.password, device)
            return await accounts.change_address(gate, user_id_of(call), email=body.email, phone=body.phone, device=device)

    @made.post(
        "/me/address/verify",
        needs="me:write",
        reach=OWN,
        limited_by="auth",
        errors=WRONG,
        example={"challenge": "Zk9vQmFyLWNoYWxsZW5nZQ", "code": "493027"},
    )
    async def verify_address(call: Call, body: MeetBody) -> User:
        """Show the code: the address is one's own from now on."""
        with told(logged_in=True):
            user = await accounts.finish_address(gate, user_id_of(call), body.challenge, body.code, device_of(call))
        await call.note(subject(call), {"email": user.email, "phone": user.phone})
        return user

    # --- logins -----------------------------------------------------------------------------------------------------------------

    @made.get("/me/logins", needs="me:read", reach=OWN)
    async def list_logins(call: Call, query: LoginsQuery) -> Page[Login]:
        """The devices on which one is logged in, the one used last at the front."""
        found = await call.read(logins_store.logins, query, user_id_of(call))
        items = [attrs.evolve(each, is_current=each.id == call.who.login_id) for each in found.items]
        return attrs.evolve(found, items=items)

    @made.delete("/me/logins/<int:login_id>", needs="me:write", reach=OWN, compared=False)
    async def end_login(call: Call, login_id: int) -> None:
        """Log out on one device."""
        user_id = user_id_of(call)
        verb = partial(logins.end_own, user_id=user_id, login_id=login_id, why="logout")
        await call.write(verb, keys=(user_key(user_id),), of=Subject("login", str(login_id)))
        gate.standings.forget(user_id)

    @made.delete("/me/logins", needs="me:write", reach=OWN, compared=False)
    async def end_logins(call: Call) -> None:
        """Log out everywhere, here too."""
        user_id = user_id_of(call)
        verb = partial(logins.end_all, user_id=user_id, why="logout")
        await call.write(verb, keys=(user_key(user_id),), of=Subject("user", str(user_id)))
        gate.standings.forget(user_id)
        return without_cookies(gate.rules)  # type: ignore[return-value]  # to the caller it is 204 all the same

    # --- second factor ----------------------------------------------------------------------------------------------------------

    @made.get("/me/second-factor", needs="me:read", reach=OWN)
    async def show_second_factor(call: Call) -> SecondFactor:
        """What one has to show besides the password."""
        user_id = user_id_of(call)

        def query(tx: ReadTx) -> SecondFactor:
            user = service.need_user(tx, user_id)
            return SecondFactor(factor=user.second_factor, recovery_codes_left=store.recovery_codes_left(tx, user_id))

        return await call.read(query)

    @made.post(
        "/me/second-factor/totp",
        needs="me:write",
        reach=OWN,
        limited_by="auth",
        tells=TotpSetUp,
        errors=WRONG,
        example={"password": "correct horse battery"},
    )
    async def set_up_totp(call: Call, body: ConfirmBody) -> Reply:
        """Set up an authenticator app: its secret, which counts once /me/second-factor/totp/confirm was given a code of it."""
        with told(logged_in=True):
            await accounts.confirm_password(gate, user_id_of(call), body.password, device_of(call))
        set_up = await second_factor.set_up_totp(gate, user_id_of(call))
        await call.note(subject(call))
        return Reply(body=set_up, headers=TOLD_ONCE)

    @made.post(
        "/me/second-factor/totp/confirm",
        needs="me:write",
        reach=OWN,
        limited_by="auth",
        tells=RecoveryCodes,
        example={"code": "493027"},
    )
    async def confirm_totp(call: Call, body: TotpCodeBody) -> Reply:
        """Show a code of the app: from now on one is wanted at every login. The answer has the recovery codes."""
        made_codes = await second_factor.confirm_totp(gate, user_id_of(call), body.code)
        await call.note(subject(call))
        return Reply(body=RecoveryCodes(recovery_codes=made_codes), headers=TOLD_ONCE)

    @made.post(
        "/me/second-factor/codes",
        needs="me:write",
        reach=OWN,
        limited_by="auth",
        tells=RecoveryCodes,
        errors=WRONG,
        example={"factor": "email", "password": "correct horse battery"},
    )
    async def choose_codes(call: Call, body: FactorBody) -> Reply:
        """Have a code sent by e-mail or text message at every login. The answer has the recovery codes."""
        with told(logged_in=True):
            await accounts.confirm_password(gate, user_id_of(call), body.password, device_of(call))
        made_codes = await second_factor.choose_codes(gate, user_id_of(call), body.factor)
        await call.note(subject(call))
        return Reply(body=RecoveryCodes(recovery_codes=made_codes), headers=TOLD_ONCE)

    @made.post(
        "/me/second-factor/recovery-codes",
        needs="me:write",
        reach=OWN,
        limited_by="auth",
        tells=RecoveryCodes,
        errors=WRONG,
        example={"password": "correct horse battery"},
    )
    async def renew_recovery_codes(call: Call, body: ConfirmBody) -> Reply:
        """Get new recovery codes; the old ones are void."""
        with told(logged_in=True):
            await accounts.confirm_password(gate, user_id_of(call), body.password, device_of(call))
        made_codes = await second_factor.renew_recovery_codes(gate, user_id_of(call))
        await call.note(subject(call))
        return Reply(body=RecoveryCodes(recovery_codes=made_codes), headers=TOLD_ONCE)

    @made.post(
        "/me/second-factor/off",
        needs="me:write",
        reach=OWN,
        limited_by="auth",
        errors=WRONG,
        example={"password": "correct horse battery"},
    )
    async def take_away(call: Call, body: ConfirmBody) -> None:
        """Show no second factor any more. Roles of which one is wanted are sent a code all the same."""
        with told(logged_in=True):
            known = await accounts.confirm_password(gate, user_id_of(call), body.password, device_of(call))
        verb = partial(second_factor.take_away, user_id=known.user.id)
        await call.write(verb, keys=(user_key(known.user.id),), of=subject(call))

    return made
