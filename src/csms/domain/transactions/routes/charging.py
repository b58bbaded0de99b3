"""Transactions, what was measured in them, and what a token would get, for staff. Transactions are never made or deleted by hand."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import LIST, Routes, Streamed
from csms.api.tables import CSV
from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Tx
from csms.domain.commands.model import Asker
from csms.domain.transactions import flows, service
from csms.domain.transactions.flows import StopFor
from csms.domain.transactions.model import (
    CommandTold,
    CostSoFar,
    EndNow,
    FundsObjection,
    ReadingItem,
    ReadingsQuery,
    Series,
    SeriesQuery,
    Settings,
    TokenAnswer,
    TokenShown,
    TransactionDetail,
    TransactionFilter,
    TransactionItem,
    TransactionsQuery,
    TransactionTotals,
)
from csms.domain.transactions.service import views
from csms.domain.transactions.store import lists

from .exporting import exported

CHARGER_WAIT_S = 150.0
"""Longest time of a request that waits for a charger."""


def routes(settings: Settings, *, stop: StopFor, objection: FundsObjection | None = None) -> Routes:
    """Routes of transactions."""
    made = Routes("transactions", "What was charged, by whom, where: made by chargers, never by hand.")

    @made.get("/transactions", needs="transactions:read", reach=LIST)
    async def list_(call: Call, query: TransactionsQuery) -> Stretch[TransactionItem]:
        """Transactions, the newest first, by when they began or were asked for."""
        stations = call.stations
        return await call.read(lambda tx: lists.stretch(tx, query, stations=stations))

    @made.get("/transactions/summary", needs="transactions:read", reach=LIST)
    async def summary(call: Call, query: TransactionFilter) -> TransactionTotals:
        """What the transactions of a filter come to: of the newest 10,000, where there are more (`complete` is false then)."""
        stations = call.stations
        return await call.read(lambda tx: lists.totals(tx, query, stations=stations))

    @made.get("/transactions/export.csv", needs="transactions:read", reach=LIST, produces=CSV, limit_s=None)
    async def export(call: Call, query: TransactionFilter) -> Streamed:
        """The transactions of a filter as CSV, all of them, the newest first.

        The file is written while it is sent. Text that a spreadsheet would take for a formula has an apostrophe before it.
        """
        return await exported(call, query)

    @made.get("/transactions/<int:transaction_id>", needs="transactions:read", reach=LIST)
    async def show(call: Call, transaction_id: int) -> TransactionDetail:
        """One transaction, with its latest power and state of charge, and stops that came too late to count."""
        return await call.read(views.detail, transaction_id, call.stations)

    @made.get("/transactions/<int:transaction_id>/cost", needs="transactions:read", reach=LIST)
    async def cost(call: Call, transaction_id: int) -> CostSoFar:
        """What a transaction costs so far. `cost` is null where nobody prices it."""
        known = await call.read(views.need_item, transaction_id, call.stations)
        return CostSoFar(transaction_id=transaction_id, cost=await flows.cost_so_far(call.ports, known, call.tenant))

    @made.get("/transactions/<int:transaction_id>/readings", needs="transactions:read", reach=LIST)
    async def readings(call: Call, transaction_id: int, query: ReadingsQuery) -> Stretch[ReadingItem]:
        """What was measured, word for word, the newest first. For a chart take the series."""
        return await call.read(views.readings_of, transaction_id, query, call.stations)

    @made.get("/transactions/<int:transaction_id>/series", needs="transactions:read", reach=LIST)
    async def series(call: Call, transaction_id: int, query: SeriesQuery) -> Series:
        """One measurand over time, for a chart: few points that keep the shape, a line per phase."""
        return await call.read(views.chart, transaction_id, query, call.stations)

    @made.post(
        "/transactions/<int:transaction_id>/stop",
        needs="transactions:write",
        reach=LIST,
        moves=True,
        limit_s=CHARGER_WAIT_S,
        errors={409: "it does not run"},
    )
    async def stop_(call: Call, transaction_id: int) -> CommandTold:
        """Ask the charger to stop a transaction. It has ended when the charger says so, which is later than its answer."""
        flow = stop(Asker(kind=call.who.kind, name=call.who.name))
        told = await flows.stop(call.ports, transaction_id, tenant=call.tenant, stop=flow, seen=call.stations)
        await call.note(Subject("transaction", str(transaction_id)), {"outcome": told.outcome, "status": told.status})
        return told

    @made.post(
        "/transactions/<int:transaction_id>/end",
        needs="transactions:write",
        reach=LIST,
        errors={409: "it has ended"},
        example={"reason": "the charger was scrapped", "meter_stop_wh": 123456},
    )
    async def end(call: Call, transaction_id: int, body: EndNow) -> TransactionDetail:
        """End a stuck transaction by your word, with its last known meter value unless you say what the meter showed.

        The charger is not told. `stop_source` says `operator`; if the charger's own stop comes after all, that counts. A remote start
        that still waits is given up.
        """
        stations = call.stations

        def verb(tx: Tx) -> TransactionDetail:
            views.need_item(tx, transaction_id, stations)
            service.force_stop(tx, transaction_id, body.reason, meter_stop_wh=body.meter_stop_wh, stopped_at=body.stopped_at)
            return views.detail(tx, transaction_id)

        def view(tx: ReadTx) -> TransactionDetail:
            return views.detail(tx, transaction_id, stations)

        return await call.write(verb, of=Subject("transaction", str(transaction_id), view), detail={"reason": body.reason})

    @made.post(
        "/tokens/validate", needs="tokens:read", reach=LIST, audit=False, example={"token": "04A2B3C4D5E680", "charger_id": "CP-1"}
    )
    async def validate(call: Call, body: TokenShown) -> TokenAnswer:
        """What a charger would be told of a token now, and why. Nothing is stored and no event is told; plugins are asked."""
        return await flows.validate(call.ports, settings, body, call.tenant, call.stations, objection=objection)

    return made
