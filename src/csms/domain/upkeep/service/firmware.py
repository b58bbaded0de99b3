"""Firmware updates: begun by us, moved on by what chargers say and do, ended by a word or by the clock."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.commands import Outcome
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import charger_key
from csms.core.outcomes import obeyed, told
from csms.core.ports import ReadTx, Tx
from csms.core.reports import Booted, FirmwareStatusReported, Noted
from csms.core.units import LATEST_PLAUSIBLE_AT, iso
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store
from csms.domain.stations.model import clean
from csms.domain.upkeep.model.firmware import (
    ACCEPTED,
    CANCELLED,
    DOWNLOADED,
    DOWNLOADING,
    FAILED,
    IDLE,
    INSTALLED,
    INSTALLING,
    OPEN_UPDATE_STATES,
    SENDING,
    STATE_OF,
    UNKNOWN,
    FirmwareUpdate,
    FirmwareUpdateChanged,
    UpdateWish,
    as_shown,
    image_key,
    same_version,
)
from csms.domain.upkeep.model.settings import FileSettings
from csms.domain.upkeep.store import firmware as store

from .images import need_image

LATE_MS = 86_400_000
"""How long after its end an update is still the one that a charger means that names none."""
DOUBT_MS = 600_000
"""A charger that seems to have stopped half-way has so long to show that it has not."""
ANSWER_MS = 60_000
"""How long a silent charger has to say how it goes."""


def need_update(tx: ReadTx, update_id: int) -> FirmwareUpdate:
    """An update. Raises ``NotFound``."""
    found = store.update(tx, update_id)
    if found is None:
        raise NotFound(f"there is no firmware update {update_id}")
    return found


def need_shown(tx: ReadTx, update_id: int) -> FirmwareUpdate:
    """An update, as it may be shown. Raises ``NotFound``."""
    return as_shown(need_update(tx, update_id))


# --- what we ask ----------------------------------------------------------------------------------------------------------------


def check_time(at: int | None, field: str) -> None:
    """A time at which something may be wanted of a charger. Raises ``Invalid`` for one that no clock will show."""
    if at is not None and at > LATEST_PLAUSIBLE_AT:
        raise Invalid(f"{iso(at)} is too far away: {iso(LATEST_PLAUSIBLE_AT)} is the latest", field=field)


def begin(
    tx: Tx, charger_id: str, image_id: int, wish: UpdateWish, settings: FileSettings, campaign_id: int | None = None
) -> FirmwareUpdate:
    """An update that is about to be asked for. Raises ``NotFound``, ``Invalid``; ``Refused`` for an image that is not for this charger."""
    check_time(wish.retrieve_at, "retrieve_at")
    check_time(wish.install_at, "install_at")
    # the image must not be removed between our looking at it and our using it
    tx.claim(charger_key(charger_id), image_key(tx.tenant))
    image = need_image(tx, image_id)
    facts = stations.need_charger(tx, charger_id).facts
    if not wish.force:
        if not image.fits(facts.vendor, facts.model):
            whose = f"{facts.vendor} {facts.model}".strip() or "unknown (it never booted here)"
            raise Refused(f"image {image_id} is for {image.vendor} {image.model or '(every model)'}; {charger_id} is {whose}")
        if same_version(facts.firmware, image.version):
            raise Refused(f"{charger_id} has firmware {facts.firmware} already")
    return _inserted(
        tx,
        FirmwareUpdate(
            charger_id=charger_id,
            image_id=image_id,
            campaign_id=campaign_id,
            version=image.version,
            previous_version=facts.firmware,
            location=image.location,
            signed=image.signed and wish.signed,
            retrieve_at=max(wish.retrieve_at or 0, tx.now),
            install_at=wish.install_at,
            retries=wish.retries,
            retry_interval_s=wish.retry_interval_s,
        ),
        settings,
    )


def begin_elsewhere(tx: Tx, new: FirmwareUpdate, settings: FileSettings) -> FirmwareUpdate:
    """An update from a location of somebody else's, as an operator put it. Raises ``NotFound`` or ``Invalid``."""
    check_time(new.retrieve_at, "retrieve_at")
    check_time(new.install_at, "install_at")
    tx.claim(charger_key(new.charger_id))
    firmware = stations.need_charger(tx, new.charger_id).facts.firmware
    return _inserted(tx, attrs.evolve(new, previous_version=firmware), settings)


