"""The simulated world with money keeps its books to the minor unit, and notices a server that does not."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from csms.core.payments import PAID
from csms.domain.billing.flows import rounds
from csms.domain.billing.service import looking, paying
from csms.domain.payments.flows import refunding
from csms.domain.payments.service import crediting
from csms.testing.world import faults
from csms.testing.world.clock import deterministic_turns
from csms.testing.world.command_line import main
from csms.testing.world.money.checks import MONEY_CHECKS
from csms.testing.world.run import ALIKE, checks_of, judged, live_through, opened, run_seed
from csms.testing.world.trace import Trace
from csms.testing.world.world import Size, World

SMALL, TINY = Size(chargers=4, hours=0.08, money=True), Size(chargers=2, hours=0.04, money=True)
MOST_SEEDS = 6
"""So many seeds at most a broken server may survive."""


@pytest.mark.campaign
def test_forty_days() -> None:
    assert [run_seed(seed, Size(money=True)).broken for seed in range(40)] == [[]] * 40


@pytest.mark.campaign
def test_every_fault_of_gateways_happens_and_all_of_them_at_once_are_borne(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "MOODS", (3.0,))
    fired: set[str] = set()
    for seed in range(8):
        result = run_seed(seed, Size(money=True))
        assert result.broken == [], seed
        fired |= result.fired.keys()
    assert fired >= set(faults.MONEY_FAULTS)


@pytest.mark.campaign
def test_a_seed_with_money_says_everything_about_its_run() -> None:
    result = run_seed(5, SMALL, twice=True)
    assert (result.checked[ALIKE], result.broken) == (1, [])


def test_the_command_line_runs_towns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MONEY_CHECKS, "every movement balances", lambda world, store: iter(["a paisa went away"]))
    broken = CliRunner().invoke(
        main, ["--money", "--seeds", "1", "--from", "2", "--jobs", "1", "--chargers", "1", "--hours", "0.01"]
    )
    assert broken.exit_code == 1, broken.output
    assert "every movement balances:\n    a paisa went away" in broken.output
    assert "--seed 2 --chargers 1 --hours 0.01 --money --trace" in broken.output


# --- each promise is seen to fail -----------------------------------------------------------------------------------------------


@attrs.frozen
class Day:
    """A world whose day is over, and the folder with its store."""

    world: World
    folder: Path


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder = tmp_path_factory.mktemp("day")
    (folder / "reference").mkdir()
    world = World(0, folder, SMALL, Trace(None))
    with deterministic_turns("0"):
        live_through(world, folder)
    return Day(world, folder)


def test_money_in_is_money_out_and_balances(day: Day) -> None:
    result = judged(day.world, day.folder)
    assert result.broken == []
    assert result.counts["settled bills"] > 5
    assert result.counts["payments"] > 3
    assert result.fired["server crash"] > 2


_LAST = "(SELECT max(id) FROM ledger_movements)"
DAMAGE = {
    "money in = money out + balances": "UPDATE ledger_entries SET amount = amount + 1 WHERE account_id IN"
    " (SELECT id FROM ledger_accounts WHERE kind = 'gateway') AND movement_id = (SELECT max(movement_id) FROM ledger_entries e"
    " JOIN ledger_accounts a ON a.id = e.account_id WHERE a.kind = 'gateway')",
    "every movement balances": f"DELETE FROM ledger_entries WHERE movement_id = {_LAST} AND line = 1",
    "running balances equal entries": "UPDATE wallets SET balance_minor = balance_minor + 1 WHERE id = (SELECT min(id) FROM wallets)",
    "no account below its floor": "UPDATE ledger_entries SET balance_after = -1 WHERE (movement_id, line) IN (SELECT movement_id, line"
    " FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id WHERE a.kind = 'allowance' AND e.amount < 0 LIMIT 1)",
    "every charge billed once, at its price": "UPDATE bills SET net_minor = net_minor + 1, total_minor = total_minor + 1,"
    " wallet_minor = wallet_minor + 1 WHERE id = (SELECT min(b.id) FROM bills b JOIN transactions t ON t.id = b.transaction_id"
    " WHERE b.state = 'SETTLED' AND t.started_at_raw = '' AND t.stopped_at_raw = '')",
    "bills are booked": "UPDATE bills SET open_minor = open_minor + 7 WHERE id = (SELECT min(id) FROM bills WHERE state = 'SETTLED')",
    "nothing credited twice": "UPDATE ledger_movements SET key = key || 'x' WHERE id = (SELECT min(id) FROM ledger_movements"
    " WHERE kind = 'TOP_UP')",
    "refunds are the gateway's": "UPDATE refunds SET refund_ref = 'rfnd_of_nobody' WHERE id = (SELECT min(id) FROM refunds"
    " WHERE state = 'refunded')",
    "prepayments used or given back": "UPDATE payments SET purpose = 'prepaid' WHERE id = (SELECT min(id) FROM payments"
    " WHERE paid_minor > refunded_minor)",
    "allowances used or left": "UPDATE ledger_movements SET kind = 'ADJUSTMENT' WHERE id = (SELECT min(id) FROM ledger_movements"
    " WHERE kind = 'GRANT')",
    "invoices without gaps": "UPDATE invoices SET sequence = sequence + 1 WHERE id = (SELECT max(id) FROM invoices)",
    "everything came to its end": "UPDATE payments SET state = 'open' WHERE id = (SELECT max(id) FROM payments)",
}


def test_every_promise_has_its_damage() -> None:
    assert DAMAGE.keys() == MONEY_CHECKS.keys()


def test_a_damaged_book_is_noticed(day: Day) -> None:
    for promise, damage in DAMAGE.items():
        check = checks_of(day.world)[promise]
        with closing(opened(day.folder)) as kept, closing(sqlite3.connect(":memory:")) as store:
            kept.backup(store)
            store.row_factory = sqlite3.Row
            assert list(check(day.world, store)) == [], promise
            store.execute("PRAGMA ignore_check_constraints = ON")
            store.execute("PRAGMA foreign_keys = OFF")
            assert store.execute(damage).rowcount == 1, promise
            assert list(check(day.world, store)) != [], promise


# --- a server that breaks its promises is noticed -------------------------------------------------------------------------------


def noticed(*promises: str) -> bool:
    """Whether some of the first seeds say that these promises are broken, and before them a tiny world."""
    broken: set[str] = set()
    for seed, size in [(1, TINY), *((seed, SMALL) for seed in range(MOST_SEEDS))]:
        broken |= {name for name, _ in run_seed(seed, size).broken}
        if broken.issuperset(promises):
            return True
    return False


@pytest.mark.campaign
def test_a_refund_that_is_asked_for_again_without_looking_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway gives back each time that it is asked."""

    async def forgetful(*_: Any) -> None:
        return None

    monkeypatch.setattr(refunding, "_known", forgetful)
    monkeypatch.setitem(faults.CHANCES, "gateway answer lost", 0.4)
    assert noticed("refunds are the gateway's")


