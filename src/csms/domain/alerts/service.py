"""Verbs on alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ports import ReadTx, Tx

from . import store
from .model import REFUSALS_WITHIN_S, Alert, AlertRaised, AlertResolved, Occurrence, Relief, alert_key

LONGEST_NAME = 200
LONGEST_NOTE = 1000


def raise_alert(tx: Tx, one: Occurrence) -> int | None:
    """Open an alert, or count one more on the one that is open: its id; None for an event that was heard before."""
    tx.claim(alert_key(one.kind, one.subject))
    if one.event_id and one.event_id <= store.last_event(tx, one.kind, one.subject):
        return None
    alert_id, times = store.insert_or_count(tx, one)
    if times == 1:
        tx.emit(
            AlertRaised(
                alert_id=alert_id,
                kind=one.kind,
                severity=one.severity,
                subject=one.subject,
                charger_id=one.charger_id,
                message=one.message,
            )
        )
    return alert_id


def note_refusal(tx: Tx, charger_id: str, event_id: int, at: int) -> None:
    """Remember that a token was refused, for as long as the rule about repeated refusals looks back. An event is noted once."""
    store.insert_refusal(tx, charger_id, event_id, at)
    store.forget_refusals(tx, charger_id, before=tx.now - REFUSALS_WITHIN_S * 1000)


def relieve(tx: Tx, one: Relief) -> None:
    """Resolve the open alert that this is the end of, if there is one."""
    tx.claim(alert_key(one.kind, one.subject))
    known = store.open_one(tx, one.kind, one.subject)
    if known is None or (one.event_id and one.event_id <= store.last_event(tx, one.kind, one.subject)):
        return
    _resolve(tx, known, by="", note="; ".join(filter(None, (known.note, one.note))), event_id=one.event_id)


def heed(tx: Tx, what: Sequence[Occurrence | Relief]) -> None:
    """Everything that one event means for alerts, in order."""
    tx.claim(*sorted({alert_key(one.kind, one.subject) for one in what}))
    for one in what:
        if isinstance(one, Occurrence):
            raise_alert(tx, one)
        else:
            relieve(tx, one)


# --- what operators do ----------------------------------------------------------------------------------------------------------


def need_alert(tx: ReadTx, alert_id: int) -> Alert:
    """An alert of the tenant. Raises ``NotFound``."""
    known = store.by_id(tx, alert_id)
    if known is None:
        raise NotFound(f"there is no alert {alert_id}")
    return known


def acknowledge(tx: Tx, alert_id: int, by: str, note: str = "") -> Alert:
    """Say that somebody looks after an alert. Raises ``NotFound``, ``Invalid``, or ``Refused`` when it is resolved."""
    known = _open(tx, alert_id)
    store.acknowledge(tx, alert_id, by=_name(by), note=_note(note) or known.note)
    return need_alert(tx, alert_id)


def resolve(tx: Tx, alert_id: int, by: str, note: str = "") -> Alert:
    """Say that an alert is over. Raises ``NotFound``, ``Invalid``, or ``Refused`` when it is resolved already."""
    known = _open(tx, alert_id)
    _resolve(tx, known, by=_name(by), note=_note(note) or known.note, event_id=0)
    return need_alert(tx, alert_id)


def _open(tx: Tx, alert_id: int) -> Alert:
    known = need_alert(tx, alert_id)
    tx.claim(alert_key(known.kind, known.subject))
    if known.resolved_at is not None:
        raise Refused(f"alert {alert_id} is resolved already")
    return known


def _resolve(tx: Tx, known: Alert, *, by: str, note: str, event_id: int) -> None:
    store.resolve(tx, known.id, by=by, note=note, event_id=event_id)
    said: dict[str, Any] = {
        name: getattr(known, name) for name in ("kind", "severity", "subject", "charger_id", "message", "times")
    }
    tx.emit(AlertResolved(alert_id=known.id, **said, resolved_by=by, note=note))


def _name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid(f"say who, in 1 to {LONGEST_NAME} printable characters", field="by")
    return name


def _note(text: str) -> str:
    note = text.strip()
    if len(note) > LONGEST_NOTE or "\x00" in note:
        raise Invalid(f"a note has at most {LONGEST_NOTE} characters", field="note")
    return note
