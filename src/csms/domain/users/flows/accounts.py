"""One's own account: registered, its password set, changed or forgotten, its addresses proven."""

from __future__ import annotations

from functools import partial

import attrs

from csms.core.access import DRIVER
from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Tx
from csms.domain.tenants import store as tenants
from csms.domain.users import passwords
from csms.domain.users.addresses import address_of, email_of, locale_of, name_of, phone_of
from csms.domain.users.gate import Gate
from csms.domain.users.model import Credentials, User, WrongLogin, user_key
from csms.domain.users.service import challenges, members, throttling
from csms.domain.users.service import people as service
from csms.domain.users.store import challenges as challenges_store
from csms.domain.users.store import people

from . import codes, signing_in
from .codes import Recipient, Sent
from .signing_in import Device, Proven, SignedIn

WRONG = "this is no valid code"


# --- registering ----------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class Registration:
    """What somebody says who registers. One of ``email`` and ``phone``, to which the code is sent."""

    name: str
    email: str
    phone: str
    password: str = attrs.field(repr=False)
    locale: str
    tenant: str


async def register(gate: Gate, wanted: Registration, device: Device) -> Sent:
    """Send a code to who wants to register as a driver; nothing is made before it comes back.

    The same for an address that has an account: a message tells its owner. Raises ``Refused``, ``Invalid``, ``NotFound``, ``TooSoon``
    or ``CannotNotify``.
    """
    if gate.rules.registration != "drivers":
        raise Refused("nobody can register here by themselves: ask for an invitation")
    if bool(wanted.email.strip()) == bool(wanted.phone.strip()):
        raise Invalid("register with an e-mail address or a telephone number, one of them", field="email")
    email = email_of(wanted.email) if wanted.email.strip() else ""
    phone = phone_of(wanted.phone) if wanted.phone.strip() else ""
    name, locale = name_of(wanted.name), locale_of(wanted.locale)
    passwords.check(wanted.password, least=gate.rules.password_min, about=(name, email, phone))
    database = gate.ports.database
    tenant = await database.read(tenants.by_slug, wanted.tenant or "default", tenant=DEFAULT_TENANT)
    if tenant is None:
        raise NotFound(f"there is no tenant {wanted.tenant!r}")
    recipient = Recipient(email=email, phone=phone, locale=locale)
    await codes.begin(gate, codes.buckets(gate, recipient, device.remote_address))
    hashed = await gate.passwords.hash(wanted.password)
    look = partial(people.by_email, email=email) if email else partial(people.by_phone, phone=phone)
    known = await database.read(look, tenant=DEFAULT_TENANT)
    detail = {"name": name, "email": email, "phone": phone, "locale": locale, "password_hash": hashed, "tenant": tenant.id}
    instead = "" if known is None else "code_register_known"
    return await codes.send(gate, challenges.REGISTER, "code_register", recipient, detail=detail, instead=instead)


async def finish_registration(gate: Gate, handle: str, code: str, device: Device) -> SignedIn:
    """Make the account of who got the code, a driver in the tenant, and log them in. Raises ``WrongLogin``, ``TooSoon`` or ``Conflict``.

    Two writes, for what the second one counts on is made by the first; asked again after a crash between them, it goes on.
    """
    database = gate.ports.database
    address = throttling.address(gate.keys.bucket("address", device.remote_address))
    await signing_in.begin(gate, (address,))
    code_hash = gate.keys.code_hash(handle, code.strip())

    def make(tx: Tx) -> tuple[User, int, int] | None:
        met = challenges.meet(tx, handle, challenges.REGISTER, code_hash, use=False)
        if met is None:
            return None
        given = dict(met.detail)
        tenant = int(given.pop("tenant"))
        if met.user_id is not None:
            return service.need_user(tx, met.user_id), tenant, met.id
        made = service.add(tx, **given)
        challenges_store.set_user(tx, met.id, made.id)
        return made, tenant, met.id

    def join(tx: Tx, user: User, challenge_id: int) -> None:
        if not challenges.use(tx, handle, challenge_id):
            raise Conflict("this registration is finished: log in")
        members.join(tx, gate.neighbours, user, role=DRIVER)

    made = await database.write(make, tenant=DEFAULT_TENANT, keys=(challenges.challenge_key(handle),))
    if made is None:
        raise WrongLogin(WRONG)
    user, number, challenge_id = made
    tenant = TenantId(number)
    await database.write(join, user, challenge_id, tenant=tenant, keys=(challenges.challenge_key(handle),))
    known = await database.read(service.need_credentials, user.id, tenant=DEFAULT_TENANT)
    mine = await signing_in.tenants_of(gate, user.id)
    sent = throttling.codes(gate.keys.bucket("codes", Recipient(email=user.email, phone=user.phone).name))
    chosen = next(each for each in mine if each.tenant_id == tenant)
    return await signing_in.sign_in(gate, Proven(known=known, chosen=chosen, memberships=mine, buckets=(address, sent)), device)


# --- passwords ------------------------------------------------------------------------------------------------------------------


async def forgot_password(gate: Gate, name: str, device: Device) -> Sent:
    """Send a code to set another password; the same answer where there is no such account. Raises ``TooSoon`` or ``CannotNotify``."""
    email, phone = address_of(name)
    recipient = Recipient(email=email, phone=phone)
    if not recipient.name:
        recipient = Recipient(email=name.strip())
    await codes.begin(gate, codes.buckets(gate, recipient, device.remote_address))
    look = partial(people.credentials_of, email=email, phone=phone)
    known = await gate.ports.database.read(look, tenant=DEFAULT_TENANT)
    there = known is not None and known.user.disabled_at is None
    detail = {"account": signing_in.buckets(gate, recipient.name, device.remote_address)[0].name}
    return await codes.send(
        gate,
        challenges.RESET,
        "code_reset",
        attrs.evolve(recipient, locale=known.user.locale) if known is not None else recipient,
        user_id=known.user.id if known is not None and there else None,
        detail=detail,
        silent=not there,
    )


