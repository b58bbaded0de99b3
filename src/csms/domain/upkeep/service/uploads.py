"""Diagnostics and logs: asked for by us, followed by what chargers say, settled by what arrives."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.commands import Outcome
from csms.core.errors import NotFound
from csms.core.files import KeptFile
from csms.core.ids import charger_key
from csms.core.outcomes import obeyed, told
from csms.core.ports import ReadTx, Tx
from csms.core.reports import LogStatusReported, Noted
from csms.domain.stations import service as stations
from csms.domain.stations.model import clean
from csms.domain.upkeep.model.settings import FileSettings
from csms.domain.upkeep.model.uploads import (
    ACCEPTED,
    CANCELLED,
    FAILED,
    FILE_NAMES,
    MOST_VERSIONS,
    OPEN_UPLOAD_STATES,
    SENDING,
    STATE_OF,
    UNAVAILABLE,
    UNKNOWN,
    UPLOADED,
    LogFile,
    LogFileItem,
    LogUpload,
    LogUploadChanged,
    LogUploadDetail,
    as_shown,
)
from csms.domain.upkeep.store import uploads as store

LATE_MS = 86_400_000
"""How long after its end a request is still the one that a charger means that names none."""
ARRIVAL_MS = 300_000
"""How long a file may take that the charger says is there and is not."""
SLICE = 20
DAY_MS = 86_400_000


def need_upload(tx: ReadTx, upload_id: int) -> LogUpload:
    """A request. Raises ``NotFound``."""
    found = store.upload(tx, upload_id)
    if found is None:
        raise NotFound(f"there is no upload {upload_id}")
    return found


def need_detail(tx: ReadTx, upload_id: int) -> LogUploadDetail:
    """A request with the files that came for it. Raises ``NotFound``."""
    facts = attrs.asdict(as_shown(need_upload(tx, upload_id)))
    return LogUploadDetail(**facts, files=[_item(each) for each in store.files_of(tx, upload_id)])


def _item(file: LogFile) -> LogFileItem:
    return LogFileItem(**{name: getattr(file, name) for name in FILE_NAMES})


def need_file(tx: ReadTx, upload_id: int, file_id: int) -> LogFile:
    """A file that came for a request. Raises ``NotFound``."""
    found = store.file_of(tx, upload_id, file_id)
    if found is None:
        raise NotFound(f"upload {upload_id} has no file {file_id}")
    return found


# --- what we ask ----------------------------------------------------------------------------------------------------------------


def begin(tx: Tx, new: LogUpload, settings: FileSettings) -> LogUpload:
    """A request that is about to be made, and the slot for its file. Raises ``NotFound``."""
    tx.claim(charger_key(new.charger_id))
    stations.need_charger(tx, new.charger_id)
    deadline_at = tx.now + settings.upload_limit_s * 1000
    upload_id = store.UPLOADS.insert(tx, attrs.evolve(new, created_at=tx.now, updated_at=tx.now, deadline_at=deadline_at))
    assert upload_id is not None
    if not new.request_id:
        store.own_request_id(tx, upload_id)
    upload = need_upload(tx, upload_id)
    _tell(tx, upload, "")
    return upload


def asked_otherwise(tx: Tx, upload_id: int, asked_by: str) -> None:
    """The charger knew no such command; another one asks for the same."""
    put(tx, _claimed(tx, upload_id), asked_by=asked_by)


def answered(tx: Tx, upload_id: int, outcome: Outcome) -> LogUpload:
    """Note what became of asking; ``file_name`` is what the charger said it would send."""
    known = _claimed(tx, upload_id)
    file_name = clean(str(getattr(outcome, "detail", {}).get("file_name") or ""), 255)
    if known.state != SENDING:
        return put(tx, known, file_name=known.file_name or file_name)  # it has begun meanwhile
    will = obeyed(outcome)
    if will is None:
        return put(tx, known, note=f"{told(outcome)}: the charger may have heard it")
    if will:
        return put(tx, known, state=ACCEPTED, file_name=file_name, note="")
    state = UNAVAILABLE if getattr(outcome, "status", "") == "NotAvailable" else FAILED
    return put(tx, known, state=state, note=told(outcome))


# --- what the charger says and does ---------------------------------------------------------------------------------------------


def log_status(tx: Tx, report: LogStatusReported, settings: FileSettings) -> Noted:
    """DiagnosticsStatusNotification (1.6 §4.4), which names no request, and LogStatusNotification (security whitepaper N01).

    A file that is here is worth more than what is said of it: without one, "uploaded" to our own server is only believed for a
    while, and with one nothing has failed.
    """
    tx.claim(charger_key(report.charger_id))
    known = _meant(tx, report)
    if known is None:
        return Noted()
    status = clean(report.status, 50)
    state = STATE_OF.get(status, known.state)
    if known.state in (UPLOADED, CANCELLED):
        state = known.state
    if state == UPLOADED and known.state != UPLOADED and not known.location:
        soon = tx.now + ARRIVAL_MS
        put(
            tx,
            known,
            state=known.state if known.open else ACCEPTED,
            status=status,
            deadline_at=min(known.deadline_at or soon, soon),
        )
        return Noted()
    put(tx, known, state=state, status=status, deadline_at=known.deadline_at or tx.now + settings.upload_limit_s * 1000)
    return Noted()


def _meant(tx: Tx, report: LogStatusReported) -> LogUpload | None:
    if report.request_id:
        named = store.by_request(tx, report.charger_id, report.request_id)
        if named is not None:
            return named
    if (under_way := store.newest_open(tx, report.charger_id)) is not None:
        return under_way
    last = store.newest(tx, report.charger_id)
    return last if last is not None and last.closed_at is not None and tx.now - last.closed_at < LATE_MS else None


def received(tx: Tx, upload_id: int, kept: KeptFile, file_name: str, address: str) -> list[str]:
    """A file arrived for a request, and so it is uploaded, whatever was said. The files that nobody needs any more.

    The same content again changes nothing; another is a new version, and the oldest of too many goes. Raises ``NotFound``.
    """
    known = _claimed(tx, upload_id)
    before = store.files_of(tx, upload_id)
    if before and before[-1].sha256 == kept.sha256:
        put(tx, known, state=UPLOADED)
        return [kept.name]
    store.insert_file(
        tx,
        LogFile(
            upload_id=upload_id,
            file=kept.name,
            file_name=clean(file_name, 255) or known.file_name or f"{known.charger_id}-{known.kind}-{upload_id}",
            size_bytes=kept.size_bytes,
            sha256=kept.sha256,
            address=clean(address, 100),
            received_at=tx.now,
        ),
    )
    surplus = before[: max(0, len(before) + 1 - MOST_VERSIONS)]
    for old in surplus:
        store.delete_file(tx, old.id)
    put(tx, known, state=UPLOADED, note="", told_anew=True)
    return [old.file for old in surplus]


# --- what the clock says --------------------------------------------------------------------------------------------------------


def close_overdue(tx: Tx) -> int:
    """End requests for which nothing came in time; how many. Job: run until it says 0."""
    due = store.overdue(tx, SLICE)
    tx.claim(*sorted({charger_key(known.charger_id) for known in due}))
    for known in due:
        if known.status == "Uploaded":
            put(tx, known, state=FAILED, note="the charger says that it was uploaded, but nothing arrived here")
        else:
            put(tx, known, state=UNKNOWN, note=known.note or "nothing came in time")
    return len(due)


def forget_old(tx: Tx, days: int) -> tuple[int, list[str]]:
    """Forget what was over so many days ago, a few requests at a time: how many, and the files that are to be removed now."""
    tx.claim(f"log-uploads:{tx.tenant}")
    return store.forget_old(tx, tx.now - days * DAY_MS, SLICE)


# --- one place where requests change --------------------------------------------------------------------------------------------


def put(tx: Tx, known: LogUpload, *, told_anew: bool = False, **changes: Any) -> LogUpload:
    """Store what changes of a request, and tell of a new state, or ``told_anew`` of a new file."""
    changed = attrs.evolve(known, **changes, updated_at=tx.now)
    if changed.state in OPEN_UPLOAD_STATES:
        changed = attrs.evolve(changed, closed_at=None)
    else:
        changed = attrs.evolve(changed, closed_at=known.closed_at or tx.now, deadline_at=None)
    store.UPLOADS.save(tx, known, changed)
    if told_anew or changed.state != known.state:
        _tell(tx, changed, known.state)
    return changed


def _tell(tx: Tx, upload: LogUpload, previous_state: str) -> None:
    files = store.files_of(tx, upload.id)
    tx.emit(
        LogUploadChanged(
            upload_id=upload.id,
            charger_id=upload.charger_id,
            kind=upload.kind,
            state=upload.state,
            previous_state=previous_state,
            status=upload.status,
            file_id=files[-1].id if files else None,
            note=upload.note,
        )
    )


def _claimed(tx: Tx, upload_id: int) -> LogUpload:
    known = need_upload(tx, upload_id)
    tx.claim(charger_key(known.charger_id))
    return known
