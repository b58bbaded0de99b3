"""The second factor: what is wanted of whom, the code that shows it, and how it is set up and taken away."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import partial

import attrs

from csms.core.errors import Invalid, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx
from csms.domain.users import totp
from csms.domain.users.gate import Gate
from csms.domain.users.keys import same, sha256
from csms.domain.users.model import BY_EMAIL, BY_SMS, RECOVERY, TOTP, Challenge, Credentials, WrongLogin, user_key
from csms.domain.users.service import challenges, throttling
from csms.domain.users.store import challenges as challenges_store
from csms.domain.users.store import people

from . import codes, signing_in
from .codes import Sent
from .signing_in import Device, Proven, SignedIn

WRONG = "this is no valid code"
RECOVERY_CODES = 10


@attrs.frozen(slots=True, kw_only=True)
class Wanted:
    """The challenge of somebody whose password was right, and what meets it."""

    sent: Sent
    factors: Sequence[str]


def factors_of(gate: Gate, proven: Proven) -> tuple[str, ...]:
    """What somebody has to show besides the password, any of these; nothing where neither they nor their roles ask for it."""
    user = proven.known.user
    if user.second_factor:
        return (user.second_factor, RECOVERY)
    if not {each.role for each in proven.memberships} & set(gate.rules.second_factor_roles):
        return ()
    return (BY_EMAIL if codes.recipient_of(user).email else BY_SMS,)


async def want(gate: Gate, proven: Proven, device: Device, factors: Sequence[str]) -> Wanted:
    """Open the challenge, and send a code where that is the factor. Raises ``TooSoon`` or ``CannotNotify``."""
    user = proven.known.user
    detail = {"tenant": proven.chosen.tenant, "device": device.name, "account": proven.buckets[0].name}
    recipient = codes.recipient_of(user, by_phone=factors[0] == BY_SMS)
    if sends := factors[0] != TOTP:
        await codes.begin(gate, codes.buckets(gate, recipient, device.remote_address))
    sent = await codes.send(gate, challenges.LOGIN, "code_login", recipient, user_id=user.id, detail=detail, silent=not sends)
    return Wanted(sent=sent, factors=factors)


async def send_again(gate: Gate, handle: str, device: Device) -> None:
    """Send another code to who logs in. Does nothing for a challenge that is none. Raises ``TooSoon`` or ``CannotNotify``."""
    database = gate.ports.database
    look = partial(challenges_store.open_challenge, handle_hash=sha256(handle), purpose=challenges.LOGIN)
    challenge = await database.read(look, tenant=DEFAULT_TENANT)
    known = None if challenge is None or challenge.user_id is None else await _credentials(gate, challenge.user_id)
    if known is None or known.user.second_factor == TOTP:
        return
    recipient = codes.recipient_of(known.user, by_phone=known.user.second_factor == BY_SMS)
    await codes.begin(gate, codes.buckets(gate, recipient, device.remote_address))
    await codes.send_again(gate, handle, challenges.LOGIN, "code_login", recipient)


async def show(gate: Gate, handle: str, code: str, device: Device) -> SignedIn:
    """Sign in with the code. Raises ``WrongLogin`` or ``TooSoon``."""
    database = gate.ports.database
    look = partial(challenges_store.open_challenge, handle_hash=sha256(handle), purpose=challenges.LOGIN)
    challenge = await database.read(look, tenant=DEFAULT_TENANT)
    account = throttling.account(str(challenge.detail["account"])) if challenge is not None else None
    address = throttling.address(gate.keys.bucket("address", device.remote_address))
    counted = (address,) if account is None else (account, address)
    await signing_in.begin(gate, counted)
    known = None if challenge is None or challenge.user_id is None else await _credentials(gate, challenge.user_id)
    if challenge is None or known is None or known.user.disabled_at is not None:
        raise WrongLogin(WRONG)
    if not await _met(gate, handle, code, known):
        raise WrongLogin(WRONG)
    mine = await signing_in.tenants_of(gate, known.user.id)
    chosen = await signing_in.choose(gate, mine, str(challenge.detail["tenant"]))
    sent = throttling.codes(gate.keys.bucket("codes", codes.recipient_of(known.user).name))
    proven = Proven(known=known, chosen=chosen, memberships=mine, buckets=(*counted, sent))
    return await signing_in.sign_in(
        gate, proven, Device(name=str(challenge.detail["device"]), remote_address=device.remote_address)
    )


async def _credentials(gate: Gate, user_id: int) -> Credentials | None:
    return await gate.ports.database.read(people.credentials, user_id, tenant=DEFAULT_TENANT)


async def _met(gate: Gate, handle: str, code: str, known: Credentials) -> bool:
    """Whether a code meets a login's challenge; a try is spent in any case."""
    user, code = known.user, code.strip()
    step = None
    if user.second_factor == TOTP:
        step = totp.step_of(gate.ports.vault.open(known.totp_sealed), code, now=gate.ports.clock.now(), after=known.totp_step)

    def shown(tx: Tx, challenge: Challenge) -> bool:
        if user.second_factor and "-" in code:
            return people.use_recovery_code(tx, user.id, gate.keys.recovery_hash(user.id, plain(code)))
        if user.second_factor == TOTP:
            return step is not None and people.use_totp_step(tx, user.id, step)
        return same(challenge.code_hash, gate.keys.code_hash(handle, code))

    def verb(tx: Tx) -> bool:
        tx.claim(*sorted((challenges.challenge_key(handle), user_key(user.id))))
        challenge = challenges.attempt(tx, handle, challenges.LOGIN)
        if challenge is None or not shown(tx, challenge):
            return False
        challenges.use(tx, handle, challenge.id)
        return True

    keys = (challenges.challenge_key(handle), user_key(user.id))
    return await gate.ports.database.write(verb, tenant=DEFAULT_TENANT, keys=keys)


