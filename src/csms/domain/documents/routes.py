"""Documents over HTTP: uploaded and downloaded piece by piece, reviewed, and shown by signed links."""

from __future__ import annotations

from typing import Any

import trio

from csms.api.calls import READ_LIMIT_S, Call, Subject
from csms.api.problems import Problem
from csms.api.routes import FILE, PUBLIC, Reply, Routes
from csms.core.errors import NotFound
from csms.core.paging import Page
from csms.core.ports import ReadTx

from . import flows, service, store
from .desk import Answer, Desk, sent
from .kinds import KINDS, READING, TENANT, WRITING, is_reviewed
from .model import (
    Document,
    DocumentChange,
    DocumentsQuery,
    DocumentToReview,
    KindOfDocument,
    NewDocument,
    Rejection,
    ReviewsQuery,
    Shown,
)

UPLOAD_LIMIT_S = 300.0
STREAM = "application/octet-stream"


def routes(desk: Desk) -> Routes:
    """Routes of this slice."""
    made = Routes("documents", "Files and images: what they are about, whether they were approved, until when they hold.")
    _list(made, desk)
    _one(made, desk)
    _content(made, desk)
    _review(made)
    return made


def _list(made: Routes, desk: Desk) -> None:
    @made.get("/documents", needs="documents:read", reach="list")
    async def list_(call: Call, query: DocumentsQuery) -> Page[Document]:
        """Documents about what one may see.

        Those who may see some stations only say what the documents are to be about (`subject_kind` and `subject_id`).
        """
        await desk.narrow(call, query)
        kinds = frozenset(kind for kind, needs in READING.items() if call.who.may(needs))
        return await call.read(store.documents, query, kinds)

    @made.get("/documents/kinds", needs="documents:read", reach="list")
    async def kinds(call: Call) -> list[KindOfDocument]:
        """The kinds of documents there are, and what each may be about and contain."""
        return [
            KindOfDocument(
                kind=name, about=kind.about, subjects=kind.subjects, content_types=kind.types, reviewed=is_reviewed(name, TENANT)
            )
            for name, kind in KINDS.items()
        ]


def _one(made: Routes, desk: Desk) -> None:
    def subject(document: Document) -> Subject:
        def view(tx: ReadTx) -> Document:
            return service.need_document(tx, document.id)

        return Subject("document", str(document.id), view)

    @made.post(
        "/documents",
        needs="documents:write",
        reach="list",
        status=201,
        tells=Document,
        raw_body=STREAM,
        most_body_bytes=desk.settings.max_bytes,
        limit_s=UPLOAD_LIMIT_S,
        errors={409: "as many as are kept are there already", 413: "it is too large"},
    )
    async def add(call: Call, query: NewDocument) -> Reply:
        """Upload a document.

        Its content is the body, or the file of a form (`multipart/form-data`); what it is stands in the query:
        `curl -T front.png '.../documents?kind=image&subject_kind=station&subject_id=3&name=front.png'`. The type is found out from
        the content; what its kind may not contain is refused.
        """
        needs = WRITING[query.subject_kind]
        if not call.who.may(needs):
            raise Problem(403, "Forbidden", f"a document about a {query.subject_kind} needs the permission {needs}")
        added = await desk.take(call, query)
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/documents/{added.id}"})

    @made.get("/documents/<int:document_id>", needs="documents:read", reach="list")
    async def show(call: Call, document_id: int) -> Document:
        """What is known of a document."""
        return await desk.need(call, document_id)

    @made.patch("/documents/<int:document_id>", needs="documents:write", reach="list", example={"name": "licence-2027.pdf"})
    async def change(call: Call, document_id: int, body: DocumentChange) -> Document:
        """Change a document's name, or until when it holds.

        A tenant's document that was reviewed waits for its review again where it shall hold for another time.
        """
        known = await desk.need(call, document_id, to_write=True)
        return await call.write(service.change, document_id, body, of=subject(known))

    @made.delete("/documents/<int:document_id>", needs="documents:write", reach="list")
    async def remove(call: Call, document_id: int) -> None:
        """Delete a document, and its content with it."""
        known = await desk.need(call, document_id, to_write=True)
        names = await call.write(service.remove, document_id, of=subject(known))
        await flows.forget(call.ports, names)


def _content(made: Routes, desk: Desk) -> None:
    more: dict[str, Any] = {"needs": "documents:read", "reach": "list"}

    @made.get("/documents/<int:document_id>/content", produces=FILE, **more)
    async def download(call: Call, document_id: int) -> Answer:
        """A document's content, or a part of it (`Range`)."""
        await desk.need(call, document_id)
        return await sent(call, await call.read(service.need_content, document_id, False))

    @made.get("/documents/<int:document_id>/thumbnail", produces="image/webp", **more)
    async def thumbnail(call: Call, document_id: int) -> Answer:
        """A small picture of an image."""
        await desk.need(call, document_id)
        return await sent(call, await call.read(service.need_content, document_id, True))

    @made.get("/documents/<int:document_id>/link", **more)
    async def link(call: Call, document_id: int) -> Shown:
        """Links that show a document without a login until they expire, such as for an `<img>`."""
        return desk.shown(call, await desk.need(call, document_id))

    @made.get(
        "/signed-documents/<token>",
        needs=PUBLIC,
        produces=FILE,
        errors={404: "it is no link of ours, has expired, or was deleted"},
    )
    async def signed(call: Call, token: str) -> Answer:
        """What a signed link shows."""
        link = call.ports.documents.read_link(token)
        if link is None or link.expires_at <= call.ports.clock.now():
            raise NotFound("this link is none of ours, or has expired")
        with trio.move_on_after(READ_LIMIT_S):
            async with call.backing.readers:
                content = await call.ports.database.read(service.need_content, link.document_id, link.thumbnail, tenant=link.tenant)
            return await sent(call, content, cache=f"private, max-age={desk.settings.link_s}")
        raise Problem(503, "Service Unavailable", "too many requests read at the moment; try again")


def _review(made: Routes) -> None:
    def subject(document_id: int) -> Subject:
        def view(tx: ReadTx) -> Document:
            return service.need_document(tx, document_id)

        return Subject("document", str(document_id), view)

    @made.get("/documents/reviews", needs="tenant:review")
    async def reviews(call: Call, query: ReviewsQuery) -> Page[DocumentToReview]:
        """The documents of all tenants that wait for a review, the one that waits longest at the front.

        To approve or reject one, name its tenant in the header `X-Tenant`.
        """
        return await call.read(store.to_review, query)

    @made.post("/documents/<int:document_id>/approve", needs="tenant:review", errors={409: "it needs no review, or has expired"})
    async def approve(call: Call, document_id: int) -> Document:
        """Approve a document of a tenant."""
        return await call.write(service.approve, document_id, call.who.name, of=subject(document_id))

    @made.post(
        "/documents/<int:document_id>/reject",
        needs="tenant:review",
        errors={409: "it needs no review"},
        example={"reason": "the second page is missing"},
    )
    async def reject(call: Call, document_id: int, body: Rejection) -> Document:
        """Reject a document of a tenant, saying why."""
        return await call.write(service.reject, document_id, call.who.name, body.reason, of=subject(document_id))
