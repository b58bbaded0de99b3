"""What drivers see of their own wallets."""

from __future__ import annotations

from csms.api.calls import Call
from csms.api.routes import OWN, Raw, Routes
from csms.core.ledger import Allowance
from csms.core.paging import Stretch
from csms.domain.drivers.routes.me import own_driver
from csms.domain.wallets import service
from csms.domain.wallets.model import Wallet, WalletLine
from csms.domain.wallets.model.shown import LinesQuery, StatementQuery
from csms.domain.wallets.service import listing

from .statements import PDF, as_pdf
from .wallets import PRINT_LIMIT_S, opened


def routes() -> Routes:
    """Routes under ``/me``."""
    made = Routes("my_wallet", "One's own wallet. Who is no driver gets 404.", tag="Me (driver)")

    @made.get("/me/wallet", needs="me:read", reach=OWN)
    async def show(call: Call) -> Wallet:
        """One's own wallet: `available_minor` is what may be spent now."""
        return await opened(call, own_driver(call))

    @made.get("/me/wallet/movements", needs="me:read", reach=OWN)
    async def movements(call: Call, query: LinesQuery) -> Stretch[WalletLine]:
        """What moved one's own wallet, the newest first, with the balance after each."""
        return await call.read(listing.lines, own_driver(call), query)

    @made.get("/me/wallet/statement.pdf", needs="me:read", reach=OWN, produces=PDF, limit_s=PRINT_LIMIT_S)
    async def statement(call: Call, query: StatementQuery) -> Raw:
        """One's own statement of a stretch of time, as PDF."""
        return await as_pdf(call, own_driver(call), query)

    @made.get("/me/allowances", needs="me:read", reach=OWN)
    async def allowances(call: Call) -> list[Allowance]:
        """What one's plans include and is not used yet, in Wh (`WH`) or transactions (`TX`), the first to expire first."""
        return list(await call.read(service.allowances, own_driver(call)))

    return made
