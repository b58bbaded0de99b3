"""The ledger proves that it adds up, and says so where somebody changed it behind its back."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.ids import DEFAULT_TENANT
from csms.core.ledger import CHARGE_DEDUCT, GATEWAY, HELD, PARTNER, REVENUE, SHARE, TOP_UP, WALLET, AccountRef, Leg, NewMovement
from csms.core.ports import Tx
from csms.db import StoreDatabase
from csms.domain.drivers import service as drivers
from csms.domain.wallets import flows
from csms.domain.wallets import service as wallets
from csms.domain.wallets.service import checkpointing, proving
from csms.testing.plugins import Plugged
from csms.testing.stores import SettableClock

CORRUPTIONS = {
    "an amount": ("UPDATE ledger_entries SET amount = amount + 1 WHERE tenant = :tenant AND amount = 70", {"movement", "unit"}),
    "an amount of a driver": (
        "UPDATE ledger_entries SET amount = amount + 1 WHERE tenant = :tenant AND amount = -70",
        {"movement", "account"},
    ),
    "a pair of entries is gone": (
        "DELETE FROM ledger_entries WHERE tenant = :tenant AND movement_id = (SELECT max(movement_id) FROM ledger_entries WHERE tenant = :tenant)",
        {"movement"},
    ),
    "a balance": (
        "UPDATE ledger_accounts SET balance = balance + 5 WHERE tenant = :tenant AND kind = 'wallet'",
        {"account", "wallet", "unit"},
    ),
    "what an account had after an entry": (
        "UPDATE ledger_entries SET balance_after = 3 WHERE tenant = :tenant AND number = 1 AND amount = 1000",
        {"account"},
    ),
    "a wallet": ("UPDATE wallets SET balance_minor = 7 WHERE tenant = :tenant", {"wallet"}),
    "a line": ("UPDATE wallet_lines SET owed_minor = 1 WHERE tenant = :tenant AND number = 1", {"wallet"}),
    "a checkpoint": (
        "UPDATE ledger_checkpoints SET balance = balance + 1, entries = entries + 1 WHERE tenant = :tenant",
        {"checkpoint", "account"},
    ),
    "an account's checkpoint": (
        "UPDATE ledger_accounts SET balance = balance - 1 WHERE tenant = :tenant AND kind = 'revenue'",
        {"account", "unit"},
    ),
}


@pytest.fixture
async def books(database: StoreDatabase, clock: SettableClock) -> Plugged:
    """A ledger with movements, a hold, and checkpoints."""
    driver = await database.write(partial(drivers.add_driver, name="Asha"), tenant=DEFAULT_TENANT)

    def move(tx: Tx) -> None:
        wallet = wallets.open_wallet(tx, driver.id)

        def own(kind: str, name: str = "") -> AccountRef:
            return AccountRef(kind=kind, unit=wallet.currency, name=name, driver_id=driver.id)

        def of(kind: str, name: str = "") -> AccountRef:
            return AccountRef(kind=kind, unit=wallet.currency, name=name)

        def post(kind: str, key: str, *legs: Any) -> None:
            wallets.post(tx, NewMovement(kind=kind, key=key, legs=tuple(Leg(*each) for each in legs), description=key))

        post(TOP_UP, "t1", (of(GATEWAY, "stub"), -1000), (own(WALLET), 1000))
        wallets.hold(tx, driver.id, 300, key="h1", reference_kind="", reference_id="", description="")
        for number in range(6):
            post(CHARGE_DEDUCT, f"c{number}", (own(HELD, "h1"), -40), (of(REVENUE), 40))
            post(SHARE, f"s{number}", (of(REVENUE), -10), (of(PARTNER, "owner"), 10))
        wallets.release(tx, "h1")
        post(CHARGE_DEDUCT, "c9", (own(WALLET), -70), (of(REVENUE), 70))

    await database.write(move, tenant=DEFAULT_TENANT)
    clock.advance(checkpointing.SLACK_MS + 1)
    return Plugged({}, database=database)


async def kinds(books: Plugged) -> set[str]:
    found = await flows.check(books.ports.database, DEFAULT_TENANT)
    assert found.balanced is not bool(found.findings)
    return {each.what for each in found.findings}


async def revenue(database: StoreDatabase) -> int:
    ref = AccountRef(kind=REVENUE, unit="INR")
    found: int = await database.read(wallets.balance, ref, tenant=DEFAULT_TENANT)
    return found


async def test_checkpoints_change_no_balance(books: Plugged, database: StoreDatabase) -> None:
    before = await database.read(proving.trial_balance, tenant=DEFAULT_TENANT)
    assert (await revenue(database), before.balanced) == (250, True)
    made = await flows.checkpoint(books.ports, step=4)
    assert made >= 3, "of revenue several, of the partner's share one"
    assert await flows.checkpoint(books.ports, step=4) == 0
    assert await revenue(database) == 250
    assert (await database.read(proving.trial_balance, tenant=DEFAULT_TENANT)).rows == before.rows
    assert await kinds(books) == set()


async def test_nothing_is_summed_up_that_may_still_be_written(
    books: Plugged, database: StoreDatabase, clock: SettableClock
) -> None:
    clock.advance(-checkpointing.SLACK_MS)
    assert await flows.checkpoint(books.ports, step=1) == 0


class Undone(Exception):
    """Undoes a corruption; with what was found of it."""

    def __init__(self, found: set[str]) -> None:
        self.found = found


def corrupt(tx: Tx, sql: str) -> None:
    assert tx.run(sql)
    found: set[str] = set()
    for look in proving.LOOKS.values():
        after = (0, 0)
        while (seen := look(tx, after)).last is not None or seen.findings:
            found |= {each.what for each in seen.findings}
            if seen.last is None:
                break
            after = seen.last
    raise Undone(found)


async def test_what_is_changed_behind_its_back_is_found(books: Plugged, database: StoreDatabase) -> None:
    await flows.checkpoint(books.ports, step=4)
    assert await kinds(books) == set()
    for what, (sql, expected) in CORRUPTIONS.items():
        with pytest.raises(Undone) as undone:
            await database.write(corrupt, sql, tenant=DEFAULT_TENANT)
        assert undone.value.found >= expected, what
    assert await kinds(books) == set()


async def test_turns_go_on_where_the_last_ended_and_tell_once(
    books: Plugged, database: StoreDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "MOVEMENTS_AT_A_TIME", 3)
    monkeypatch.setattr(flows, "TURN_S", 0.0005)
    await database.write(lambda tx: tx.run(CORRUPTIONS["a wallet"][0]), tenant=DEFAULT_TENANT)
    prover = flows.Prover()

    def told(tx: Any) -> int:
        return int(tx.value("SELECT count(*) FROM events WHERE tenant = :tenant AND type = 'ledger_unbalanced'"))

    counts, turns, sweeps = [], 0, 0
    while sweeps < 2:
        await prover.turn(books.ports)
        turns += 1
        if not prover.under_way:
            sweeps += 1
            counts.append(await database.read(told, tenant=DEFAULT_TENANT))
    assert turns > 4
    assert counts[0] == counts[1] > 0, "what is known is not told again"
