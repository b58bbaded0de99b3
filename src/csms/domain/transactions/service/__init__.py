"""Verbs on transactions. Those that hear reports are called ``verb(tx, report, decision)``; a decision of None means the defaults."""

from .metering import meter
from .quarantine import QuarantinedDetail, attach_stop, quarantined_detail, resolve_quarantined
from .queries import Detail, list_quarantined, list_transactions, transaction_detail
from .reconciling import booted, close_overdue, status_seen
from .remote import (
    ask_start,
    ask_stop,
    expire_pending,
    force_stop,
    start_answered,
    stop_answered,
)
from .sequencing import update
from .starting import start
from .stopping import mangled, stop

__all__ = [
    "Detail",
    "QuarantinedDetail",
    "ask_start",
    "ask_stop",
    "attach_stop",
    "booted",
    "close_overdue",
    "expire_pending",
    "force_stop",
    "list_quarantined",
    "list_transactions",
    "mangled",
    "meter",
    "quarantined_detail",
    "resolve_quarantined",
    "start",
    "start_answered",
    "status_seen",
    "stop",
    "stop_answered",
    "transaction_detail",
    "update",
]