def _inserted(tx: Tx, new: FirmwareUpdate, settings: FileSettings) -> FirmwareUpdate:
    new = attrs.evolve(new, created_at=tx.now, updated_at=tx.now, deadline_at=_deadline(tx, new, settings))
    update_id = store.UPDATES.insert(tx, new)
    assert update_id is not None
    if not new.request_id:
        store.own_request_id(tx, update_id)
    update = need_update(tx, update_id)
    _tell(tx, update, "")
    return update


def answered(tx: Tx, update_id: int, outcome: Outcome) -> FirmwareUpdate:
    """Note what became of asking. A lost answer leaves it open: the charger may be at it."""
    known = _claimed(tx, update_id)
    if known.state != SENDING:
        return known  # the charger has spoken of it meanwhile
    will = obeyed(outcome)
    if will is None:
        return put(tx, known, note=f"{told(outcome)}: the charger may have heard it")
    if not will:
        return put(tx, known, state=FAILED, note=told(outcome))
    for other in store.all_open(tx, known.charger_id):
        if other.id != known.id:
            put(tx, other, state=CANCELLED, note=f"update {known.id} took its place")
    return put(tx, known, state=ACCEPTED, note="")


def give_up(tx: Tx, update_id: int, note: str) -> None:
    """An update that was never answered, and nothing was heard of: it does not count any more."""
    known = _claimed(tx, update_id)
    if known.state == SENDING:
        put(tx, known, state=UNKNOWN, note=note)


# --- what the charger says and does ---------------------------------------------------------------------------------------------


def firmware_status(tx: Tx, report: FirmwareStatusReported, settings: FileSettings) -> Noted:
    """FirmwareStatusNotification and its signed kin (1.6 §4.5; security whitepaper L01).

    1.6's own names no update: it is the one under way, else the one that was under way last. A charger may try again what it said
    had failed, so a failure is not the last word, but an installation is.
    """
    tx.claim(charger_key(report.charger_id))
    known = _meant(tx, report)
    if known is None or known.state == INSTALLED:
        return Noted()
    status = clean(report.status, 50)
    if status == IDLE:
        if known.state in (DOWNLOADING, DOWNLOADED, INSTALLING):
            _stopped(tx, known, "the charger says that it is doing nothing of the kind")
        return Noted()
    state = STATE_OF.get(status, known.state)
    if known.state == CANCELLED and state != INSTALLED:
        return Noted()
    deadline_at = known.deadline_at or _deadline(tx, known, settings)
    put(tx, known, state=state, status=status, note="" if state != FAILED else known.note, deadline_at=deadline_at)
    return Noted()


def _meant(tx: Tx, report: FirmwareStatusReported) -> FirmwareUpdate | None:
    if report.request_id:
        named = store.by_request(tx, report.charger_id, report.request_id)
        if named is not None:
            return named
    if (under_way := store.newest_open(tx, report.charger_id)) is not None:
        return under_way
    last = store.newest(tx, report.charger_id)
    return last if last is not None and last.closed_at is not None and tx.now - last.closed_at < LATE_MS else None


