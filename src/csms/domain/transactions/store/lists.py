"""Lists of transactions for operators: filtered, the newest first, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.ports import ReadTx
from csms.domain.transactions.model import AHEAD_MS, Transaction

from . import rows


@attrs.frozen(slots=True, kw_only=True)
class Filter:
    """Which transactions to list. ``open`` True takes those that may still draw energy, False those that ended."""

    state: str | None = None
    charger_id: str | None = None
    token: str | None = None
    since: int | None = None
    open: bool | None = None


_HEARD_SINCE = (
    "id >= (SELECT id FROM transactions WHERE tenant = :tenant AND created_at >= :heard_since ORDER BY created_at LIMIT 1)"
)
"""What started since then was heard of since then, or ``AHEAD_MS`` earlier where the charger's clock is ahead; ids grow with time, so a
list need not look further back."""


def page(tx: ReadTx, which: Filter, *, before: int | None = None, limit: int = 100) -> Sequence[Transaction]:
    """At most ``limit`` transactions, the newest id first; ``before`` is the last id of the page before this one.

    ``since`` takes those that started then or later, and remote starts made then or later.
    """
    conditions: list[str] = []
    values: dict[str, Any] = {"limit": limit}
    if which.state is not None:
        conditions.append("state = :state")
        values["state"] = which.state
    if which.charger_id is not None:
        conditions.append("charger_id = :charger_id")
        values["charger_id"] = which.charger_id
    if which.token is not None:
        conditions.append("token_folded = :token_folded")
        values["token_folded"] = which.token.casefold()
    if which.since is not None:
        conditions += (_HEARD_SINCE, "COALESCE(started_at, created_at) >= :since")
        values |= {"since": which.since, "heard_since": which.since - AHEAD_MS}
    if which.open is not None:
        conditions.append("closed_at IS NULL" if which.open else "closed_at IS NOT NULL")
    if before is not None:
        conditions.append("id < :before")
        values["before"] = before
    sql = rows.SELECT + "".join(f" AND {condition}" for condition in conditions) + " ORDER BY id DESC LIMIT :limit"
    return [rows.transaction(row) for row in tx.all(sql, **values)]
