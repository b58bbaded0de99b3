"""SQL of lists of tokens, groups and grants, as people see them."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row
from csms.domain.drivers.model import Grant, GrantsQuery, TokenCard, TokenGroup, TokenGroupsQuery, TokensQuery
from csms.domain.listing import Listing, among, page

_STANDING = """
CASE WHEN t.status = 'blocked' OR g.status = 'blocked' OR d.status = 'blocked' THEN 'blocked'
    WHEN t.expires_at <= :now THEN 'expired' WHEN t.valid_from > :now THEN 'not_yet' ELSE 'usable' END"""
_HOLDS = "t.folded LIKE :search ESCAPE '!' OR lower(t.label) LIKE :search ESCAPE '!' OR lower(d.name) LIKE :search ESCAPE '!'"
CARDS = Listing(
    columns=f"t.id, t.value, t.kind, t.label, t.status, {_STANDING} AS standing, t.token_group_id, g.name AS token_group_name,"
    " t.driver_id, d.name AS driver_name, t.valid_from AS valid_from_at, t.expires_at, t.max_transactions, t.note, t.blocked_at,"
    " t.created_at",
    source="tokens t LEFT JOIN token_groups g ON g.id = t.token_group_id LEFT JOIN drivers d ON d.id = t.driver_id"
    " WHERE t.tenant = :tenant AND t.removed_at IS NULL",
    filters={
        "folded": "t.folded = :folded",
        "status": "t.status = :status",
        "standing": f"{_STANDING} = :standing",
        "kind": "t.kind = :kind",
        "token_group_id": "t.token_group_id = :token_group_id",
        "driver_id": "t.driver_id = :driver_id",
    },
    search=_HOLDS,
    narrow=f"t.id IN ({among('tokens')} UNION SELECT o.id FROM tokens o WHERE o.tenant = :tenant AND o.removed_at IS NULL"  # noqa: S608
    f" AND o.driver_id IN ({among('drivers')})) AND ({_HOLDS})",
    looked_in=("tokens", "drivers"),
    sorts={"value": "t.folded", "created_at": "t.created_at", "expires_at": "t.expires_at"},
    unique="t.id",
)
_COUNTED = attrs.evolve(CARDS, count_source="tokens t WHERE t.tenant = :tenant AND t.removed_at IS NULL AND t.folded >= ''")
"""The same where neither groups nor drivers matter to how many there are: SQLite would look each of them up for the count. Every value is
at least empty; saying so, it counts by the index of values alone."""


def cards_page(tx: ReadTx, query: TokensQuery, *, driver_id: int | None = None) -> Page[TokenCard]:
    """A page of tokens; ``driver_id`` keeps it to one driver's, whatever the query says."""
    fixed: dict[str, Any] = {} if driver_id is None else {"driver_id": driver_id}
    listing = CARDS if query.search or query.standing is not None else _COUNTED
    return page(tx, listing, query, _card, folded=None if query.value is None else query.value.casefold(), **fixed)


def card(tx: ReadTx, token_id: int) -> TokenCard | None:
    """One token as people see it."""
    row = tx.one(f"SELECT {CARDS.columns} FROM {CARDS.source} AND t.id = :token_id", token_id=token_id)  # noqa: S608 - our own words
    return None if row is None else _card(row)


GROUPS = Listing(
    columns="id, name, parent, status",
    source="token_groups WHERE tenant = :tenant",
    filters={"status": "status = :status"},
    search="lower(name) LIKE :search ESCAPE '!' OR parent_folded LIKE :search ESCAPE '!'",
    sorts={"name": "name"},
    unique="id",
)


def groups_page(tx: ReadTx, query: TokenGroupsQuery) -> Page[TokenGroup]:
    """A page of token groups."""
    return page(tx, GROUPS, query, lambda row: TokenGroup(**row))


GRANTS = Listing(
    columns="id, token_id, token_group_id, driver_id, station_id, station_group_id",
    source="grants WHERE tenant = :tenant",
    filters={name: f"{name} = :{name}" for name in ("token_id", "token_group_id", "driver_id", "station_id", "station_group_id")},
    search=" OR ".join(
        f"{column} IN (SELECT found.id FROM {table} found WHERE found.tenant = :tenant AND {text} LIKE :search ESCAPE '!')"  # noqa: S608 (our own words)
        for column, table, text in (
            ("token_id", "tokens", "found.folded"),
            ("token_group_id", "token_groups", "lower(found.name)"),
            ("driver_id", "drivers", "lower(found.name)"),
            ("station_id", "stations", "lower(found.name)"),
            ("station_group_id", "station_groups", "lower(found.name)"),
        )
    ),
    sorts={"id": "id"},
    unique="id",
)


def grants_page(tx: ReadTx, query: GrantsQuery) -> Page[Grant]:
    """A page of grants."""
    return page(tx, GRANTS, query, lambda row: Grant(**row))


def grant(tx: ReadTx, grant_id: int) -> Grant | None:
    """One grant of the tenant."""
    row = tx.one(f"SELECT {GRANTS.columns} FROM {GRANTS.source} AND id = :grant_id", grant_id=grant_id)  # noqa: S608 - our own words
    return None if row is None else Grant(**row)


def _card(row: Row) -> TokenCard:
    return TokenCard(**row)
