"""The audit log over HTTP."""

from __future__ import annotations

from csms.api.calls import Call
from csms.api.routes import Routes
from csms.core.paging import Stretch

from . import service, store
from .model import AuditQuery, AuditRecord


def routes() -> Routes:
    """Routes of this slice."""
    made = Routes("audit", "Who did what to what, from where, and what changed by it.", tag="Audit log")

    @made.get("/audit", needs="audit:read")
    async def list_(call: Call, query: AuditQuery) -> Stretch[AuditRecord]:
        """Entries of the audit log, the newest first."""
        return await call.read(store.records, query)

    @made.get("/audit/<int:record_id>", needs="audit:read")
    async def show(call: Call, record_id: int) -> AuditRecord:
        """One entry of the audit log."""
        return await call.read(service.need_record, record_id)

    return made
