"""QR codes over HTTP: pictures for one connector, a sheet to print, and what a driver's start page asks for."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, LIST, PUBLIC, Raw, Routes
from csms.core.ids import Place
from csms.domain.stations import flows, qr, service, sheet, store
from csms.domain.stations.model import ConnectorDetail, SheetQuery, StartPlace


def routes(start_url: str) -> Routes:
    """Routes of QR codes. ``start_url`` is where they lead, with ``{code}`` in it."""
    made = Routes("qr", "QR codes that lead drivers to the start page of a connector.", tag="QR codes")

    async def address(call: Call, charger_id: str, place: str) -> str:
        connector = await flows.with_code(call.ports, call.tenant, charger_id, service.place_of(place))
        return qr.target(start_url, connector.qr_code)

    @made.get(
        "/chargers/<path:charger_id>/connectors/<place>/qr.svg", needs="chargers:read", reach=CHARGER, produces="image/svg+xml"
    )
    async def svg(call: Call, charger_id: str, place: str) -> Raw:
        """The QR code of a connector, which prints sharp at any size.

        It stays the same until it is renewed. A connector is there once its charger was connected, or `POST /chargers/ID/connectors`
        described it.
        """
        return Raw(body=qr.svg(await address(call, charger_id, place)), content_type="image/svg+xml")

    @made.get("/chargers/<path:charger_id>/connectors/<place>/qr.png", needs="chargers:read", reach=CHARGER, produces="image/png")
    async def png(call: Call, charger_id: str, place: str) -> Raw:
        """The QR code of a connector, for screens."""
        return Raw(body=qr.png(await address(call, charger_id, place)), content_type="image/png")

    @made.post("/chargers/<path:charger_id>/connectors/<place>/qr/renew", needs="chargers:write", reach=CHARGER)
    async def renew(call: Call, charger_id: str, place: str) -> ConnectorDetail:
        """Give a connector another code, as when a sticker was forged. Stickers with the old one lead nowhere from now on."""
        at = service.place_of(place)
        renewed = await flows.with_code(call.ports, call.tenant, charger_id, at, anew=True)
        await call.note(Subject("connector", f"{charger_id}/{at}"), {"qr_code": renewed.qr_code})
        return renewed

    @made.get("/qr-sheet", needs="chargers:read", reach=LIST, produces="text/html", limit_s=60.0)
    async def print_(call: Call, query: SheetQuery) -> Raw:
        """A page to print with the QR codes of many connectors, each with its charger's name and what it is.

        A page of HTML that needs nothing from elsewhere; up to 96 codes on each `page`, and none after the last.
        """
        found = await call.read(store.for_sheet, query, call.stations, sheet.CODES)
        places = [(each.charger_id, Place(each.evse, each.connector)) for each in found if not each.qr_code]
        if places:
            await flows.give_codes(call.ports, call.tenant, places)
            found = await call.read(store.for_sheet, query, call.stations, sheet.CODES)
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        body = await sheet.page([each for each in found if each.qr_code], start_url)
        return Raw(body=body, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy})

    @made.get("/start/<code>", needs=PUBLIC, limited_by="auth")
    async def start(call: Call, code: str) -> StartPlace:
        """What a driver's start page shows of the connector whose code was scanned, and whether it could start there now.

        Nobody needs to log in for it, and it tells nothing private. Small letters and dashes in a code do not matter.
        """
        return await call.read(service.start_of, qr.read_code(code))

    return made
