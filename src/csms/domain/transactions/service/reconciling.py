"""Transactions in doubt: a boot or a free connector says that one may have ended, and something later tells, or a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.ids import charger_key
from csms.core.ports import Tx
from csms.core.reports import AVAILABLE, Booted, StatusReported
from csms.domain.transactions.model import (
    CHARGING_STATES,
    COMPLETED,
    DEFAULT_POLICY,
    OVERDUE,
    PENDING_RECONCILIATION,
    RUNNING,
    SUSPENDED,
    Transaction,
    TransactionPolicy,
)
from csms.domain.transactions.store import rows

from .closing import estimate
from .pairing import rematch
from .telling import put, remeasured

SLICE = 50
"""Transactions that one run of a job may close: each run is one short transaction of the writer."""

_NO_REBOOT = frozenset({"Triggered"})
"""Boot reasons (2.0.1 BootReasonEnumType) that say the charger has been running all along."""


def booted(tx: Tx, report: Booted, decision: Any) -> None:
    """Hear that a charger booted: what ran there is in doubt until it tells, or until the deadline; nothing fails by a boot.

    A transaction that is in doubt already keeps its deadline, so that a charger which boots over and over does not put it off.
    """
    if report.reason in _NO_REBOOT:
        return
    policy = decision if isinstance(decision, TransactionPolicy) else DEFAULT_POLICY
    tx.claim(charger_key(report.charger_id))
    for known in rows.open_of(tx, report.charger_id):
        _doubt(tx, known, report.received_at, policy)


def status_seen(tx: Tx, report: StatusReported, decision: Any) -> None:
    """Hear a connector's status, which in OCPP 1.6 is the charging state of the transaction there (2.x has TransactionEvents for that).

    ``Charging`` or suspended proves that a transaction in doubt goes on. ``Available`` proves that it does not (§4.9: A), but its
    stop may still be on the way: it is in doubt until the deadline.
    """
    if not report.place.evse:
        return
    policy = decision if isinstance(decision, TransactionPolicy) else DEFAULT_POLICY
    occupants = [known for known in rows.open_at(tx, report.charger_id, report.place.evse) if not known.reference]
    _was_so(tx, report, occupants)
    if not occupants:
        return
    tx.claim(charger_key(report.charger_id))
    if report.status in CHARGING_STATES:
        charging = [known for known in occupants if not known.refused] or occupants
        _goes_on(tx, charging[-1], report)
    elif report.status == AVAILABLE:
        for known in occupants:
            if report.reported_at >= known.last_known_at:
                _doubt(tx, known, report.received_at, policy)


def _goes_on(tx: Tx, known: Transaction, report: StatusReported) -> None:
    if report.reported_at < max(known.started_at or 0, known.last_event_at or 0) and known.state != PENDING_RECONCILIATION:
        return  # an older status that came late
    after = attrs.evolve(known, charging_state=report.status, last_event_at=max(report.reported_at, known.last_event_at or 0))
    if known.state in (RUNNING, SUSPENDED, PENDING_RECONCILIATION):
        after = attrs.evolve(after, state=after.live_state)
    put(tx, known, after)


def _was_so(tx: Tx, report: StatusReported, occupants: Sequence[Transaction]) -> None:
    """Where the status is of a time within a transaction that has ended, tell that it may have idled then."""
    at = min(report.reported_at, report.received_at)  # as the history has it
    if any((known.started_at or 0) <= at for known in occupants):
        return
    known = rows.covering(tx, report.charger_id, report.place.evse, at)
    if known is not None and known.state == COMPLETED and not known.reference and at < (known.stopped_at or 0):
        remeasured(tx, known)


def _doubt(tx: Tx, known: Transaction, at: int, policy: TransactionPolicy) -> None:
    if known.state == PENDING_RECONCILIATION:
        put(tx, known, attrs.evolve(known, doubted_at=max(at, known.doubted_at or 0)))
        return
    deadline = tx.now + policy.reconciliation_deadline_s * 1000
    put(tx, known, attrs.evolve(known, state=PENDING_RECONCILIATION, doubted_at=at, deadline_at=deadline))


def close_overdue(tx: Tx) -> int:
    """End transactions whose deadline passed without a word, with the last known meter value; how many. Job: run until it says 0.

    A stop that might have been theirs may be another's now: of a start, say, that was refused there and charged all the same.
    """
    due = rows.overdue(tx, PENDING_RECONCILIATION, SLICE)
    chargers = sorted({known.charger_id for known in due})
    tx.claim(*(charger_key(charger_id) for charger_id in chargers))
    for known in due:
        estimate(tx, known, reason=OVERDUE)
    for charger_id in chargers:
        rematch(tx, charger_id)
    return len(due)
