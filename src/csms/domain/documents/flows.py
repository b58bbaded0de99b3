"""Uploading a document, showing it, and clearing away what is nobody's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

import structlog
import trio

from csms.core.documents import DocumentLink
from csms.core.errors import Invalid, StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports
from csms.domain.tenants import flows as tenants
from csms.domain.tenants import store as tenants_store

from . import service, store
from .kinds import IMAGES, KINDS
from .model import Document, DocumentSettings, NewDocument, Shown
from .service import Received
from .sniffing import Sniffer

CLEAN_UP_LIMIT_S = 30.0
ORPHAN_MS = 3_600_000
"""A file without a row is nobody's after so long: before, its row may just be about to be written."""
SLICE = 500

Keep = Callable[[Received], Awaitable[Document]]
"""Makes a fact of a received document; what ``service.add`` raises."""

log = structlog.get_logger("csms.documents")


async def upload(
    ports: Ports,
    new: NewDocument,
    pieces: AsyncIterator[bytes],
    named: Callable[[], str],
    keep: Keep,
    *,
    expected_bytes: int | None,
) -> Document:
    """Take a document as it comes, find out what it is, and make a fact of it; if anything fails nothing of it is kept.

    ``named`` says its name once it is whole. Raises ``Invalid`` for content that its kind may not have, ``StoreUnavailable``
    where it cannot be stored now, and what ``keep`` raises.
    """
    names: list[str] = []
    sniffer = Sniffer()
    try:
        async with ports.documents.receive(expected_bytes) as incoming:
            async for piece in pieces:
                sniffer.look(piece)
                await incoming.write(piece)
            content_type = _allowed(new.kind, sniffer.kind(named()))
            content = await incoming.keep()
            names.append(content.name)
        picture = None
        if content_type in IMAGES:
            picture = await ports.documents.picture(content)
            names.append(picture.thumbnail.name)
        return await keep(Received(content=content, content_type=content_type, picture=picture))
    except BaseException as error:
        await _forget(ports, names)
        if isinstance(error, OSError):
            log.warning("document.not_stored", problem=str(error))
            raise StoreUnavailable("the document could not be stored; try again") from error
        raise


def _allowed(kind: str, content_type: str) -> str:
    types = KINDS[kind].types
    if content_type not in types:
        raise Invalid(
            f"its content is {content_type or 'none that is taken'}; a document of kind {kind} is {', '.join(types)}", field="kind"
        )
    return content_type


async def _forget(ports: Ports, names: Sequence[str]) -> None:
    """Remove what is nobody's; what cannot be removed now, ``sweep`` finds."""
    if not names:
        return
    with trio.CancelScope(shield=True, deadline=trio.current_time() + CLEAN_UP_LIMIT_S):
        try:
            await ports.documents.remove(*names)
        except OSError as error:
            log.warning("document.left_behind", files=list(names), problem=str(error))


async def forget(ports: Ports, names: Sequence[str]) -> None:
    """Remove the files of documents that were deleted."""
    await _forget(ports, names)


def shown(ports: Ports, settings: DocumentSettings, tenant: TenantId, document: Document, *, root: str) -> Shown:
    """Signed links that show a document; ``root`` is what comes before their token.

    They last for at least ``link_s`` and are the same for a while, so that a browser need not fetch an image again.
    """
    step = settings.link_s * 1000
    expires_at = (ports.clock.now() // step + 2) * step

    def url(thumbnail: bool) -> str:
        link = DocumentLink(tenant=tenant, document_id=document.id, thumbnail=thumbnail, expires_at=expires_at)
        return f"{root}/{ports.documents.link(link)}"

    return Shown(url=url(False), thumbnail_url=url(True) if document.has_thumbnail else None, expires_at=expires_at)


# --- jobs -----------------------------------------------------------------------------------------------------------------------


async def mark_ending(settings: DocumentSettings, ports: Ports) -> int:
    """Tell of documents that expire soon or did, for every tenant; how many."""

    async def work(tenant: TenantId) -> int:
        own = await ports.database.read(tenants_store.settings, tenant=tenant)
        days = settings.expiring_days if own.documents_expiring_days is None else own.documents_expiring_days
        done = 0
        while count := await ports.database.write(partial(service.mark_ending, expiring_days=days), tenant=tenant):
            done += count
        return done

    return await tenants.for_each(ports, work)


async def sweep(ports: Ports) -> int:
    """Remove files that are no document's: a crash came between a file and its row, or between a row's end and its file's."""
    names = await ports.documents.names(before=ports.clock.now() - ORPHAN_MS)
    removed = 0
    for start in range(0, len(names), SLICE):
        some = names[start : start + SLICE]
        known = await ports.database.read(store.known_files, some, tenant=DEFAULT_TENANT)
        orphans = [name for name in some if name not in known]
        await ports.documents.remove(*orphans)
        removed += len(orphans)
    return removed
