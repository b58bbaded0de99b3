"""SQL of lists: wallets, lines of statements, accounts and movements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.paging import Page, Stretch
from csms.core.ports import ReadTx, Row
from csms.domain.drivers.model import Activity, ActivitySpan
from csms.domain.listing import Listing, page, stretch, whether, within
from csms.domain.wallets.model import AccountBalance, Movement, WalletLine
from csms.domain.wallets.model.shown import AccountsQuery, LinesFilter, LinesQuery, MovementsQuery, WalletsQuery

from . import movements
from .accounts import TAIL

# --- wallets ----------------------------------------------------------------------------------------------------------------------

WALLETS = Listing(
    columns="w.id, w.driver_id, d.name AS driver_name, d.email AS driver_email, w.currency, w.status, w.balance_minor, w.held_minor,"
    " w.owed_minor, w.credit_limit_minor, w.opened_at, w.changed_at",
    source="wallets w JOIN drivers d ON d.id = w.driver_id WHERE w.tenant = :tenant AND d.tenant = :tenant",
    filters={
        "status": "w.status = :status",
        "currency": "w.currency = :currency",
        "driver_id": "w.driver_id = :driver_id",
        "owes": "w.owed_minor > 0",
        "owes_nothing": "w.owed_minor <= 0",
        "holds": "w.held_minor > 0",
        "holds_nothing": "w.held_minor = 0",
        "balance_below_minor": "w.balance_minor < :balance_below_minor",
    },
    search="lower(d.name) LIKE :search ESCAPE '!' OR d.email_folded LIKE :search ESCAPE '!' OR d.phone LIKE :search ESCAPE '!'"
    " OR lower(d.reference) LIKE :search ESCAPE '!'",
    sorts={
        "name": "d.name",
        "balance": "w.balance_minor",
        "owed": "w.owed_minor",
        "opened_at": "w.opened_at",
        "changed_at": "w.changed_at",
    },
    unique="w.id",
)
_COUNTED = attrs.evolve(WALLETS, count_source="wallets w WHERE w.tenant = :tenant")


def wallets(tx: ReadTx, query: WalletsQuery) -> Page[Row]:
    """A page of wallets, as rows: what credit they have is not in them."""
    return page(
        tx,
        WALLETS if query.search else _COUNTED,
        query,
        dict,
        **whether(query.owing, "owes", "owes_nothing"),
        **whether(query.holding, "holds", "holds_nothing"),
    )


# --- lines ------------------------------------------------------------------------------------------------------------------------

LINES = Listing(
    columns="m.id, l.at, m.kind, m.description, m.reference_kind, m.reference_id, w.currency, l.amount_minor, l.held_minor, l.owed_minor,"
    " l.balance_after_minor, l.held_after_minor, l.owed_after_minor",
    source="wallet_lines l JOIN ledger_movements m ON m.id = l.movement_id JOIN wallets w ON w.id = l.wallet_id"
    " WHERE l.tenant = :tenant AND m.tenant = :tenant AND w.tenant = :tenant",
    filters={
        "wallet_id": "l.wallet_id = :wallet_id",
        "kind": "m.kind = :kind",
        "reference_kind": "m.reference_kind = :reference_kind",
        "reference_id": "m.reference_id = :reference_id",
        "from_at": "l.at >= :from_at",
        "to_at": "l.at < :to_at",
    },
    search="lower(m.description) LIKE :search ESCAPE '!' OR lower(m.reference_id) LIKE :search ESCAPE '!'",
    unique="l.movement_id",
)
_LINES = f"SELECT {LINES.columns} FROM {LINES.source}"  # noqa: S608 - our own words


def _line(row: Row) -> WalletLine:
    return WalletLine(**row)


def lines(tx: ReadTx, query: LinesQuery, wallet_id: int) -> Stretch[WalletLine]:
    """A stretch of a wallet's lines, the newest first."""
    return stretch(tx, LINES, query, _line, wallet_id=wallet_id)


def lines_after(tx: ReadTx, wallet_id: int, which: LinesFilter, after: int, limit: int) -> list[WalletLine]:
    """A wallet's lines after a movement, the oldest first."""
    asked = {name: value for name, value in attrs.asdict(which).items() if value is not None}
    where = "".join(f" AND ({LINES.filters[name]})" for name in asked)
    rows = tx.all(
        f"{_LINES} AND l.wallet_id = :wallet_id AND l.movement_id > :after{where} ORDER BY l.number LIMIT :limit",
        wallet_id=wallet_id,
        after=after,
        limit=limit,
        **asked,
    )
    return [_line(row) for row in rows]


