"""Takes documents in and hands them out, for this slice's routes and those of slices that have documents of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio

from csms.api import bulk
from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import Raw, Streamed
from csms.core.errors import StoreUnavailable
from csms.core.ports import ReadTx

from . import flows, service
from .kinds import INLINE, READING, TENANT, WRITING
from .model import Content, Document, DocumentSettings, DocumentsQuery, NewDocument, Shown
from .service import Received, Where

WAIT_FOR_A_PLACE_S = 10.0
EACH = 3
"""Uploads at a time of one user or key."""
SIGNED = "/api/v1/signed-documents"

Answer = Raw | Streamed
"""A document as an answer: whole, or a part of it."""


class Desk:
    """Where requests with documents go: it knows the limits, and ``where`` what documents are about is."""

    def __init__(self, settings: DocumentSettings, where: Where) -> None:
        self.settings = settings
        self.where = where
        self._places = trio.Semaphore(settings.max_uploads)
        self._uploading: Counter[str] = Counter()

    async def take(self, call: Call, new: NewDocument, *, driver_id: int | None = None) -> Document:
        """The body of the present request as a new document. Raises ``Problem``, ``Invalid``, ``Refused`` or ``NotFound``."""
        subject = new.subject_id if new.subject_kind != TENANT else str(call.tenant)
        new = attrs.evolve(new, subject_id=subject)
        upload = bulk.Upload(call.request, self.settings.max_bytes)
        expected = upload.length

        def check(tx: ReadTx) -> int | None:
            station_id = self.where(tx, new.subject_kind, new.subject_id)
            service.check_new(tx, self.settings, new, expected or 0)
            return station_id

        station_id = await call.read(check)
        if driver_id is None:
            call.needs_station(station_id)

        async def keep(received: Received) -> Document:
            named = attrs.evolve(new, name=new.name or _fitting(upload.name))
            verb = partial(service.add, by=call.who.name, driver_id=driver_id)
            detail = {"kind": new.kind, "name": named.name, "sha256": received.content.sha256}
            of = Subject(new.subject_kind, new.subject_id)
            return await call.write(verb, self.settings, named, received, of=of, detail=detail)

        async with self._place(call.who.identity):
            return await flows.upload(
                call.ports, new, upload.pieces(), lambda: new.name or upload.name, keep, expected_bytes=expected
            )

    @asynccontextmanager
    async def _place(self, who: str) -> AsyncIterator[None]:
        """A place among the uploads; nobody takes them all. Raises ``Problem``."""
        if self._uploading[who] >= EACH:
            raise Problem(429, "Too Many Requests", f"at most {EACH} uploads at a time")
        self._uploading[who] += 1
        try:
            with trio.move_on_after(WAIT_FOR_A_PLACE_S) as waited:
                await self._places.acquire()
            if waited.cancelled_caught:
                raise Problem(503, "Service Unavailable", "too many uploads at the moment; try again")
            try:
                yield
            finally:
                self._places.release()
        finally:
            self._uploading[who] -= 1
            if not self._uploading[who]:
                del self._uploading[who]

    async def narrow(self, call: Call, query: DocumentsQuery) -> None:
        """Keep a list to what those may see who may see some stations only. Raises ``Problem`` 403, or ``NotFound``."""
        if call.stations is None:
            return
        if query.subject_kind is None or query.subject_id is None:
            raise Problem(403, "Forbidden", "say what the documents are to be about: subject_kind and subject_id")
        call.needs_station(await call.read(self.where, query.subject_kind, query.subject_id))

    def may_see(self, call: Call, document: Document, *, to_write: bool = False) -> None:
        """Whether the caller's permissions reach what a document is about. Raises ``Problem`` 403."""
        needs = (WRITING if to_write else READING)[document.subject_kind]
        if not call.who.may(needs):
            raise Problem(403, "Forbidden", f"a document about a {document.subject_kind} needs the permission {needs}")

    async def need(self, call: Call, document_id: int, *, to_write: bool = False) -> Document:
        """A document that the caller may see, or change. Raises ``NotFound`` or ``Problem`` 403."""

        def query(tx: ReadTx) -> tuple[Document, int | None]:
            found = service.need_document(tx, document_id)
            return found, None if call.stations is None else self.where(tx, found.subject_kind, found.subject_id)

        found, station_id = await call.read(query)
        call.needs_station(station_id)
        self.may_see(call, found, to_write=to_write)
        return found

    def shown(self, call: Call, document: Document) -> Shown:
        """Signed links to a document."""
        return flows.shown(call.ports, self.settings, call.tenant, document, root=SIGNED)


def _fitting(name: str) -> str:
    """A name out of a form, as far as it can be one."""
    return "".join(each for each in name if each.isprintable()).strip()[-200:].strip()


async def sent(call: Call, content: Content, *, cache: str = "private, no-cache") -> Answer:
    """A document's content as an answer. Raises ``StoreUnavailable`` when it cannot be read now."""
    try:
        return await bulk.sent(
            call.request,
            partial(call.ports.documents.read, content.file),
            size=content.size_bytes,
            content_type=f"{content.content_type}; charset=utf-8"
            if content.content_type.startswith("text/")
            else content.content_type,
            name=content.name,
            sha256=content.sha256,
            inline=content.content_type in INLINE,
            cache=cache,
        )
    except OSError as error:
        raise StoreUnavailable("the document cannot be read at the moment") from error
