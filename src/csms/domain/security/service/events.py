"""Security events: those that chargers report, and those that we notice ourselves."""

from __future__ import annotations

from csms.core.ids import charger_key
from csms.core.ports import Tx
from csms.core.reports import Noted, SecurityEventReported
from csms.domain.security.model import BY_CHARGER, BY_CSMS, CRITICAL_EVENTS, OWN_CRITICAL, SecurityEventNoted
from csms.domain.security.store import events as store
from csms.domain.stations.model import clean


def security_event(tx: Tx, report: SecurityEventReported, decision: object = None) -> Noted:
    """SecurityEventNotification (A04.FR.03): stored, once although it is sent again, and told. An unknown kind is kept, not critical."""
    tx.claim(charger_key(report.charger_id))
    kind = clean(report.kind, 100)
    _note(tx, report.charger_id, BY_CHARGER, kind, kind in CRITICAL_EVENTS, report.info, report.occurred_at, report.occurred_at_raw)
    return Noted()


def notice(tx: Tx, charger_id: str, kind: str, info: str, at_most_every_ms: int = 0) -> bool:
    """Note a security event of our own about a charger, unless one of its kind is more recent than ``at_most_every_ms``."""
    tx.claim(charger_key(charger_id))
    if at_most_every_ms:
        last = store.last_of_kind(tx, charger_id, kind)
        if last is not None and last > tx.now - at_most_every_ms:
            return False
    return _note(tx, charger_id, BY_CSMS, kind, kind in OWN_CRITICAL, info, tx.now, "")


def _note(tx: Tx, charger_id: str, source: str, kind: str, critical: bool, info: str, occurred_at: int, raw: str) -> bool:
    info = clean(info, 500)
    stored = store.insert(
        tx,
        charger_id,
        source=source,
        kind=kind,
        critical=critical,
        info=info,
        occurred_at=occurred_at,
        occurred_at_raw=clean(raw, 100),
    )
    if stored:
        tx.emit(
            SecurityEventNoted(
                charger_id=charger_id, source=source, kind=kind, critical=critical, info=info, occurred_at=occurred_at
            )
        )
    return stored