def booted(tx: Tx, report: Booted) -> None:
    """BootNotification: the version that a charger runs says how its update ended, whatever else it says."""
    tx.claim(charger_key(report.charger_id))
    known = store.newest(tx, report.charger_id)
    if known is None or not (known.open or known.state == UNKNOWN) or not report.firmware or not known.version:
        return
    firmware = clean(report.firmware, 255)
    if same_version(firmware, known.version):
        if known.state == INSTALLING or not same_version(known.previous_version, known.version):
            put(tx, known, state=INSTALLED, note="it booted with it")
    elif known.state == INSTALLING:
        again = "again" if same_version(firmware, known.previous_version) else f"where {known.version} was expected"
        _stopped(tx, known, f"it booted with {firmware} {again}")


def _stopped(tx: Tx, known: FirmwareUpdate, note: str) -> None:
    """It seems to have stopped half-way: unless there is news soon, it did."""
    put(tx, known, note=note, deadline_at=min(known.deadline_at or tx.now + DOUBT_MS, tx.now + DOUBT_MS))


def fetch_began(tx: Tx, update_id: int) -> None:
    """Our file server was asked for the image: the charger heard us, whatever became of its answer."""
    known = _claimed(tx, update_id)
    if known.state in (SENDING, ACCEPTED):
        put(tx, known, state=DOWNLOADING, fetch_began_at=tx.now)
    elif known.fetch_began_at is None:
        put(tx, known, fetch_began_at=tx.now)


def fetched(tx: Tx, update_id: int) -> None:
    """The last byte of the image went out."""
    put(tx, _claimed(tx, update_id), fetched_at=tx.now)


# --- what the clock says --------------------------------------------------------------------------------------------------------


def chase(tx: Tx, update_id: int, connected: bool) -> bool:
    """An update is overdue: True where its charger is to be asked how it goes; else it is over, and how is judged by what is known."""
    known = _claimed(tx, update_id)
    if not known.open or known.deadline_at is None or known.deadline_at > tx.now:
        return False
    if connected and known.asked_again_at is None:
        put(tx, known, asked_again_at=tx.now, deadline_at=tx.now + ANSWER_MS)
        return True
    charger = stations_store.charger(tx, known.charger_id)
    facts = None if charger is None else charger.facts
    runs = "" if facts is None else facts.firmware
    rebooted = facts is not None and facts.booted_at is not None and facts.booted_at > known.created_at
    if same_version(runs, known.version) and not same_version(known.previous_version, known.version):
        put(tx, known, state=INSTALLED, note="it runs it")
    elif known.state == INSTALLING and rebooted and same_version(runs, known.previous_version):
        put(tx, known, state=FAILED, note=f"it runs {runs} again")
    else:
        put(tx, known, state=UNKNOWN, note=known.note or "nothing more was heard of it in time")
    return False


# --- one place where updates change ---------------------------------------------------------------------------------------------


def put(tx: Tx, known: FirmwareUpdate, **changes: Any) -> FirmwareUpdate:
    """Store what changes of an update, and tell of a new state."""
    changed = attrs.evolve(known, **changes, updated_at=tx.now)
    if changed.state in OPEN_UPDATE_STATES:
        changed = attrs.evolve(changed, closed_at=None)
    else:
        changed = attrs.evolve(changed, closed_at=known.closed_at or tx.now, deadline_at=None)
    store.UPDATES.save(tx, known, changed)
    if changed.state != known.state:
        _tell(tx, changed, known.state)
    return changed


def _tell(tx: Tx, update: FirmwareUpdate, previous_state: str) -> None:
    tx.emit(
        FirmwareUpdateChanged(
            update_id=update.id,
            charger_id=update.charger_id,
            campaign_id=update.campaign_id,
            state=update.state,
            previous_state=previous_state,
            status=update.status,
            version=update.version,
            previous_version=update.previous_version,
            note=update.note,
        )
    )


def _claimed(tx: Tx, update_id: int) -> FirmwareUpdate:
    known = need_update(tx, update_id)
    tx.claim(charger_key(known.charger_id))
    return known


def _deadline(tx: Tx, update: FirmwareUpdate, settings: FileSettings) -> int:
    return max(tx.now, update.retrieve_at, update.install_at or 0) + settings.firmware_limit_s * 1000
