"""A search finds the same whether the store knows candidates or looks through all that there is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.core.ids import TenantId
from csms.core.paging import Page
from csms.core.ports import Tx
from csms.db import texts
from csms.db.location import SQLITE
from csms.db.migration_files import core_migrations
from csms.db.sqlite_connect import tenant_tables
from csms.db.statements import Statements
from csms.db.tx import Run, StoreTx
from csms.domain.drivers import store as drivers
from csms.domain.drivers.model import DriversQuery, TokensQuery
from csms.domain.transactions.model import TransactionFilter
from csms.domain.transactions.store import lists
from csms.testing.stores import StoreMaker

OURS, THEIRS = TenantId(1), TenantId(2)


class Looking(StoreTx):
    """A transaction of a store that has no index of texts."""

    __slots__ = ()

    def candidates(self, table: str, text: str) -> Sequence[int] | None:
        return None


@pytest.fixture(scope="module")
def connection(store_maker: StoreMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    folder = tmp_path_factory.mktemp("searching")
    store_maker.url(SQLITE, [core_migrations()], folder)
    made = sqlite3.connect(folder / "csms.db", isolation_level=None)
    made.execute(
        "INSERT INTO tenants (id, name, slug, currency, time_zone, created_at) VALUES (2, 'Theirs', 'theirs', 'EUR', 'UTC', 0)"
    )
    yield made
    made.close()


@contextmanager
def both(connection: sqlite3.Connection, tenant: TenantId = OURS) -> Iterator[tuple[StoreTx, Looking]]:
    """A transaction that is undone, as both kinds of store see it."""
    connection.execute("BEGIN")
    try:
        run, statements = Run(connection.cursor()), Statements(tenant_tables(connection), percent=False)
        yield StoreTx(run, statements, tenant, 0), Looking(run, statements, tenant, 0)
    finally:
        connection.execute("ROLLBACK")


def add(tx: Tx, tenant: TenantId, name: str, token: str, label: str = "", **more: Any) -> int:
    """A driver with a token and a transaction."""
    system = tx.system("a test")
    driver_id: int = system.value(
        "INSERT INTO drivers (tenant, name, email_folded, phone, reference, created_at)"
        " VALUES (:tenant, :name, '', :phone, '', 0) RETURNING id",
        tenant=tenant, name=name, phone=more.get("phone", ""),
    )  # fmt: skip
    system.run(
        "INSERT INTO tokens (tenant, value, folded, label, driver_id, created_at)"
        " VALUES (:tenant, :value, :folded, :label, :driver_id, 0) ON CONFLICT DO NOTHING",
        tenant=tenant, value=token, folded=token.casefold(), label=label, driver_id=driver_id,
    )  # fmt: skip
    return driver_id


def shown(page: Page[Any]) -> tuple[int, list[Any]]:
    return page.total, list(page.items)


def the_same(knowing: Tx, looking: Tx, text: str, limit: int) -> int:
    """Both find the same; how many drivers."""
    for sort in ("name", "-created_at"):
        for number in (1, 2):
            query = DriversQuery(search=text, sort=sort, limit=limit, page=number)
            assert shown(drivers.drivers_page(knowing, query)) == shown(drivers.drivers_page(looking, query))
    for tokens in (TokensQuery(search=text, limit=limit), TokensQuery(search=text, sort="-created_at", kind="")):
        assert shown(drivers.cards_page(knowing, tokens)) == shown(drivers.cards_page(looking, tokens))
    meant = lists._searched(knowing, text), lists._searched(looking, text)
    assert (meant[0][0], bool(meant[0][1])) == (meant[1][0], bool(meant[1][1]))
    which = TransactionFilter(search=text)
    assert lists.select(knowing, which, limit=20) == lists.select(looking, which, limit=20)
    return drivers.drivers_page(looking, DriversQuery(search=text)).total


LETTERS = st.sampled_from([*"abAB1 %_!\"'\n*^:-\\äÄßİıΣςſ\u212aé\u0301😀中"])
TEXTS = st.lists(LETTERS, min_size=1, max_size=12).map("".join)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_search_by_the_index_finds_what_looking_finds(connection: sqlite3.Connection, data: Any) -> None:
    rows = data.draw(st.lists(st.tuples(st.sampled_from([OURS, THEIRS]), TEXTS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=12))
    named = data.draw(st.sampled_from([text for row in rows for text in row[1:]]))
    begin = data.draw(st.integers(0, len(named)))
    sought = [named, named[begin:], named[: begin + 3].swapcase(), data.draw(TEXTS), data.draw(TEXTS) + data.draw(TEXTS)]
    with both(connection) as (knowing, looking):
        ids = [add(knowing, tenant, name, token, label, phone=phone) for tenant, name, token, label, phone in rows]
        for text in sought:
            the_same(knowing, looking, text, 3)
        renamed = "UPDATE drivers SET name = :name WHERE tenant = :tenant AND id = :id"
        knowing.run(renamed, name=data.draw(TEXTS), id=ids[0])
        knowing.run(
            "UPDATE tokens SET label = :label WHERE tenant = :tenant AND driver_id = :id", label=data.draw(TEXTS), id=ids[-1]
        )
        knowing.run("DELETE FROM tokens WHERE tenant = :tenant AND driver_id = :id", id=ids[0])
        for text in sought:
            the_same(knowing, looking, text, 3)


@pytest.mark.parametrize("many", [1, 30, texts.MOST, texts.MOST + 1])
def test_many_and_few_of_ours_beside_many_of_theirs(connection: sqlite3.Connection, many: int) -> None:
    with both(connection) as (knowing, looking):
        for number in range(many):
            add(knowing, OURS, f"Asha {number:03}", f"ours-{number:03}", "Räo")
            add(knowing, THEIRS, f"Asha {number:03}", f"theirs-{number:03}", "Räo")
        assert the_same(knowing, looking, "asha", 20) == many
        assert the_same(knowing, looking, "sha 000", 20) == 1
        assert the_same(knowing, looking, "theirs", 20) == 0
        for text in ("Räo", "RÄO", "as", " ", "ours-0", 'ours"', "0\nr", "a" * 200):
            the_same(knowing, looking, text, 20)


def test_what_changes_is_found_by_its_new_name_alone(connection: sqlite3.Connection) -> None:
    with both(connection) as (knowing, _):

        def found(text: str) -> int:
            assert knowing.candidates("drivers", text) is not None
            return drivers.drivers_page(knowing, DriversQuery(search=text)).total

        driver_id = add(knowing, OURS, "Asha Rao", "CARD-1")
        assert found("asha") == 1
        knowing.run("UPDATE drivers SET name = 'Meera' WHERE tenant = :tenant AND id = :id", id=driver_id)
        assert (found("asha"), found("meera")) == (0, 1)
        knowing.run("UPDATE drivers SET note = 'asha' WHERE tenant = :tenant AND id = :id", id=driver_id)
        assert (found("asha"), found("meera")) == (0, 1)
        drivers.remove_driver(knowing, driver_id)
        assert found("meera") == 0
        assert drivers.drivers_page(knowing, DriversQuery(search="meera", status="archived")).total == 1
        knowing.run("DELETE FROM tokens WHERE tenant = :tenant")
        knowing.run("DELETE FROM drivers WHERE tenant = :tenant")
        assert knowing.candidates("drivers", "meera") == knowing.candidates("tokens", "card-1") == []