def balance_before(tx: ReadTx, wallet_id: int, at: int) -> int:
    """What a wallet had before an instant."""
    found = tx.value(
        "SELECT balance_after_minor FROM wallet_lines WHERE tenant = :tenant AND wallet_id = :wallet_id AND at < :at"
        " ORDER BY number DESC LIMIT 1",
        wallet_id=wallet_id,
        at=at,
    )
    return int(found or 0)


def activity(tx: ReadTx, driver_id: int, span: ActivitySpan) -> Sequence[Activity]:
    """An ``ActivitySource``: what came to a driver's wallet and what went; not what was held and released."""
    bounds, values = within("l.at", "l.movement_id", span.way, from_at=span.from_at, to_at=span.to_at, seen=span.seen)
    sql = " AND ".join((_LINES, "l.driver_id = :driver_id", "l.amount_minor <> 0", *bounds))
    rows = tx.all(
        f"{sql} ORDER BY l.at {span.way.order}, l.movement_id {span.way.order} LIMIT :limit",
        driver_id=driver_id,
        limit=span.limit,
        **values,
    )
    return [
        Activity(
            kind="wallet",
            id=row["id"],
            at=row["at"],
            title=row["description"] or row["kind"],
            state=row["kind"],
            amount_minor=row["amount_minor"],
            currency=row["currency"],
        )
        for row in rows
    ]


# --- the ledger -------------------------------------------------------------------------------------------------------------------

ACCOUNTS = Listing(
    columns=f"a.id, a.kind, a.unit, a.name, a.driver_id, a.balance + {TAIL} AS balance, a.opened_at",
    source="ledger_accounts a WHERE a.tenant = :tenant",
    filters={
        "kind": "a.kind = :kind",
        "unit": "a.unit = :unit",
        "name": "a.name = :name",
        "driver_id": "a.driver_id = :driver_id",
    },
    search="lower(a.name) LIKE :search ESCAPE '!'",
    sorts={"id": "a.id", "opened_at": "a.opened_at"},
    unique="a.id",
)


def _balance(row: Row) -> AccountBalance:
    said: dict[str, Any] = dict(row)
    return AccountBalance(**{**said, "balance": int(row["balance"])})


def accounts(tx: ReadTx, query: AccountsQuery) -> Page[AccountBalance]:
    """A page of accounts."""
    return page(tx, ACCOUNTS, query, _balance)


def account(tx: ReadTx, account_id: int) -> AccountBalance | None:
    """One account and what is in it."""
    row = tx.one(f"SELECT {ACCOUNTS.columns} FROM {ACCOUNTS.source} AND a.id = :account_id", account_id=account_id)  # noqa: S608
    return None if row is None else _balance(row)


_MOVED = "m.id IN (SELECT e.movement_id FROM ledger_entries e{more} WHERE e.tenant = :tenant AND {condition})"

MOVEMENTS = Listing(
    columns=movements.COLUMNS,
    source="ledger_movements m WHERE m.tenant = :tenant",
    filters={
        "kind": "m.kind = :kind",
        "key": "m.key = :key",
        "reference_kind": "m.reference_kind = :reference_kind",
        "reference_id": "m.reference_id = :reference_id",
        "account_id": _MOVED.format(more="", condition="e.account_id = :account_id"),
        "driver_id": _MOVED.format(more=" JOIN ledger_accounts a ON a.id = e.account_id", condition="a.driver_id = :driver_id"),
        "from_at": "m.at >= :from_at",
        "to_at": "m.at < :to_at",
    },
    search="lower(m.description) LIKE :search ESCAPE '!' OR lower(m.key) LIKE :search ESCAPE '!'"
    " OR lower(m.reference_id) LIKE :search ESCAPE '!'",
    unique="m.id",
)


def movements_stretch(tx: ReadTx, query: MovementsQuery) -> Stretch[Movement]:
    """A stretch of movements with their entries, the newest first. Two statements."""
    found: Stretch[Row] = stretch(tx, MOVEMENTS, query, dict)
    return Stretch(items=movements.with_entries(tx, found.items), limit=found.limit, next=found.next)
