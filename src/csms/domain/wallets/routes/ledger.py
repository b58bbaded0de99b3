"""The ledger itself: accounts, movements, and whether it adds up."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import Routes
from csms.core.paging import Page, Stretch
from csms.domain.wallets import flows, service
from csms.domain.wallets.model import AccountBalance, LedgerCheck, Movement, TrialBalance
from csms.domain.wallets.model.shown import AccountsQuery, MovementsQuery
from csms.domain.wallets.service import listing, proving
from csms.domain.wallets.store import lists

CHECK_LIMIT_S = 600.0


def routes() -> Routes:
    """Routes of the ledger."""
    made = Routes(
        "ledger",
        "Double entry: every movement sums to zero. Above zero is what the tenant owes (wallets, taxes, shares), below what it has or is"
        " owed (money at gateways, debts). Units are currencies (amounts in minor units), `WH` and `TX`.",
    )

    @made.get("/ledger/accounts", needs="ledger:read")
    async def accounts(call: Call, query: AccountsQuery) -> Page[AccountBalance]:
        """Accounts, with what is in them."""
        return await call.read(lists.accounts, query)

    @made.get("/ledger/accounts/<int:account_id>", needs="ledger:read")
    async def account(call: Call, account_id: int) -> AccountBalance:
        """One account, with what is in it. `GET /ledger/movements?account_id=` lists what moved it."""
        return await call.read(listing.need_balance, account_id)

    @made.get("/ledger/movements", needs="ledger:read")
    async def movements(call: Call, query: MovementsQuery) -> Stretch[Movement]:
        """Movements with their entries, the newest first."""
        return await call.read(lists.movements_stretch, query)

    @made.get("/ledger/movements/<int:movement_id>", needs="ledger:read")
    async def movement(call: Call, movement_id: int) -> Movement:
        """One movement with its entries."""
        return await call.read(service.need_movement, movement_id)

    @made.get("/ledger/trial-balance", needs="ledger:read")
    async def trial_balance(call: Call) -> TrialBalance:
        """Debits and credits by kind of account and unit, at one moment: in each unit they are equal."""
        return await call.read(proving.trial_balance)

    @made.post("/ledger/check", needs="ledger:read", limit_s=CHECK_LIMIT_S)
    async def check(call: Call) -> LedgerCheck:
        """Prove the ledger now: every movement, running balance, wallet and checkpoint.

        The server does so by itself all the time. What does not add up is an alert, too (`ledger_unbalanced`).
        """
        found = await flows.check(call.ports.database, call.tenant)
        await call.note(Subject("ledger", str(call.tenant)), {"balanced": found.balanced, "findings": len(found.findings)})
        return found

    return made
