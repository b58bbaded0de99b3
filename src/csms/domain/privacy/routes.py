"""A driver's privacy over HTTP: everything that is held of them, and forgetting it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

from csms.api.calls import Call, Subject
from csms.api.routes import Routes, Streamed

from . import service
from .model import Erasure, ExportQuery

EXPORT_LIMIT_S = 600.0

Export = Callable[[Call, int, str], Awaitable[tuple[str, str, AsyncGenerator[bytes, None]]]]
"""``export(call, driver_id, format)``: file name, content type and the content, piece by piece. Raises ``NotFound``."""
Erase = Callable[[Call, int, Subject], Awaitable[Erasure]]
"""``erase(call, driver_id, subject)``. Raises ``NotFound``, or ``Refused`` while the driver charges."""


def routes(export: Export, erase: Erase) -> Routes:
    """Routes of this slice; what they do reaches over all slices and is given."""
    made = Routes("privacy", "What the installation holds of a driver, and how it forgets them.", tag="Privacy")

    @made.post(
        "/drivers/<int:driver_id>/privacy/export",
        needs="drivers:privacy",
        produces="application/zip",
        also=("application/json",),
        limit_s=EXPORT_LIMIT_S,
        name="export",
    )
    async def export_(call: Call, driver_id: int, query: ExportQuery) -> Streamed:
        """Everything that is held of a driver.

        A ZIP file with `data.json` (the driver, vehicles, tokens, transactions, reservations, tickets with their messages, documents,
        the account), the meter readings as CSV, and the driver's documents; with `format=json` the first alone.
        """
        name, content_type, pieces = await export(call, driver_id, query.format or "zip")
        await call.note(Subject("driver", str(driver_id)), {"format": query.format or "zip"})
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Streamed(pieces=pieces, content_type=content_type, headers=headers, limit_s=EXPORT_LIMIT_S)

    @made.post(
        "/drivers/<int:driver_id>/privacy/erase",
        needs="drivers:privacy",
        limit_s=EXPORT_LIMIT_S,
        errors={409: "the driver charges, or has a reservation"},
        name="erase",
    )
    async def erase_(call: Call, driver_id: int) -> Erasure:
        """Erase a driver's personal data, for good.

        Name, e-mail address, telephone number, vehicles and tokens give way to pseudonyms; tickets' texts, documents and the account go.
        Transactions stay, for the money has to be accounted for, and lead to a driver without a name. Logs are masked in the background:
        `GET .../privacy/erasure` says when that is done. Asking again changes nothing.
        """
        return await erase(call, driver_id, Subject("driver", str(driver_id)))

    @made.get("/drivers/<int:driver_id>/privacy/erasure", needs="drivers:privacy")
    async def erasure(call: Call, driver_id: int) -> Erasure:
        """How far a driver's erasure is."""
        return await call.read(service.need_erasure, driver_id)

    return made
