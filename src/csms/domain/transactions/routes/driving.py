"""Transactions as their drivers see them: what they charged, starting and stopping; and what a driver comes to, for staff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import OWN, Reply, Routes
from csms.core.paging import Stretch
from csms.core.ports import ReadTx
from csms.domain.commands.model import Asker
from csms.domain.drivers.service import known_driver
from csms.domain.transactions import flows
from csms.domain.transactions.flows import StartFor, StopFor
from csms.domain.transactions.model import (
    CommandTold,
    CostSoFar,
    DriverTotals,
    MineQuery,
    ReadingItem,
    ReadingsQuery,
    Series,
    SeriesQuery,
    Spent,
    StartMine,
    TransactionDetail,
    TransactionItem,
    TransactionsQuery,
)
from csms.domain.transactions.service import views
from csms.domain.transactions.store import driving, lists

CHARGER_WAIT_S = 150.0

Spending = Callable[[ReadTx, int], Sequence[Spent]]
"""``spending(tx, driver_id)``: what a driver spent, per currency."""


def routes(*, start: StartFor, stop: StopFor, spending: Spending | None) -> Routes:
    """Routes under ``/me``, and a driver's summary for staff."""
    made = Routes("driving", "What drivers charged, and how they start and stop.", tag="Me (driver)")

    def totals(tx: ReadTx, driver_id: int) -> DriverTotals:
        known_driver(tx, driver_id)
        found = driving.totals(tx, driver_id)
        return found if spending is None else attrs.evolve(found, spent=spending(tx, driver_id))

    @made.get("/drivers/<int:driver_id>/summary", needs="drivers:read")
    async def summary_of(call: Call, driver_id: int) -> DriverTotals:
        """What a driver charged so far. `spent` is null where nobody prices charging."""
        return await call.read(totals, driver_id)

    @made.get("/me/summary", needs="me:read", reach=OWN)
    async def summary(call: Call) -> DriverTotals:
        """What one charged so far. `spent` is null where nobody prices charging."""
        return await call.read(totals, _own(call))

    @made.get("/me/transactions", needs="me:read", reach=OWN)
    async def list_(call: Call, query: MineQuery) -> Stretch[TransactionItem]:
        """One's own transactions, the newest first."""
        given: dict[str, Any] = attrs.asdict(query)
        wanted = TransactionsQuery(driver_id=_own(call), **given)
        return await call.read(lists.stretch, wanted)

    @made.post(
        "/me/transactions",
        needs="me:write",
        reach=OWN,
        moves=True,
        status=201,
        tells=CommandTold,
        limit_s=CHARGER_WAIT_S,
        errors={409: "the token may not charge there, or nothing is free"},
        example={"charger_id": "CP-1", "evse": 1, "amount_minor": 50000},
    )
    async def start_(call: Call, body: StartMine) -> Reply:
        """Start to charge at a connector whose code was scanned, or at a charger.

        The transaction waits as `pending_start` until the charger says that it began; it fails where the charger refuses, and expires
        where nothing follows in time.
        """
        told = await flows.start_own(call.ports, body, _own(call), tenant=call.tenant, start=start(_asker(call)))
        of = Subject("transaction", str(told.transaction.id))
        await call.note(of, {"charger_id": told.transaction.charger_id, "outcome": told.outcome, "status": told.status})
        return Reply(body=told, status=201, headers={"Location": f"/api/v1/me/transactions/{told.transaction.id}"})

    @made.get("/me/transactions/<int:transaction_id>", needs="me:read", reach=OWN)
    async def show(call: Call, transaction_id: int) -> TransactionDetail:
        """One of one's own transactions."""
        return await call.read(views.detail, transaction_id, None, _own(call))

    @made.post(
        "/me/transactions/<int:transaction_id>/stop",
        needs="me:write",
        reach=OWN,
        moves=True,
        limit_s=CHARGER_WAIT_S,
        errors={409: "it does not run"},
    )
    async def stop_(call: Call, transaction_id: int) -> CommandTold:
        """Ask the charger to stop one's own transaction. It has ended when the charger says so."""
        told = await flows.stop(call.ports, transaction_id, tenant=call.tenant, stop=stop(_asker(call)), driver_id=_own(call))
        await call.note(Subject("transaction", str(transaction_id)), {"outcome": told.outcome, "status": told.status})
        return told

    @made.get("/me/transactions/<int:transaction_id>/cost", needs="me:read", reach=OWN)
    async def cost(call: Call, transaction_id: int) -> CostSoFar:
        """What one's own transaction costs so far. `cost` is null where nobody prices it."""
        known = await call.read(views.need_item, transaction_id, None, _own(call))
        return CostSoFar(transaction_id=transaction_id, cost=await flows.cost_so_far(call.ports, known, call.tenant))

    @made.get("/me/transactions/<int:transaction_id>/readings", needs="me:read", reach=OWN)
    async def readings(call: Call, transaction_id: int, query: ReadingsQuery) -> Stretch[ReadingItem]:
        """What was measured in one's own transaction, the newest first."""
        return await call.read(views.readings_of, transaction_id, query, None, _own(call))

    @made.get("/me/transactions/<int:transaction_id>/series", needs="me:read", reach=OWN)
    async def series(call: Call, transaction_id: int, query: SeriesQuery) -> Series:
        """One measurand of one's own transaction over time, for a chart."""
        return await call.read(views.chart, transaction_id, query, None, _own(call))

    return made


def _asker(call: Call) -> Asker:
    """The driver who asks, by number: what stays in the log of commands names nobody."""
    return Asker(kind=call.who.kind, name=f"driver {_own(call)}")


def _own(call: Call) -> int:
    """The driver who asks. Raises ``Problem`` 404 for who is none."""
    if call.who.driver_id is None:
        raise Problem(404, "Not Found", f"{call.who.name} is no driver of this tenant")
    return call.who.driver_id
