"""What chargers make of reservations: their answer, their status, the transaction that uses one, and the boot that may forget it."""

from __future__ import annotations

import attrs
import msgspec

from csms.core.commands import Answered, CallError, NotSupported, Outcome
from csms.core.ids import charger_key
from csms.core.outcomes import told
from csms.core.ports import Tx
from csms.core.reports import (
    AVAILABLE,
    FAULTED,
    RESERVED,
    UNAVAILABLE,
    Booted,
    StartReported,
    StatusReported,
    TransactionVerdict,
)
from csms.domain.reservations import store
from csms.domain.reservations.model import (
    ACTIVE,
    CANCELLED,
    CANCELLING,
    EXPIRED,
    PENDING,
    REFUSED,
    RELEASED,
    USED,
    Reservation,
    Settings,
)
from csms.domain.stations import store as stations_store

from .asking import need_reservation
from .telling import put

SKEW_MS = 300_000
"""How far a charger's clock may be behind ours before what it does next seems to have happened before we asked."""

AFTER_BOOT_MS = 10_000
"""How long a charger that booted has to say ``Reserved`` of what it remembers, before it is asked again."""

_NO_REBOOT = frozenset({"Triggered"})
"""Boot reasons (2.0.1 BootReasonEnumType) that say the charger has been running all along."""


def answered(tx: Tx, reservation_id: int, ask: int, outcome: Outcome, settings: Settings) -> Reservation:
    """Note what became of the ``ask``-th question about a reservation (1.6 §5.13).

    Where the charger may have heard it without our hearing so, the reservation is pending until another question tells. What was
    never sent is refused if nothing was sent before, and else still to be asked. A refused change leaves the old terms standing.
    """
    known = need_reservation(tx, reservation_id)
    tx.claim(charger_key(known.charger_id))
    if known.state not in (PENDING, ACTIVE):
        return known  # it was used, cancelled or ended meanwhile
    if ask != known.asks:  # two questions crossed: which of them the charger heard last we cannot know
        return put(tx, known, attrs.evolve(known, state=PENDING, ask_at=tx.now)) if known.state == ACTIVE else known
    heard = attrs.evolve(known, answer=told(outcome))
    if isinstance(outcome, Answered) and outcome.accepted:
        return put(tx, known, attrs.evolve(heard, state=ACTIVE))
    if isinstance(outcome, (Answered, CallError, NotSupported)):
        return put(tx, known, _refused(tx, heard))
    if known.state == ACTIVE:  # its status showed it before the answer came
        return put(tx, known, heard)
    if outcome.certain and known.replaced:
        return put(tx, known, _restored(heard))
    if outcome.certain and ask == 1:
        return put(tx, known, attrs.evolve(heard, state=REFUSED, note="the charger was not reached"))
    return put(tx, known, attrs.evolve(heard, state=PENDING, ask_at=tx.now + settings.retry_s * 1000))


def _refused(tx: Tx, known: Reservation) -> Reservation:
    """A reservation that the charger did not take, or not again."""
    if known.replaced:
        return _restored(known)
    if known.made_at is None:
        return attrs.evolve(known, state=REFUSED, note="the charger did not take it")
    present = stations_store.present(tx, known.charger_id, known.place) if known.evse else None
    if present is not None and present["status"] == RESERVED:  # occupied, it says: by this very reservation
        return attrs.evolve(known, state=ACTIVE, shown=True)
    return attrs.evolve(known, state=RELEASED, note="the charger had forgotten it and did not take it again")


def _restored(known: Reservation) -> Reservation:
    """A reservation on its old terms, after a change came to nothing."""
    return attrs.evolve(known, **msgspec.json.decode(known.replaced), state=ACTIVE)


# --- status ---------------------------------------------------------------------------------------------------------------------


