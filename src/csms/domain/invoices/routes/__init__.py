"""Invoices over HTTP: for staff, for drivers, settlements with partners, and what the tax office wants to know."""

from __future__ import annotations

from csms.api.routes import Routes
from csms.domain.documents.model import DocumentSettings

from . import invoices, me, recipients, reports, settlements


def invoices_routes(documents: DocumentSettings) -> list[Routes]:
    """Routes of this slice."""
    return [invoices.routes(documents), recipients.routes(), me.routes(), settlements.routes(), reports.routes()]
