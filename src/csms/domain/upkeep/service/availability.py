"""Availability: what operators and windows of maintenance want of places, and what chargers make of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.commands import Answered, CallError, ChangeAvailability, Offline, Outcome
from csms.core.errors import Invalid, Refused
from csms.core.ids import Place, charger_key
from csms.core.outcomes import cannot, told
from csms.core.ports import ReadTx, Tx
from csms.core.reports import Booted, StatusReported
from csms.core.units import doubled
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store
from csms.domain.stations.model import LARGEST_PLACE
from csms.domain.upkeep.model.availability import (
    ACCEPTED,
    BY_OPERATOR,
    IN_FORCE,
    LONGEST_TEXT,
    NOT_SUPPORTED,
    PENDING,
    REJECTED,
    SCHEDULED,
    UNCERTAIN,
    UNCONFIRMED,
    Availability,
    AvailabilityChanged,
    covers,
    shows,
)
from csms.domain.upkeep.store import availability as store

ANSWER_MS = 180_000
"""A charger that was told is not told again before this, unless it answers."""
FIRST_RETRY_MS, LAST_RETRY_MS = 30_000, 6 * 3_600_000
FORGETFUL_MS = 3_600_000
"""A charger that forgets again sooner than this is told after a wait that doubles."""
MOST_TRIES = 5


def check_place(place: Place) -> Place:
    """A place that a charger may have. Raises ``Invalid``."""
    if not (0 <= place.evse <= LARGEST_PLACE and 0 <= place.connector <= LARGEST_PLACE) or (place.connector and not place.evse):
        raise Invalid(f"no such place: {place}", field="place")
    return place


def check_text(text: str, field: str) -> str:
    """A reason or a name. Raises ``Invalid``."""
    text = text.strip()
    if len(text) > LONGEST_TEXT or not (text.isprintable() or not text):
        raise Invalid(f"{field}: at most {LONGEST_TEXT} printable characters", field=field)
    return text


# --- what is wanted -------------------------------------------------------------------------------------------------------------


def order(
    tx: Tx, charger_id: str, place: Place, operative: bool, *, reason: str = "", set_by: str = BY_OPERATOR
) -> tuple[Availability, ChangeAvailability]:
    """An operator takes a place out of service or puts it back: what is wanted, and what is about to be sent for it.

    Raises ``NotFound`` or ``Invalid``; ``Refused`` where what it is a part of is out of service, or maintenance of it runs.
    """
    tx.claim(charger_key(charger_id))
    charger = stations.need_charger(tx, charger_id)
    place, reason, set_by = check_place(place), check_text(reason, "reason"), check_text(set_by, "set_by")
    if operative:
        if (window := store.running(tx, charger_id, place)) is not None:
            raise Refused(f"maintenance {window.id} of {charger_id} {place} runs: cancel it first")
        if (outer := _out_of_service_around(store.of_charger(tx, charger_id), place)) is not None:
            raise Refused(
                f"{charger_id} {outer.place} is out of service ({outer.reason or outer.set_by}): put that in service first"
            )
    known = store.of_place(tx, charger_id, place) or _new(charger_id, place, charger.created_at)
    known = put(
        tx,
        known,
        wished=operative,
        operative=operative,
        reason=reason,
        set_by=set_by,
        since_at=tx.now,
        state=PENDING,
        answer="",
        failures=0,
    )
    return _take(tx, known), ChangeAvailability(place, operative)


def _new(charger_id: str, place: Place, charger_created_at: int) -> Availability:
    return Availability(
        charger_id=charger_id, evse=place.evse, connector=place.connector, charger_created_at=charger_created_at, state=IN_FORCE
    )


def _out_of_service_around(known: Sequence[Availability], place: Place) -> Availability | None:
    """What this place is a part of, if that is to be out of service."""
    for each in known:
        if each.place != place and covers(each.place, place) and not each.operative and each.state not in (REJECTED, NOT_SUPPORTED):
            return each
    return None


def recompute(tx: Tx, charger_id: str, place: Place, *, reason: str, set_by: str) -> None:
    """A window of maintenance began or ended: have the charger told, if that changes anything."""
    charger = stations_store.charger(tx, charger_id)
    if charger is None:
        return
    known = store.of_place(tx, charger_id, place) or _new(charger_id, place, charger.created_at)
    operative = known.wished and store.running(tx, charger_id, place) is None
    if operative != known.operative:
        put(
            tx,
            known,
            operative=operative,
            reason=reason,
            set_by=set_by,
            since_at=tx.now,
            state=PENDING,
            answer="",
            failures=0,
            due_at=tx.now,
        )


# --- what chargers say and do -------------------------------------------------------------------------------------------------------


def answered(tx: Tx, charger_id: str, place: Place, operative: bool, outcome: Outcome, status_wait_s: int) -> Availability | None:
    """What became of telling a charger (1.6 §5.2). None where something else is wanted by now.

    In 1.6 a charger that is put in service puts all its connectors in service: those that should not be are told again.
    """
    tx.claim(charger_key(charger_id))
    known = store.of_place(tx, charger_id, place)
    if known is None or known.operative != operative:
        return known
    if operative and not (outcome.certain and not _said_yes(outcome)):
        for inner in store.of_charger(tx, charger_id):
            if inner.place != place and covers(place, inner.place) and (not inner.operative or inner.state == PENDING):
                put(tx, inner, state=PENDING, due_at=tx.now)
    if isinstance(outcome, Answered) and outcome.accepted:
        scheduled = outcome.status == "Scheduled"
        due_at = None if scheduled else tx.now + status_wait_s * 1000
        known = put(tx, known, state=SCHEDULED if scheduled else ACCEPTED, answer=outcome.status, due_at=due_at)
        return _looked(tx, known)
    if isinstance(outcome, (Answered, CallError)) or cannot(outcome):
        state = NOT_SUPPORTED if cannot(outcome) else REJECTED
        return put(tx, known, state=state, answer=told(outcome), due_at=None)
    if isinstance(outcome, Offline):
        return put(tx, known, state=PENDING, answer=told(outcome), due_at=tx.now + 1000)
    return put(
        tx,
        known,
        state=PENDING if outcome.certain else UNCERTAIN,
        answer=told(outcome),
        failures=known.failures + 1,
        due_at=tx.now + _wait_ms(known.failures),
    )


def _said_yes(outcome: Outcome) -> bool:
    return isinstance(outcome, Answered) and outcome.accepted


def status_seen(tx: Tx, report: StatusReported) -> None:
    """StatusNotification: it may show that what was told came true, or that the charger has forgotten it."""
    tx.claim(charger_key(report.charger_id))
    for known in store.of_charger(tx, report.charger_id):
        if covers(known.place, report.place):
            _looked(tx, known)


def booted(tx: Tx, report: Booted) -> None:
    """BootNotification: being out of service should survive it (1.6 §5.2). Whether it did is judged by the statuses that follow."""
    tx.claim(charger_key(report.charger_id))
    _wake(tx, report.charger_id)


def came_back(tx: Tx, charger_id: str) -> None:
    """A charger connected: what it could not be told it is told now."""
    tx.claim(charger_key(charger_id))
    _wake(tx, charger_id)


def _wake(tx: Tx, charger_id: str) -> None:
    for known in store.of_charger(tx, charger_id):
        if known.state in (PENDING, UNCERTAIN):
            put(tx, known, due_at=tx.now, failures=0)
        elif not known.operative and known.state in (ACCEPTED, SCHEDULED, IN_FORCE) and known.due_at is None:
            put(tx, known, due_at=tx.now + FIRST_RETRY_MS)


def _looked(tx: Tx, known: Availability) -> Availability:
    """Compare what is wanted with what the charger shows."""
    shown = _shown(tx, known)
    if shown is None:
        return known
    if known.operative:
        reached = known.state in (ACCEPTED, SCHEDULED, UNCERTAIN) and shown is not False
        return put(tx, known, state=IN_FORCE, due_at=None, failures=0) if reached else known
    if shown is False:
        reached = known.state in (ACCEPTED, SCHEDULED, UNCERTAIN)
        return put(tx, known, state=IN_FORCE, due_at=None) if reached else known
    if known.state == IN_FORCE:
        failures = 0 if tx.now - known.changed_at > FORGETFUL_MS else known.failures + 1
        wait_ms = 0 if failures <= 1 else _wait_ms(failures - 2)
        return put(tx, known, state=PENDING, failures=failures, due_at=tx.now + wait_ms, answer="it is in service again")
    if known.state == SCHEDULED and shown is True and known.due_at is None:
        return put(tx, known, due_at=tx.now + FIRST_RETRY_MS)
    return known


def _shown(tx: ReadTx, known: Availability) -> bool | str | None:
    """What the charger shows of a place, leaving out those within it that are out of service by themselves."""
    apart = {each.place for each in store.of_charger(tx, known.charger_id) if not each.operative and each.place != known.place}
    present = stations_store.list_connectors(tx, known.charger_id)
    kept = [(each.place, each.status) for each in present if not (known.operative and each.place in apart)]
    return shows(known.place, kept)


# --- telling chargers -------------------------------------------------------------------------------------------------------------


def next_due(tx: Tx, charger_id: str) -> tuple[Availability, ChangeAvailability] | None:
    """The next that a charger is to be told, the whole before its parts; None when it was told everything."""
    tx.claim(charger_key(charger_id))
    everything = store.of_charger(tx, charger_id)
    for known in everything:
        if known.due_at is None or known.due_at > tx.now:
            continue
        if known.operative and _out_of_service_around(everything, known.place) is not None:
            put(tx, known, state=PENDING, due_at=None)  # its turn comes with what it is a part of
            continue
        if known.state in (ACCEPTED, SCHEDULED, IN_FORCE):
            known = _chased(tx, known)
        if known.due_at is not None and known.due_at <= tx.now and known.state in (PENDING, UNCERTAIN):
            return _take(tx, known), ChangeAvailability(known.place, known.operative)
    return None


def _chased(tx: Tx, known: Availability) -> Availability:
    """It said yes some time ago: does it show? A charger that shows nothing at all is believed."""
    known = _looked(tx, known)
    if known.state not in (ACCEPTED, SCHEDULED):
        return put(tx, known, due_at=None) if known.state == IN_FORCE else known
    shown = _shown(tx, known)
    if shown is None or (shown is not True and not known.operative):  # busy: it will follow when the transaction has ended
        return put(tx, known, state=known.state if shown is None else SCHEDULED, due_at=None)
    if known.operative and known.failures + 1 >= MOST_TRIES:
        return put(tx, known, state=UNCONFIRMED, due_at=None)
    return put(tx, known, state=PENDING, failures=known.failures + 1, answer="it said yes, and does not show it")


def _take(tx: Tx, known: Availability) -> Availability:
    """It is about to be sent; from now on the charger may have heard of it."""
    taken = attrs.evolve(known, state=UNCERTAIN, sent_at=tx.now, due_at=tx.now + max(ANSWER_MS, _wait_ms(known.failures)))
    store.save(tx, taken)
    return taken


def _wait_ms(failures: int) -> int:
    return doubled(FIRST_RETRY_MS, failures, LAST_RETRY_MS)


# --- one place where it changes -----------------------------------------------------------------------------------------------------


def put(tx: Tx, known: Availability, **changes: Any) -> Availability:
    """Store what changes, and tell when it is wanted otherwise or has got further."""
    changed = attrs.evolve(known, **changes)
    if changed == known:
        return known
    wanted = (known.operative, known.since_at) != (changed.operative, changed.since_at)
    if wanted or changed.state != known.state:
        changed = attrs.evolve(changed, changed_at=tx.now)
    store.save(tx, changed)
    if wanted or (changed.state != known.state and (known.state, changed.state) != (UNCERTAIN, PENDING)):
        tx.emit(
            AvailabilityChanged(
                charger_id=changed.charger_id,
                place=changed.place,
                operative=changed.operative,
                state=changed.state,
                reason=changed.reason,
                set_by=changed.set_by,
                answer=changed.answer,
            )
        )
    return changed