def test_a_bill_at_another_price_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = rounds.offered

    async def generous(*arguments: Any) -> Any:
        offer = await offered(*arguments)
        price = offer.price
        if price is None:
            return offer
        return attrs.evolve(offer, price=attrs.evolve(price, net_minor=price.net_minor - 1, total_minor=price.total_minor - 1))

    monkeypatch.setattr(rounds, "offered", generous)
    assert noticed("every charge billed once, at its price")


@pytest.mark.campaign
def test_a_bill_that_is_not_looked_at_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "heard", lambda *_: None)
    assert any(run_seed(seed, Size(money=True)).broken for seed in (24, *range(24)))


@pytest.mark.campaign
def test_a_debt_that_is_paid_and_still_open_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paying, "_less", lambda *_: None)
    assert noticed("bills are booked")


@pytest.mark.campaign
def test_money_that_is_credited_under_another_key_each_time_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    paid, chance = crediting.paid, random.Random(1)

    def greedy(tx: Any, payment_id: int, seen: Any) -> Any:
        if seen.payment.state == PAID and chance.random() < 0.5:
            seen = attrs.evolve(seen, payment=attrs.evolve(seen.payment, payment_id=f"{seen.payment.payment_id}again"))
        return paid(tx, payment_id, seen)

    monkeypatch.setattr(crediting, "paid", greedy)
    assert noticed("money in = money out + balances", "nothing credited twice")
