"""What operators ask about transactions."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.errors import Invalid, NotFound
from csms.core.ports import ReadTx, Row
from csms.domain.transactions.model import STATES, Quarantined, StoredReading, Transaction, TransactionFilter
from csms.domain.transactions.store import audit, lists, readings, rows

PAGE = 100
LARGEST_PAGE = 1000


@attrs.frozen(slots=True, kw_only=True)
class Detail:
    """A transaction with its readings, oldest first, the stops that came too late to count, and the one that named no transaction of
    ours but was found to be this one's."""

    transaction: Transaction
    readings: Sequence[StoredReading]
    late_stops: Sequence[Row]
    found_stop: Quarantined | None = None


def list_transactions(
    tx: ReadTx,
    *,
    state: str | None = None,
    charger_id: str | None = None,
    token: str | None = None,
    since: int | None = None,
    open: bool | None = None,
    limit: int = PAGE,
) -> Sequence[Transaction]:
    """The newest transactions. Raises ``Invalid`` for an unknown state or limit."""
    if state is not None and state not in STATES:
        raise Invalid(f"state {state!r} is unknown; use one of {', '.join(STATES)}", field="state")
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(f"limit is between 1 and {LARGEST_PAGE}", field="limit")
    which = TransactionFilter(state=state, charger_id=charger_id, token=token, from_at=since, open=open)
    return lists.page(tx, which, limit=limit)


def transaction_detail(tx: ReadTx, transaction_id: int, readings_limit: int = LARGEST_PAGE) -> Detail:
    """One transaction with what belongs to it. Raises ``NotFound``."""
    known = rows.by_id(tx, transaction_id)
    if known is None:
        raise NotFound(f"there is no transaction {transaction_id}")
    return Detail(
        transaction=known,
        readings=readings.of_transaction(tx, transaction_id, limit=readings_limit),
        late_stops=audit.late_stops(tx, transaction_id),
        found_stop=audit.stop_of(tx, transaction_id),
    )


def list_quarantined(tx: ReadTx, *, resolved: bool = False, after: int = 0, limit: int = PAGE) -> Sequence[Quarantined]:
    """Messages that could not be matched or read, the oldest first; ``after`` is the last id of the page before."""
    return audit.quarantined(tx, resolved=resolved, after=after, limit=limit)
