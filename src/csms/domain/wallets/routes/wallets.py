"""Drivers' wallets, for staff."""

from __future__ import annotations

import hashlib

from csms.api.calls import Call, Subject
from csms.api.routes import Raw, Reply, Routes, Streamed
from csms.api.tables import CSV
from csms.core.ledger import Allowance
from csms.core.paging import Page, Stretch
from csms.core.ports import ReadTx
from csms.domain.wallets import service
from csms.domain.wallets.model import Hold, Movement, Wallet, WalletItem, WalletLine
from csms.domain.wallets.model.shown import (
    Adjustment,
    HoldsQuery,
    LinesFilter,
    LinesQuery,
    Releasing,
    StatementQuery,
    WalletChanges,
    WalletsQuery,
)
from csms.domain.wallets.service import holding, listing, opening
from csms.domain.wallets.store import holds

from .statements import PDF, as_pdf, exported

PRINT_LIMIT_S = 90.0


async def opened(call: Call, driver_id: int) -> Wallet:
    """A driver's wallet; it is opened here where that was not done yet. Raises ``NotFound``."""
    known = await call.read(opening.known_wallet, driver_id)
    if known is None:
        known = await call.ports.database.write(service.open_wallet, driver_id, tenant=call.tenant)
    return known


def routes() -> Routes:
    """Routes of wallets."""
    made = Routes("wallets", "What drivers have: balances, statements, what is held, and what plans include.")

    @made.get("/wallets", needs="wallets:read")
    async def list_(call: Call, query: WalletsQuery) -> Page[WalletItem]:
        """Wallets. `search` looks for the driver: name, e-mail address, telephone number, reference."""
        return await call.read(listing.wallets_page, query)

    @made.get("/drivers/<int:driver_id>/wallet", needs="wallets:read")
    async def show(call: Call, driver_id: int) -> Wallet:
        """A driver's wallet in the tenant's currency: `available_minor` is what may be spent now."""
        return await opened(call, driver_id)

    @made.patch("/drivers/<int:driver_id>/wallet", needs="wallets:write", example={"credit_limit_minor": 50000})
    async def change(call: Call, driver_id: int, body: WalletChanges) -> Wallet:
        """Change a wallet's credit limit and status. A frozen wallet pays nothing new; what is held already still pays.

        Without a credit limit of its own, that of the tenant's settings holds (`wallet_credit_limit_minor`), else none.
        """
        return await call.write(service.change_wallet, driver_id, body, of=_subject(driver_id))

    @made.get("/drivers/<int:driver_id>/wallet/movements", needs="wallets:read")
    async def movements(call: Call, driver_id: int, query: LinesQuery) -> Stretch[WalletLine]:
        """What moved a driver's wallet, the newest first, with the balance after each. Holding and releasing moves no balance."""
        return await call.read(listing.lines, driver_id, query)

    @made.get("/drivers/<int:driver_id>/wallet/movements.csv", needs="wallets:read", produces=CSV, limit_s=None)
    async def export(call: Call, driver_id: int, query: LinesFilter) -> Streamed:
        """The same as CSV, all of it, the oldest first. The file is written while it is sent."""
        return await exported(call, driver_id, query)

    @made.get("/drivers/<int:driver_id>/wallet/statement.pdf", needs="wallets:read", produces=PDF, limit_s=PRINT_LIMIT_S)
    async def statement(call: Call, driver_id: int, query: StatementQuery) -> Raw:
        """A statement of a stretch of time as PDF, with the balance before and after; 422 where it has too many lines."""
        return await as_pdf(call, driver_id, query)

    @made.post(
        "/drivers/<int:driver_id>/wallet/adjustments",
        needs="wallets:write",
        tells=Movement,
        status=201,
        moves=True,
        errors={409: "it exceeds the credit limit: say `overdraw` to take it all the same"},
        example={"amount_minor": 25000, "reason": "Goodwill for the outage of 3 March"},
    )
    async def adjust(call: Call, driver_id: int, body: Adjustment) -> Reply:
        """Put a wallet right: above zero gives, below takes. The driver sees the reason on their statement.

        Send an `Idempotency-Key`: under one key, money moves once, whatever becomes of the answer.
        """
        made = await call.write(
            service.adjust,
            driver_id,
            body,
            key=_key(call),
            by=call.who.name,
            of=_subject(driver_id),
            detail={"reason": body.reason},
        )
        return Reply(body=made, status=201, headers={"Location": f"/api/v1/ledger/movements/{made.id}"})

    @made.get("/drivers/<int:driver_id>/wallet/holds", needs="wallets:read")
    async def list_holds(call: Call, driver_id: int, query: HoldsQuery) -> Page[Hold]:
        """What is and was held of a driver's wallet, such as for running charges."""

        def listed(tx: ReadTx) -> Page[Hold]:
            opening.need_driver(tx, driver_id)
            return holds.page_of_holds(tx, query, driver_id=driver_id)

        return await call.read(listed)

    @made.get("/drivers/<int:driver_id>/wallet/holds/<int:hold_id>", needs="wallets:read")
    async def show_hold(call: Call, driver_id: int, hold_id: int) -> Hold:
        """One hold."""
        return await call.read(service.need_hold, hold_id, driver_id)

    @made.post(
        "/drivers/<int:driver_id>/wallet/holds/<int:hold_id>/release",
        needs="wallets:write",
        moves=True,
        example={"reason": "never charged"},
    )
    async def release(call: Call, driver_id: int, hold_id: int, body: Releasing) -> Hold:
        """Give back what is left of a hold; again changes nothing. What it was held for may find nothing there any more."""
        of = Subject("hold", str(hold_id), lambda tx: service.need_hold(tx, hold_id, driver_id))
        return await call.write(holding.release_hold, driver_id, hold_id, reason=body.reason, by=call.who.name, of=of)

    @made.get("/drivers/<int:driver_id>/allowances", needs="wallets:read")
    async def list_allowances(call: Call, driver_id: int) -> list[Allowance]:
        """What plans include for a driver and is not used yet, in Wh (`WH`) or transactions (`TX`), the first to expire first."""
        return list(await call.read(service.allowances, driver_id))

    return made


def _key(call: Call) -> str:
    """The key of a movement: of the same request, sent again, the same."""
    given = call.request.headers.get("Idempotency-Key")
    if not given:
        return f"adjustment:{call.ports.random.token(18)}"
    digest = hashlib.blake2b(f"{call.who.identity} {given}".encode(), digest_size=18).hexdigest()
    return f"adjustment:{digest}"


def _subject(driver_id: int) -> Subject:
    return Subject("wallet", str(driver_id), lambda tx: service.need_wallet(tx, driver_id))