# --- setting it up --------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class TotpSetUp:
    """A secret for an authenticator app, and the same as what its QR code says. It counts once a code of it was shown."""

    secret: str = attrs.field(repr=False)
    uri: str = attrs.field(repr=False)


async def set_up_totp(gate: Gate, user_id: int) -> TotpSetUp:
    """Make a secret for an authenticator app. Raises ``Refused`` where one counts already, ``NoKey`` without a vault."""
    secret = totp.secret_of(gate.ports.random.token(totp.SECRET_BYTES))
    sealed = gate.ports.vault.seal(secret)

    def verb(tx: Tx) -> str:
        tx.claim(user_key(user_id))
        user = people.user(tx, user_id)
        if user is None or user.second_factor == TOTP:
            raise Refused("an authenticator app is the second factor already: take it away first")
        people.set_totp(tx, user_id, sealed=sealed, step=0)
        return user.called

    called = await gate.ports.database.write(verb, tenant=DEFAULT_TENANT, keys=(user_key(user_id),))
    return TotpSetUp(secret=secret, uri=totp.uri_of(secret, called))


async def confirm_totp(gate: Gate, user_id: int, code: str) -> list[str]:
    """The app shows the right codes: from now on one is wanted. The recovery codes. Raises ``Invalid`` or ``Refused``."""
    known = await _credentials(gate, user_id)
    if known is None or not known.totp_sealed or known.user.second_factor == TOTP:
        raise Refused("no authenticator app is being set up")
    secret = gate.ports.vault.open(known.totp_sealed)
    step = totp.step_of(secret, code.strip(), now=gate.ports.clock.now(), after=known.totp_step)
    if step is None:
        raise Invalid("this is not the code that the app should show: is the clock right?", field="code")
    return await _settle(gate, user_id, TOTP, step=step)


async def choose_codes(gate: Gate, user_id: int, factor: str) -> list[str]:
    """From now on a code by e-mail or text message is wanted. The recovery codes. Raises ``Refused`` without a verified address."""
    known = await _credentials(gate, user_id)
    recipient = None if known is None else codes.recipient_of(known.user, by_phone=factor == BY_SMS)
    if recipient is None or not (recipient.phone if factor == BY_SMS else recipient.email):
        raise Refused(f"there is no verified {'telephone number' if factor == BY_SMS else 'e-mail address'} to send codes to")
    return await _settle(gate, user_id, factor)


async def _settle(gate: Gate, user_id: int, factor: str, *, step: int | None = None) -> list[str]:
    recovery = [recovery_code(gate) for _ in range(RECOVERY_CODES)]

    def verb(tx: Tx) -> None:
        tx.claim(user_key(user_id))
        if step is not None and not people.use_totp_step(tx, user_id, step):
            raise Invalid("this code was used", field="code")
        people.set_second_factor(tx, user_id, factor)
        people.replace_recovery_codes(tx, user_id, [gate.keys.recovery_hash(user_id, plain(each)) for each in recovery])

    await gate.ports.database.write(verb, tenant=DEFAULT_TENANT, keys=(user_key(user_id),))
    return recovery


async def renew_recovery_codes(gate: Gate, user_id: int) -> list[str]:
    """New recovery codes; the old ones are void. Raises ``Refused`` without a second factor."""
    known = await _credentials(gate, user_id)
    if known is None or not known.user.second_factor:
        raise Refused("there is no second factor to recover")
    return await _settle(gate, user_id, known.user.second_factor)


def take_away(tx: Tx, user_id: int) -> None:
    """No second factor any more."""
    tx.claim(user_key(user_id))
    people.set_second_factor(tx, user_id, "")
    people.set_totp(tx, user_id, sealed="", step=0)
    people.replace_recovery_codes(tx, user_id, [])


def recovery_code(gate: Gate) -> str:
    """A recovery code: 80 random bits, easy to write down."""
    text = base64.b32encode(hashlib.sha256(gate.ports.random.token(32).encode()).digest()[:10]).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))


def plain(code: str) -> str:
    """A recovery code as it is compared."""
    return code.replace("-", "").replace(" ", "").lower()
