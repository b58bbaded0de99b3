"""SQL of challenges: what is to be proven with a one-time code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from csms.core.ports import ReadTx, Tx
from csms.domain.users.model import Challenge


def insert(
    tx: Tx,
    *,
    handle_hash: str,
    purpose: str,
    user_id: int | None,
    detail: Mapping[str, Any],
    code_hash: str,
    tries: int,
    expires_at: int,
) -> None:
    """A new challenge."""
    tx.run(
        "INSERT INTO challenges (handle_hash, purpose, user_id, detail, code_hash, tries_left, created_at, expires_at)"
        " VALUES (:handle_hash, :purpose, :user_id, :detail, :code_hash, :tries, :now, :expires_at)",
        handle_hash=handle_hash,
        purpose=purpose,
        user_id=user_id,
        detail=msgspec.json.encode(detail).decode(),
        code_hash=code_hash,
        tries=tries,
        expires_at=expires_at,
    )


def open_challenge(tx: ReadTx, handle_hash: str, purpose: str) -> Challenge | None:
    """A challenge that can still be met."""
    row = tx.one(
        "SELECT id, purpose, user_id, detail, code_hash, tries_left, expires_at FROM challenges WHERE handle_hash = :handle_hash"
        " AND purpose = :purpose AND used_at IS NULL AND expires_at > :now AND tries_left > 0",
        handle_hash=handle_hash,
        purpose=purpose,
    )
    return None if row is None else Challenge(**{**row, "detail": msgspec.json.decode(row["detail"])})


def spend_try(tx: Tx, challenge_id: int) -> None:
    """One try fewer."""
    tx.run("UPDATE challenges SET tries_left = tries_left - 1 WHERE id = :challenge_id", challenge_id=challenge_id)


def use(tx: Tx, challenge_id: int) -> bool:
    """It was met; False when it had been before."""
    return (
        tx.run(
            "UPDATE challenges SET used_at = :now, code_hash = '', detail = '{}' WHERE id = :challenge_id AND used_at IS NULL",
            challenge_id=challenge_id,
        )
        > 0
    )


def set_code(tx: Tx, challenge_id: int, code_hash: str) -> None:
    """Another code meets it."""
    tx.run("UPDATE challenges SET code_hash = :code_hash WHERE id = :challenge_id", challenge_id=challenge_id, code_hash=code_hash)


def set_user(tx: Tx, challenge_id: int, user_id: int) -> None:
    """Whose it is by now."""
    tx.run("UPDATE challenges SET user_id = :user_id WHERE id = :challenge_id", challenge_id=challenge_id, user_id=user_id)


def void_of_user(tx: Tx, user_id: int) -> None:
    """Nothing that was asked of a user can be met any more."""
    tx.run("UPDATE challenges SET tries_left = 0 WHERE user_id = :user_id AND used_at IS NULL", user_id=user_id)


def forget_old(tx: Tx, before: int, most: int) -> int:
    """Delete some of those that ended before an instant; how many."""
    return tx.run(
        "DELETE FROM challenges WHERE id IN (SELECT id FROM challenges WHERE expires_at < :before LIMIT :most)",
        before=before,
        most=most,
    )
