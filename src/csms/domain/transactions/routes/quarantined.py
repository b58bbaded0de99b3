"""Transaction messages that fitted nothing, and what operators make of them."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import LIST, Routes
from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Tx
from csms.domain.transactions import service
from csms.domain.transactions.model import (
    AttachStop,
    QuarantineDetail,
    QuarantineItem,
    QuarantineQuery,
    Resolution,
    TransactionDetail,
)
from csms.domain.transactions.service import views
from csms.domain.transactions.store import audit


def routes() -> Routes:
    """Routes of the quarantine."""
    made = Routes(
        "quarantine", "Transaction messages that fitted no transaction: answered, kept as heard, and shown to an operator."
    )

    @made.get("/quarantine", needs="transactions:read", reach=LIST)
    async def list_(call: Call, query: QuarantineQuery) -> Stretch[QuarantineItem]:
        """Quarantined messages, the newest first."""
        stations = call.stations

        def listed(tx: ReadTx) -> Stretch[QuarantineItem]:
            found = audit.listed(tx, query, stations=stations)
            return Stretch(items=[views.quarantine_item(each) for each in found.items], limit=found.limit, next=found.next)

        return await call.read(listed)

    @made.get("/quarantine/<int:quarantine_id>", needs="transactions:read", reach=LIST)
    async def show(call: Call, quarantine_id: int) -> QuarantineDetail:
        """One message and, for a stop, the transactions that it may be the stop of, the likeliest first."""
        return await call.read(views.need_quarantined, quarantine_id, call.stations)

    @made.post(
        "/quarantine/<int:quarantine_id>/attach",
        needs="transactions:write",
        reach=LIST,
        errors={409: "it cannot be its stop"},
        example={"transaction_id": 17, "note": "the driver showed the receipt"},
    )
    async def attach(call: Call, quarantine_id: int, body: AttachStop) -> TransactionDetail:
        """Say that a stop is the stop of a transaction, which ends by it.

        It replaces an estimate, an operator's end, and a stop that was only guessed to be the transaction's.
        """
        stations = call.stations

        def verb(tx: Tx) -> TransactionDetail:
            views.need_quarantined(tx, quarantine_id, stations)
            views.need_item(tx, body.transaction_id, stations)
            service.attach_stop(tx, quarantine_id, body.transaction_id, body.note)
            return views.detail(tx, body.transaction_id)

        return await call.write(verb, of=_subject(call, quarantine_id))

    @made.post(
        "/quarantine/<int:quarantine_id>/resolve",
        needs="transactions:write",
        reach=LIST,
        example={"note": "a test of the installer"},
    )
    async def resolve(call: Call, quarantine_id: int, body: Resolution) -> QuarantineDetail:
        """Mark a message as dealt with; it changes no transaction."""
        stations = call.stations

        def verb(tx: Tx) -> QuarantineDetail:
            views.need_quarantined(tx, quarantine_id, stations)
            service.resolve_quarantined(tx, quarantine_id, body.note)
            return views.need_quarantined(tx, quarantine_id, stations)

        return await call.write(verb, of=_subject(call, quarantine_id))

    return made


def _subject(call: Call, quarantine_id: int) -> Subject:
    stations = call.stations
    return Subject("quarantine", str(quarantine_id), lambda tx: views.need_quarantined(tx, quarantine_id, stations))
