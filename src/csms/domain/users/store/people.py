"""SQL of users: the people of the installation."""

from __future__ import annotations

from typing import Any

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.users.model import Credentials, User

COLUMNS = "id, name, email, email_verified_at, phone, phone_verified_at, locale, second_factor, created_at, disabled_at"
_CREDENTIALS = f"SELECT {COLUMNS}, password_hash, password_expires_at, totp_sealed, totp_step FROM users "  # noqa: S608 (our own text)

_INSERT = """
INSERT INTO users (name, email, email_folded, email_verified_at, phone, phone_verified_at, locale, password_hash, password_expires_at,
    created_at)
VALUES (:name, :email, :email_folded, :email_verified_at, :phone, :phone_verified_at, :locale, :password_hash, :password_expires_at,
    :now)
ON CONFLICT DO NOTHING RETURNING id"""


def folded(email: str) -> str:
    """An e-mail address as it is compared."""
    return email.strip().casefold()


def insert(tx: Tx, *, email: str, **values: Any) -> int | None:
    """The id of a new user, None when the e-mail address or the telephone number is another user's."""
    found: int | None = tx.value(_INSERT, email=email, email_folded=folded(email), **values)
    return found


def user(tx: ReadTx, user_id: int) -> User | None:
    """One user."""
    row = tx.one(f"SELECT {COLUMNS} FROM users WHERE id = :user_id", user_id=user_id)  # noqa: S608 (our own text)
    return None if row is None else User(**row)


def by_email(tx: ReadTx, email: str) -> User | None:
    """The user of an e-mail address."""
    row = tx.one(f"SELECT {COLUMNS} FROM users WHERE email_folded = :folded AND email_folded <> ''", folded=folded(email))  # noqa: S608 (our own text)
    return None if row is None else User(**row)


def by_phone(tx: ReadTx, phone: str) -> User | None:
    """The user of a telephone number."""
    row = tx.one(f"SELECT {COLUMNS} FROM users WHERE phone = :phone AND phone <> ''", phone=phone)  # noqa: S608 (our own text)
    return None if row is None else User(**row)


def anybody(tx: ReadTx) -> bool:
    """Whether there is any user at all."""
    return tx.value("SELECT 1 FROM users LIMIT 1") is not None


def credentials(tx: ReadTx, user_id: int) -> Credentials | None:
    """One user with what their word is checked against."""
    row = tx.one(_CREDENTIALS + "WHERE id = :user_id", user_id=user_id)
    return None if row is None else _credentials(row)


def credentials_of(tx: ReadTx, *, email: str, phone: str) -> Credentials | None:
    """The user of a verified e-mail address or, where that is ``""``, of a verified telephone number."""
    if email:
        row = tx.one(
            _CREDENTIALS + "WHERE email_folded = :folded AND email_folded <> '' AND email_verified_at IS NOT NULL",
            folded=folded(email),
        )
    else:
        row = tx.one(_CREDENTIALS + "WHERE phone = :phone AND phone <> '' AND phone_verified_at IS NOT NULL", phone=phone)
    return None if row is None else _credentials(row)


def _credentials(row: Row) -> Credentials:
    values = dict(row)
    secrets = {name: values.pop(name) for name in ("password_hash", "password_expires_at", "totp_sealed", "totp_step")}
    return Credentials(user=User(**values), **secrets)


def set_profile(tx: Tx, user_id: int, *, name: str, locale: str) -> None:
    """Change what a user is called and spoken to in."""
    tx.run("UPDATE users SET name = :name, locale = :locale WHERE id = :user_id", user_id=user_id, name=name, locale=locale)


def set_email(tx: Tx, user_id: int, email: str) -> None:
    """Give a user another e-mail address, which is verified."""
    tx.run(
        "UPDATE users SET email = :email, email_folded = :folded, email_verified_at = :now WHERE id = :user_id",
        user_id=user_id,
        email=email,
        folded=folded(email),
    )


def set_phone(tx: Tx, user_id: int, phone: str) -> None:
    """Give a user another telephone number, which is verified."""
    tx.run("UPDATE users SET phone = :phone, phone_verified_at = :now WHERE id = :user_id", user_id=user_id, phone=phone)


def set_password(tx: Tx, user_id: int, password_hash: str, *, expires_at: int | None = None) -> None:
    """Give a user another password."""
    tx.run(
        "UPDATE users SET password_hash = :password_hash, password_expires_at = :expires_at WHERE id = :user_id",
        user_id=user_id,
        password_hash=password_hash,
        expires_at=expires_at,
    )


def rehash(tx: Tx, user_id: int, *, old: str, new: str) -> None:
    """Keep the same password under a newer hash, unless it was changed meanwhile."""
    tx.run("UPDATE users SET password_hash = :new WHERE id = :user_id AND password_hash = :old", user_id=user_id, old=old, new=new)


def set_disabled(tx: Tx, user_id: int, disabled_at: int | None) -> int:
    """Disable or enable an account everywhere."""
    return tx.run("UPDATE users SET disabled_at = :disabled_at WHERE id = :user_id", user_id=user_id, disabled_at=disabled_at)


def set_totp(tx: Tx, user_id: int, *, sealed: str, step: int) -> None:
    """Keep a TOTP secret; it counts once ``second_factor`` says so."""
    tx.run(
        "UPDATE users SET totp_sealed = :sealed, totp_step = :step WHERE id = :user_id", user_id=user_id, sealed=sealed, step=step
    )


def set_second_factor(tx: Tx, user_id: int, second_factor: str) -> None:
    """What a user shows besides the password."""
    tx.run("UPDATE users SET second_factor = :second_factor WHERE id = :user_id", user_id=user_id, second_factor=second_factor)


def use_totp_step(tx: Tx, user_id: int, step: int) -> bool:
    """Use up a time step; False when it or a later one was used before."""
    return tx.run("UPDATE users SET totp_step = :step WHERE id = :user_id AND totp_step < :step", user_id=user_id, step=step) > 0


# --- recovery codes -------------------------------------------------------------------------------------------------------------


def replace_recovery_codes(tx: Tx, user_id: int, hashes: list[str]) -> None:
    """Give a user new recovery codes; the old ones are void."""
    tx.run("DELETE FROM recovery_codes WHERE user_id = :user_id", user_id=user_id)
    tx.many(
        "INSERT INTO recovery_codes (user_id, code_hash) VALUES (:user_id, :code_hash)",
        [{"user_id": user_id, "code_hash": each} for each in hashes],
    )


def use_recovery_code(tx: Tx, user_id: int, code_hash: str) -> bool:
    """Use up a recovery code; False when there is no such unused one."""
    return (
        tx.run(
            "UPDATE recovery_codes SET used_at = :now WHERE user_id = :user_id AND code_hash = :code_hash AND used_at IS NULL",
            user_id=user_id,
            code_hash=code_hash,
        )
        > 0
    )


def recovery_codes_left(tx: ReadTx, user_id: int) -> int:
    """How many recovery codes a user has left."""
    return int(tx.value("SELECT count(*) FROM recovery_codes WHERE user_id = :user_id AND used_at IS NULL", user_id=user_id))