async def reset_password(gate: Gate, handle: str, code: str, password: str, device: Device) -> User:
    """Set another password with the code, which ends every login. Raises ``WrongLogin``, ``TooSoon`` or ``Invalid``."""
    passwords.check(password, least=gate.rules.password_min)
    address = throttling.address(gate.keys.bucket("address", device.remote_address))
    await signing_in.begin(gate, (address,))
    hashed = await gate.passwords.hash(password)
    code_hash = gate.keys.code_hash(handle, code.strip())

    def verb(tx: Tx) -> User | None:
        met = challenges.meet(tx, handle, challenges.RESET, code_hash)
        if met is None or met.user_id is None:
            return None
        service.set_password(tx, met.user_id, hashed)
        challenges_store.void_of_user(tx, met.user_id)
        user = service.need_user(tx, met.user_id)
        sent = throttling.codes(gate.keys.bucket("codes", codes.recipient_of(user).name))
        throttling.succeed(tx, (throttling.account(str(met.detail["account"])), address, sent))
        return user

    user = await gate.ports.database.write(verb, tenant=DEFAULT_TENANT, keys=(challenges.challenge_key(handle),))
    if user is None:
        raise WrongLogin(WRONG)
    gate.standings.forget(user.id)
    await codes.notice(gate, codes.recipient_of(user), "password_changed")
    return user


async def change_password(gate: Gate, user_id: int, old: str, new: str, login_id: int | None, device: Device) -> None:
    """Set another password, knowing the present one, which ends every other login. Raises ``WrongLogin``, ``TooSoon`` or ``Invalid``."""
    known = await confirm_password(gate, user_id, old, device)
    passwords.check(new, least=gate.rules.password_min, about=(known.user.name, known.user.email, known.user.phone))
    hashed = await gate.passwords.hash(new)
    verb = partial(service.set_password, user_id=user_id, password_hash=hashed, keep_login=login_id)
    await gate.ports.database.write(verb, tenant=DEFAULT_TENANT, keys=(user_key(user_id),))
    gate.standings.forget(user_id)
    await codes.notice(gate, codes.recipient_of(known.user), "password_changed")


async def confirm_password(gate: Gate, user_id: int, password: str, device: Device) -> Credentials:
    """Have somebody who is logged in show the password again, before what matters. Raises ``WrongLogin`` or ``TooSoon``."""
    counted = signing_in.buckets(gate, f"user {user_id}", device.remote_address)
    await signing_in.begin(gate, counted)
    known = await gate.ports.database.read(service.need_credentials, user_id, tenant=DEFAULT_TENANT)
    if not await gate.passwords.verify(known.password_hash, password):
        raise WrongLogin("this is not the password")
    await gate.ports.database.write(throttling.succeed, counted, tenant=DEFAULT_TENANT)
    return known


# --- addresses ------------------------------------------------------------------------------------------------------------------


async def change_address(gate: Gate, user_id: int, *, email: str, phone: str, device: Device) -> Sent:
    """Send a code to a new e-mail address or telephone number of a user; the old one holds until the code comes back.

    The same for an address that another account has: its owner is told. Raises ``Invalid``, ``TooSoon`` or ``CannotNotify``.
    """
    if bool(email.strip()) == bool(phone.strip()):
        raise Invalid("give an e-mail address or a telephone number, one of them", field="email")
    email, phone = email_of(email) if email.strip() else "", phone_of(phone) if phone.strip() else ""
    database = gate.ports.database
    user = await database.read(service.need_user, user_id, tenant=DEFAULT_TENANT)
    recipient = Recipient(email=email, phone=phone, locale=user.locale)
    await codes.begin(gate, codes.buckets(gate, recipient, device.remote_address))
    look = partial(people.by_email, email=email) if email else partial(people.by_phone, phone=phone)
    owner = await database.read(look, tenant=DEFAULT_TENANT)
    instead = "code_register_known" if owner is not None and owner.id != user_id else ""
    detail = {"email": email, "phone": phone}
    return await codes.send(gate, challenges.ADDRESS, "code_address", recipient, user_id=user_id, detail=detail, instead=instead)


async def finish_address(gate: Gate, user_id: int, handle: str, code: str, device: Device) -> User:
    """The code came back: the address is the user's. Raises ``WrongLogin``, ``TooSoon`` or ``Conflict``."""
    address = throttling.address(gate.keys.bucket("address", device.remote_address))
    await signing_in.begin(gate, (address,))
    code_hash = gate.keys.code_hash(handle, code.strip())

    def verb(tx: Tx) -> User | None:
        met = challenges.meet(tx, handle, challenges.ADDRESS, code_hash)
        if met is None or met.user_id != user_id:
            return None
        recipient = Recipient(email=str(met.detail["email"]), phone=str(met.detail["phone"]))
        throttling.succeed(tx, (address, throttling.codes(gate.keys.bucket("codes", recipient.name))))
        if recipient.email:
            return service.set_email(tx, user_id, recipient.email)
        return service.set_phone(tx, user_id, recipient.phone)

    user = await gate.ports.database.write(verb, tenant=DEFAULT_TENANT, keys=(challenges.challenge_key(handle),))
    if user is None:
        raise WrongLogin(WRONG)
    gate.standings.forget(user_id)
    return user
