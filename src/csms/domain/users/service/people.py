"""Verbs on accounts: made, changed, disabled, their passwords and addresses."""

from __future__ import annotations

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ports import ReadTx, Tx
from csms.domain.users.addresses import email_of, locale_of, name_of, phone_of
from csms.domain.users.model import Credentials, User, address_key, user_key
from csms.domain.users.service import logins
from csms.domain.users.store import memberships
from csms.domain.users.store import people as store


def need_user(tx: ReadTx, user_id: int) -> User:
    """One user. Raises ``NotFound``."""
    found = store.user(tx, user_id)
    if found is None:
        raise NotFound(f"there is no user {user_id}")
    return found


def need_credentials(tx: ReadTx, user_id: int) -> Credentials:
    """One user with their credentials. Raises ``NotFound``."""
    found = store.credentials(tx, user_id)
    if found is None:
        raise NotFound(f"there is no user {user_id}")
    return found


def add(
    tx: Tx,
    *,
    name: str = "",
    email: str = "",
    phone: str = "",
    locale: str = "en",
    password_hash: str = "",
    password_expires_at: int | None = None,
    email_verified: bool = True,
    phone_verified: bool = True,
) -> User:
    """Add an account. Raises ``Invalid``, or ``Conflict`` when the e-mail address or the telephone number is taken.

    An address counts as verified unless said otherwise: whoever adds somebody else vouches for it.
    """
    email, phone = email_of(email) if email.strip() else "", phone_of(phone) if phone.strip() else ""
    if not (email or phone):
        raise Invalid("an account has an e-mail address or a telephone number", field="email")
    keys = [address_key(each) for each in (store.folded(email), phone) if each]
    tx.claim(*sorted(keys))
    added = store.insert(
        tx,
        name=name_of(name or email.partition("@")[0] or phone),
        email=email,
        email_verified_at=tx.now if email and email_verified else None,
        phone=phone,
        phone_verified_at=tx.now if phone and phone_verified else None,
        locale=locale_of(locale),
        password_hash=password_hash,
        password_expires_at=password_expires_at,
    )
    if added is None:
        raise Conflict(f"another account has the e-mail address {email!r} or the telephone number {phone!r}")
    return need_user(tx, added)


def change(tx: Tx, user_id: int, *, name: str | None = None, locale: str | None = None) -> User:
    """Change what a user is called and spoken to in; None leaves it. Raises ``Invalid`` or ``NotFound``."""
    tx.claim(user_key(user_id))
    known = need_user(tx, user_id)
    store.set_profile(
        tx,
        user_id,
        name=known.name if name is None else name_of(name),
        locale=known.locale if locale is None else locale_of(locale),
    )
    return need_user(tx, user_id)


def set_email(tx: Tx, user_id: int, email: str) -> User:
    """Give a user an e-mail address that they proved to be theirs. Raises ``Conflict`` when it is another's by now."""
    email = email_of(email)
    tx.claim(*sorted((address_key(store.folded(email)), user_key(user_id))))
    owner = store.by_email(tx, email)
    if owner is not None and owner.id != user_id:
        raise Conflict("another account has this e-mail address")
    store.set_email(tx, user_id, email)
    return need_user(tx, user_id)


def set_phone(tx: Tx, user_id: int, phone: str) -> User:
    """Give a user a telephone number that they proved to be theirs. Raises ``Conflict`` when it is another's by now."""
    phone = phone_of(phone)
    tx.claim(*sorted((address_key(phone), user_key(user_id))))
    owner = store.by_phone(tx, phone)
    if owner is not None and owner.id != user_id:
        raise Conflict("another account has this telephone number")
    store.set_phone(tx, user_id, phone)
    return need_user(tx, user_id)


def set_password(tx: Tx, user_id: int, password_hash: str, *, expires_at: int | None = None, keep_login: int | None = None) -> None:
    """Give a user another password, which ends every login but ``keep_login``. Raises ``NotFound``."""
    tx.claim(user_key(user_id))
    need_user(tx, user_id)
    store.set_password(tx, user_id, password_hash, expires_at=expires_at)
    logins.end_all(tx, user_id, "password", but=keep_login)


def set_disabled(tx: Tx, user_id: int, *, disabled: bool) -> User:
    """Disable an account everywhere, which ends its logins, or enable it again.

    Raises ``NotFound``, or ``Refused`` for the last owner of a tenant.
    """
    tx.claim(user_key(user_id))
    known = need_user(tx, user_id)
    if disabled == (known.disabled_at is not None):
        return known
    if disabled and (alone := memberships.sole_ownerships(tx, user_id)):
        raise Refused(f"{known.called} is the last owner of {', '.join(alone)}: make somebody else an owner first")
    store.set_disabled(tx, user_id, tx.now if disabled else None)
    if disabled:
        logins.end_all(tx, user_id, "disabled")
    return need_user(tx, user_id)
