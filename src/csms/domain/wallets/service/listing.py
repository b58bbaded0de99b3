"""Wallets as people look at them: lists and statements."""

from __future__ import annotations

from csms.core.errors import Invalid, NotFound
from csms.core.paging import Page, Stretch
from csms.core.ports import ReadTx
from csms.domain.tenants import store as tenants
from csms.domain.wallets.model import FROZEN, AccountBalance, Statement, WalletItem, WalletLine
from csms.domain.wallets.model.shown import LinesFilter, LinesQuery, WalletsQuery
from csms.domain.wallets.store import lists
from csms.domain.wallets.store import wallets as store

from . import opening

MOST_LINES = 2000
"""Lines of a printed statement; whoever wants more takes CSV."""


def wallets_page(tx: ReadTx, query: WalletsQuery) -> Page[WalletItem]:
    """A page of wallets with what they have available."""
    found = lists.wallets(tx, query)
    default = opening.default_credit(tx)
    items = []
    for row in found.items:
        credit = default if row["credit_limit_minor"] is None else row["credit_limit_minor"]
        free = row["balance_minor"] - row["held_minor"] + credit
        items.append(WalletItem(credit_minor=credit, available_minor=min(0, free) if row["status"] == FROZEN else free, **row))
    return Page(items=items, page=found.page, limit=found.limit, total=found.total)


def wallet_id(tx: ReadTx, driver_id: int, currency: str | None = None) -> int:
    """The id of a driver's wallet in a currency, as a rule the tenant's; 0 where there is none. Raises ``NotFound`` for the driver."""
    row = store.wallet(tx, driver_id, currency or store.currency(tx))
    if row is not None:
        return row.id
    opening.need_driver(tx, driver_id)
    return 0


def lines(tx: ReadTx, driver_id: int, query: LinesQuery) -> Stretch[WalletLine]:
    """A stretch of a driver's statement, the newest line first. Raises ``NotFound``."""
    return lists.lines(tx, query, wallet_id(tx, driver_id, query.currency))


def lines_after(tx: ReadTx, driver_id: int, which: LinesFilter, after: int, limit: int) -> list[WalletLine]:
    """A driver's lines after a movement, the oldest first. Raises ``NotFound``."""
    return lists.lines_after(tx, wallet_id(tx, driver_id), which, after, limit)


def statement(tx: ReadTx, driver_id: int, from_at: int, to_at: int | None) -> Statement:
    """A driver's statement of a stretch of time. Raises ``NotFound``, and ``Invalid`` for a stretch that is none or has too many lines."""
    until = tx.now if to_at is None else to_at
    if from_at >= until:
        raise Invalid("a statement ends after it begins", field="to_at")
    wallet = opening.need_wallet(tx, driver_id)
    found = lists.lines_after(tx, wallet.id, LinesFilter(from_at=from_at, to_at=until), 0, MOST_LINES + 1)
    if len(found) > MOST_LINES:
        raise Invalid(f"more than {MOST_LINES} lines; ask for a shorter time, or for CSV", field="from_at")
    opening_minor = found[0].balance_after_minor - found[0].amount_minor if found else lists.balance_before(tx, wallet.id, from_at)
    moved = [each for each in found if each.amount_minor]
    tenant = tenants.profile(tx, tx.tenant)
    assert tenant is not None
    return Statement(
        wallet=wallet,
        driver_name=str(store.name_of(tx, driver_id)),
        operator=tenant.legal_name or tenant.name,
        time_zone=tenant.time_zone,
        from_at=from_at,
        to_at=until,
        opening_minor=opening_minor,
        closing_minor=opening_minor + sum(each.amount_minor for each in moved),
        came_in_minor=sum(each.amount_minor for each in moved if each.amount_minor > 0),
        went_out_minor=-sum(each.amount_minor for each in moved if each.amount_minor < 0),
        lines=tuple(moved),
        printed_at=tx.now,
    )


def need_balance(tx: ReadTx, account_id: int) -> AccountBalance:
    """An account and what is in it. Raises ``NotFound``."""
    found = lists.account(tx, account_id)
    if found is None:
        raise NotFound(f"there is no account {account_id}")
    return found
