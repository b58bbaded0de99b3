"""Diagnostics and logs: asked for in whichever way the charger knows, received, and forgotten in time."""

from __future__ import annotations

import attrs

from csms.core.commands import Command, GetDiagnostics, GetLog, Outcome
from csms.core.errors import Refused
from csms.core.files import KeptFile, Link
from csms.core.ids import TenantId, charger_key
from csms.core.outcomes import cannot
from csms.core.ports import Ports
from csms.domain.upkeep.model.settings import FileSettings
from csms.domain.upkeep.model.uploads import DIAGNOSTICS, SECURITY, LogUpload, UploadWish
from csms.domain.upkeep.service import uploads as service
from csms.domain.upkeep.service.images import check_location
from csms.domain.upkeep.store import uploads as store

SEND = "send"
GRACE_MS = 3_600_000
"""A link is good for so much longer than the wait for the file."""
ORPHAN_MS = 86_400_000
"""A file that nobody's row knows is left alone for so long: its row may be on its way."""
SLICE = 200

KIND_OF = {"DiagnosticsLog": DIAGNOSTICS, "SecurityLog": SECURITY}
_LOG_OF = {kind: log for log, kind in KIND_OF.items()}


async def ask(
    ports: Ports, settings: FileSettings, tenant: TenantId, charger_id: str, wish: UploadWish
) -> tuple[LogUpload, Outcome]:
    """Ask a charger for diagnostics or its security log (1.6 §5.9; security whitepaper N01): the request, and what it answered.

    Diagnostics are asked for by GetDiagnostics, and by GetLog where the charger does not know that. What comes is told by
    ``log_upload_changed``. Raises ``NotFound``, ``Invalid`` or ``Refused``; the charger is not asked then.
    """
    if wish.location:
        check_location(wish.location)
    else:
        ports.files.link(Link(purpose=SEND, tenant=tenant, number=0, expires_at=0))  # refused here, nothing was begun yet
    if wish.oldest_at is not None and wish.latest_at is not None and wish.oldest_at > wish.latest_at:
        raise Refused("the time to begin with is after the one to end with")
    ways = _ways(ports.chargers.can_say(charger_id), wish.kind)
    new = LogUpload(
        charger_id=charger_id,
        kind=wish.kind,
        asked_by=ways[0].__name__,
        location=wish.location,
        oldest_at=wish.oldest_at,
        latest_at=wish.latest_at,
        retries=wish.retries,
        retry_interval_s=wish.retry_interval_s,
    )
    keys = (charger_key(charger_id),)
    begun = await ports.database.write(service.begin, new, settings, tenant=tenant, keys=keys)
    location = begun.location or ports.files.link(
        Link(purpose=SEND, tenant=tenant, number=begun.id, expires_at=(begun.deadline_at or begun.created_at) + GRACE_MS)
    )
    outcome = await ports.chargers.send(charger_id, _command(ways[0], begun, location))
    for other in ways[1:]:
        if not cannot(outcome):
            break
        await ports.database.write(service.asked_otherwise, begun.id, other.__name__, tenant=tenant, keys=keys)
        outcome = await ports.chargers.send(charger_id, _command(other, begun, location))
    return await ports.database.write(service.answered, begun.id, outcome, tenant=tenant, keys=keys), outcome


def _ways(can_say: frozenset[str], kind: str) -> list[type[Command]]:
    """The commands that ask for a kind of log, the preferred one first; never none, so that there is an outcome."""
    ways: list[type[Command]] = [GetLog] if kind == SECURITY else [GetDiagnostics, GetLog]
    return [way for way in ways if way.__name__ in can_say] or ways[:1]


def _command(way: type[Command], upload: LogUpload, location: str) -> Command:
    window = {
        "oldest_at": upload.oldest_at,
        "latest_at": upload.latest_at,
        "retries": upload.retries,
        "retry_interval_s": upload.retry_interval_s,
    }
    if way is GetDiagnostics:
        return GetDiagnostics(location=location, **window)
    return GetLog(kind=_LOG_OF[upload.kind], request_id=upload.request_id, location=location, **window)


async def send_as_given(
    ports: Ports, settings: FileSettings, tenant: TenantId, charger_id: str, given: GetDiagnostics | GetLog
) -> tuple[LogUpload, Outcome]:
    """Send an operator's own command, kept track of like any other request. Raises ``NotFound``."""
    new = LogUpload(
        charger_id=charger_id,
        kind=KIND_OF[given.kind] if isinstance(given, GetLog) else DIAGNOSTICS,
        asked_by=type(given).__name__,
        request_id=given.request_id if isinstance(given, GetLog) else 0,
        location=given.location,
        oldest_at=given.oldest_at,
        latest_at=given.latest_at,
        retries=given.retries,
        retry_interval_s=given.retry_interval_s,
    )
    keys = (charger_key(charger_id),)
    begun = await ports.database.write(service.begin, new, settings, tenant=tenant, keys=keys)
    if isinstance(given, GetLog):
        given = attrs.evolve(given, request_id=begun.request_id)
    outcome = await ports.chargers.send(charger_id, given)
    return await ports.database.write(service.answered, begun.id, outcome, tenant=tenant, keys=keys), outcome


async def received(ports: Ports, tenant: TenantId, upload: LogUpload, kept: KeptFile, file_name: str, address: str) -> None:
    """A file is on disk: note whose it is, and remove what it replaces. Raises ``StoreUnavailable`` or ``NotFound``."""
    keys = (charger_key(upload.charger_id),)
    surplus = await ports.database.write(service.received, upload.id, kept, file_name, address, tenant=tenant, keys=keys)
    if surplus:
        await ports.files.remove(*surplus)


# --- what the clock says --------------------------------------------------------------------------------------------------------


async def forget_old(settings: FileSettings, ports: Ports, tenant: TenantId) -> int:
    """Forget requests that were over long ago, and their files; how many. Job."""
    done = 0
    while settings.uploads_days:
        keys = (f"log-uploads:{tenant}",)
        count, names = await ports.database.write(service.forget_old, settings.uploads_days, tenant=tenant, keys=keys)
        if not count:
            break
        await ports.files.remove(*names)
        done += count
    return done


async def sweep(ports: Ports, tenant: TenantId) -> int:
    """Remove files that nobody's row knows: a crash came between a file and its row, or between a row's end and its file's. Job."""
    names = await ports.files.names(before=ports.clock.now() - ORPHAN_MS)
    removed = 0
    for start in range(0, len(names), SLICE):
        some = names[start : start + SLICE]
        known = await ports.database.read(store.known_files, some, tenant=tenant)
        orphans = [name for name in some if name not in known]
        await ports.files.remove(*orphans)
        removed += len(orphans)
    return removed
