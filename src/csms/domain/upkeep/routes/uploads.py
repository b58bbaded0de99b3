"""Diagnostics and logs over HTTP: asked for, followed, and downloaded piece by piece."""

from __future__ import annotations

from functools import partial

import attrs

from csms.api import bulk
from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, CHARGER_LIMIT_S, LIST, Raw, Routes, Streamed
from csms.core.errors import StoreUnavailable
from csms.core.outcomes import Told, facts
from csms.core.paging import Page
from csms.domain.upkeep.flows import uploads as flows
from csms.domain.upkeep.model.settings import FileSettings
from csms.domain.upkeep.model.uploads import LogUpload, LogUploadDetail, LogUploadItem, UploadsQuery, UploadWish, as_shown
from csms.domain.upkeep.service import uploads as service
from csms.domain.upkeep.store import uploads as store

STREAM = "application/octet-stream"


@attrs.frozen(slots=True, kw_only=True)
class UploadTold(Told):
    """What the charger answered, and how the request stands."""

    upload: LogUpload


def routes(settings: FileSettings) -> Routes:
    """Routes of diagnostics and logs."""
    made = Routes("log_uploads", "Diagnostics and security logs of chargers.", tag="Diagnostics")

    async def need(call: Call, upload_id: int) -> LogUploadDetail:
        found = await call.read(service.need_detail, upload_id)
        await call.needs_charger(found.charger_id)
        return found

    @made.get("/log-uploads", needs="upkeep:read", reach=LIST)
    async def list_(call: Call, query: UploadsQuery) -> Page[LogUploadItem]:
        """What chargers were asked for, the newest first, and how much came."""
        return await call.read(store.page_of_uploads, query, call.stations)

    @made.get("/log-uploads/<int:upload_id>", needs="upkeep:read", reach=LIST)
    async def show(call: Call, upload_id: int) -> LogUploadDetail:
        """What a charger was asked for, and the files that came."""
        return await need(call, upload_id)

    @made.get(
        "/log-uploads/<int:upload_id>/files/<int:file_id>/content",
        needs="upkeep:read",
        reach=LIST,
        produces=STREAM,
        errors={409: "this server keeps no files", 416: "the range begins behind the end of the file"},
    )
    async def download(call: Call, upload_id: int, file_id: int) -> Raw | Streamed:
        """A file that a charger sent, or a part of it (`Range`)."""
        await need(call, upload_id)
        file = await call.read(service.need_file, upload_id, file_id)
        try:
            return await bulk.sent(
                call.request,
                partial(call.ports.files.read, file.file),
                size=file.size_bytes,
                content_type=STREAM,
                name=file.file_name or f"upload-{upload_id}-{file_id}",
                sha256=file.sha256,
                inline=False,
            )
        except OSError as error:
            raise StoreUnavailable("the file cannot be read at the moment") from error

    @made.post(
        "/chargers/<path:charger_id>/log-uploads",
        needs="upkeep:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        example={"kind": "diagnostics", "oldest_at": "2030-01-31T00:00:00Z"},
        errors={409: "this server keeps no files, and no location was given"},
    )
    async def ask(call: Call, charger_id: str, body: UploadWish) -> UploadTold:
        """Ask a charger for its diagnostics or its security log. What comes of it is told by the request.

        It is sent here, unless a `location` of somebody else's is given.
        """
        async with call.noting(Subject("charger", charger_id), {"kind": body.kind}) as noted:
            known, outcome = await flows.ask(call.ports, settings, call.tenant, charger_id, body)
            noted.detail |= {"upload_id": known.id, "state": known.state}
        return UploadTold(**facts(outcome), upload=as_shown(known))

    return made