def status_seen(tx: Tx, report: StatusReported, decision: object = None) -> None:
    """Hear a status, which must be stored already (``stations.status``), and keep the reservations of its place in step.

    ``Reserved`` proves that one stands. ``Available`` after it proves that it does not any more. ``Faulted`` and ``Unavailable``, of
    the connector or the whole charger, end it (1.6 §5.13). What it is when it is in use, the start of the transaction tells.
    """
    if report.status not in (RESERVED, AVAILABLE, FAULTED, UNAVAILABLE):
        return
    evse = report.place.evse
    concerned = [each for each in store.open_of(tx, report.charger_id) if each.evse == evse or not evse]
    if not concerned:
        return
    tx.claim(charger_key(report.charger_id))
    present = stations_store.present(tx, report.charger_id, report.place)
    if present is None or (present["status"], present["reported_at"]) != (
        report.status,
        min(report.reported_at, report.received_at),
    ):
        return  # older than what the charger said before
    for known in concerned:
        put(tx, known, _in_step(tx, known, report, alone=len(concerned) == 1))


def _in_step(tx: Tx, known: Reservation, report: StatusReported, *, alone: bool) -> Reservation:
    if report.status == RESERVED:
        if not report.place.evse:
            return known
        proves = alone and known.state == PENDING and not known.replaced  # else it may be another one that shows
        return attrs.evolve(known, state=ACTIVE if proves else known.state, shown=True)
    if report.status == AVAILABLE:
        if not (known.shown and report.place.evse):
            return known
        if known.expires_at <= tx.now + SKEW_MS and known.state == ACTIVE:
            return attrs.evolve(known, state=EXPIRED, note="the charger ended it")
        return _let_go(known, "the charger made the connector available again")
    if known.state == PENDING:
        return known  # the answer to our question will tell
    return _let_go(known, f"the {'connector' if report.place.evse else 'charger'} became {report.status}")


def _let_go(known: Reservation, why: str) -> Reservation:
    """A reservation that the charger gave up; one that was being cancelled has come to its wanted end."""
    return attrs.evolve(known, state=CANCELLED if known.state == CANCELLING else RELEASED, note=why)


# --- use ------------------------------------------------------------------------------------------------------------------------


def start_seen(tx: Tx, report: StartReported, verdict: TransactionVerdict) -> None:
    """Hear that a transaction started, which is stored already: the reservation that it uses, if it uses one, has ended (1.6 §5.13).

    The charger names it; where it does not, an accepted token uses the reservation that it fits at that place. A start that comes
    late, named, still makes a use of one that we took for ended.
    """
    if report.token is None:
        return
    parent = verdict.token.parent if verdict.token is not None else ""
    known = store.by_id(tx, report.reservation_id) if report.reservation_id else None
    if known is not None and known.charger_id == report.charger_id:
        if known.open and not known.fits(report.token, parent):
            tx.claim(charger_key(report.charger_id))
            put(tx, known, attrs.evolve(known, state=RELEASED, note=f"the charger let token {report.token.value} have it"))
        elif known.state not in (USED, REFUSED) and known.fits(report.token, parent):
            _use(tx, known, verdict.transaction_id)
        return
    if verdict.token is None or not verdict.token.accepted:
        return
    fitting = [
        each
        for each in store.open_of(tx, report.charger_id)
        if each.covers(report.place.evse) and each.fits(report.token, parent) and report.started_at >= each.created_at - SKEW_MS
    ]
    if fitting:
        _use(tx, min(fitting, key=lambda each: (not each.evse, each.id)), verdict.transaction_id)


def _use(tx: Tx, known: Reservation, transaction_id: int) -> None:
    tx.claim(charger_key(known.charger_id))
    put(tx, known, attrs.evolve(known, state=USED, transaction_id=transaction_id, note=""))


# --- boot -----------------------------------------------------------------------------------------------------------------------


def booted(tx: Tx, report: Booted, decision: object = None) -> None:
    """Hear that a charger booted: many forget their reservations then, so each is asked for again, unless its status shows it first."""
    if report.reason in _NO_REBOOT:
        return
    standing = store.open_of(tx, report.charger_id)
    if standing:
        tx.claim(charger_key(report.charger_id))
    for known in standing:
        if known.state == ACTIVE:
            put(tx, known, attrs.evolve(known, state=PENDING, shown=False, ask_at=tx.now + AFTER_BOOT_MS))
        elif known.replaced:
            put(tx, known, attrs.evolve(known, replaced="", shown=False))
