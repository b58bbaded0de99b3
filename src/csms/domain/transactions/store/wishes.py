"""What whoever started a transaction asked for, as rows."""

from __future__ import annotations

import attrs

from csms.core.ports import ReadTx, Tx
from csms.domain.transactions.model import Wishes

_NAMES = tuple(field.name for field in attrs.fields(Wishes))


def save(tx: Tx, transaction_id: int, wishes: Wishes) -> None:
    """Remember the wishes for a transaction, in place of those that there were."""
    tx.run(
        f"INSERT INTO charge_wishes (transaction_id, tenant, {', '.join(_NAMES)}, created_at)"  # noqa: S608 - Wishes' own fields
        f" VALUES (:transaction_id, :tenant, {', '.join(':' + name for name in _NAMES)}, :now)"
        f" ON CONFLICT (transaction_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _NAMES)}",
        transaction_id=transaction_id,
        **attrs.asdict(wishes),
    )


def of(tx: ReadTx, transaction_id: int) -> Wishes | None:
    """The wishes for a transaction, or for the remote start that it came of."""
    row = tx.one(
        f"SELECT {', '.join(f'w.{name}' for name in _NAMES)} FROM charge_wishes w"  # noqa: S608 - Wishes' own fields
        " WHERE w.tenant = :tenant AND w.transaction_id IN (:transaction_id, ("
        "SELECT t.remote_start_id FROM transactions t WHERE t.tenant = :tenant AND t.id = :transaction_id))"
        " ORDER BY CASE WHEN w.transaction_id = :transaction_id THEN 0 ELSE 1 END LIMIT 1",
        transaction_id=transaction_id,
    )
    return None if row is None else Wishes(**row)


def is_paid_for(tx: ReadTx, transaction_id: int) -> bool:
    """Whether a payment started it, so that nobody's wallet need have anything."""
    found = of(tx, transaction_id)
    return found is not None and found.payment_id is not None
