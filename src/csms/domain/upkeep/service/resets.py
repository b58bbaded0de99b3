"""Resets: begun by us, answered by the charger, done when it boots, failed when it does not."""

from __future__ import annotations

import attrs

from csms.core.commands import Answered, Outcome, Reset
from csms.core.errors import NotFound
from csms.core.ids import charger_key
from csms.core.outcomes import obeyed, told
from csms.core.ports import ReadTx, Tx
from csms.core.reports import Booted
from csms.domain.stations import service as stations
from csms.domain.upkeep.model.resets import ACCEPTED, DONE, FAILED, REFUSED, SENDING, WHEN_IDLE, ChargerReset
from csms.domain.upkeep.store import resets as store

SLICE = 100
IDLE_MS = 86_400_000
"""A charger that will reset when it is idle may be busy for a day."""


def begin(tx: Tx, charger_id: str, command: Reset, limit_s: int, note: str = "") -> ChargerReset:
    """A reset that is about to be asked for. Raises ``NotFound``."""
    tx.claim(charger_key(charger_id))
    stations.need_charger(tx, charger_id)
    new = ChargerReset(
        charger_id=charger_id,
        kind=command.when,
        evse=command.evse,
        note=note,
        asked_at=tx.now,
        deadline_at=tx.now + limit_s * 1000,
    )
    reset_id = store.RESETS.insert(tx, new)
    assert reset_id is not None
    return attrs.evolve(new, id=reset_id)


def answered(tx: Tx, reset_id: int, outcome: Outcome, limit_s: int) -> ChargerReset:
    """Note what became of asking (1.6 §5.14). A lost answer leaves it open: the charger may be at it.

    An EVSE resets without a boot (2.0.1 B11), so its acceptance is the last that is heard of it.
    """
    known = store.reset(tx, reset_id)
    assert known is not None  # begun by the flow that asks
    tx.claim(charger_key(known.charger_id))
    if known.state != SENDING:
        return known  # it has booted meanwhile
    will, answer = obeyed(outcome), told(outcome)
    if will is None:
        changed = attrs.evolve(known, answer=answer)
    elif not will:
        changed = attrs.evolve(known, state=REFUSED, answer=answer, closed_at=tx.now, deadline_at=None)
    elif known.evse is not None:
        changed = attrs.evolve(known, state=DONE, answer=answer, closed_at=tx.now, deadline_at=None)
    else:
        waits = known.kind == WHEN_IDLE and isinstance(outcome, Answered) and outcome.status == "Scheduled"
        changed = attrs.evolve(known, state=ACCEPTED, answer=answer, deadline_at=tx.now + (IDLE_MS if waits else limit_s * 1000))
    store.RESETS.save(tx, known, changed)
    return changed


def booted(tx: Tx, report: Booted) -> None:
    """BootNotification: whatever reset was asked for is done, whether or not it was ever answered."""
    tx.claim(charger_key(report.charger_id))
    for known in store.all_open(tx, report.charger_id):
        if known.evse is None:
            changed = attrs.evolve(known, state=DONE, booted_at=report.received_at, closed_at=tx.now, deadline_at=None)
            store.RESETS.save(tx, known, changed)


def close_overdue(tx: Tx) -> int:
    """Give up resets after which no boot came in time; how many. Job."""
    late = store.overdue(tx, SLICE)
    tx.claim(*sorted({charger_key(each.charger_id) for each in late}))
    for known in late:
        why = "it said yes, and did not boot in time" if known.state == ACCEPTED else "it did not answer, and did not boot in time"
        note = f"{known.note}; {why}" if known.note else why
        store.RESETS.save(tx, known, attrs.evolve(known, state=FAILED, note=note, closed_at=tx.now, deadline_at=None))
    return len(late)


def need_reset(tx: ReadTx, reset_id: int) -> ChargerReset:
    """A reset. Raises ``NotFound``."""
    found = store.reset(tx, reset_id)
    if found is None:
        raise NotFound(f"there is no reset {reset_id}")
    return found
