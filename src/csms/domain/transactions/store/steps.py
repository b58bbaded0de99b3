"""TransactionEvents as rows, each once."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ports import ReadTx, Tx
from csms.domain.transactions.sequence import Step

_COLUMNS = tuple(field.name for field in attrs.fields(Step))
_NAMES = ", ".join(_COLUMNS)
_INSERT = (
    f"INSERT INTO transaction_events (tenant, transaction_id, {_NAMES})"  # noqa: S608 Step's own fields
    f" VALUES (:tenant, :transaction_id, {', '.join(':' + name for name in _COLUMNS)})"
    " ON CONFLICT DO NOTHING"
)


def insert(tx: Tx, step: Step, *, transaction_id: int) -> bool:
    """Store a step; False when it was stored before."""
    parameters = {name: getattr(step, name) for name in _COLUMNS} | {"offline": int(step.offline)}
    return tx.run(_INSERT, transaction_id=transaction_id, **parameters) == 1


def of(tx: ReadTx, transaction_id: int) -> Sequence[Step]:
    """All steps of a transaction, in order of their numbers."""
    sql = f"SELECT {_NAMES} FROM transaction_events WHERE tenant = :tenant AND transaction_id = :id ORDER BY seq_no"  # noqa: S608
    return [Step(**{name: row[name] for name in _COLUMNS}) for row in tx.all(sql, id=transaction_id)]
