"""The simulated world holds its promises, is the same for the same seed, and notices a server that does not hold them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio
from click.testing import CliRunner
from trio._core import _run as scheduler

from csms import dispatch
from csms.core.errors import StoreUnavailable
from csms.core.reports import MeterSampled, Noted, TransactionVerdict
from csms.db.courier import Courier
from csms.db.sqlite import SqliteWriter
from csms.domain.transactions import service as transactions
from csms.net import worker
from csms.testing.world import faults
from csms.testing.world.command_line import main
from csms.testing.world.invariants import CHECKS
from csms.testing.world.run import ALIKE, SAME, Result, run_seed
from csms.testing.world.world import Size

SMALL, TINY = Size(chargers=3, hours=0.1), Size(chargers=2, hours=0.05)
MOST_SEEDS = 12
"""So many seeds at most a broken server may survive."""


def kept(seed: int, *, twice: bool = False) -> Result:
    """A run in which every promise is kept, and something to keep it about."""
    result = run_seed(seed, SMALL, twice=twice)
    assert result.broken == []
    assert result.counts["charges"] > 5
    assert result.counts["deliveries"] >= 2 * result.counts["events"] > 50
    return result


@pytest.mark.parametrize("seed", [0, 1, 2, 146])
def test_every_promise_is_kept_and_nothing_stays_behind(seed: int) -> None:
    state, allowed = scheduler._r.getstate(), scheduler._ALLOW_DETERMINISTIC_SCHEDULING
    kept(seed)
    assert (scheduler._r.getstate(), scheduler._ALLOW_DETERMINISTIC_SCHEDULING) == (state, allowed)


def test_every_fault_happens_and_all_of_them_at_once_are_borne(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "MOODS", (3.0,))
    fired: set[str] = set()
    for seed in range(6):
        result = run_seed(seed)
        assert result.broken == []
        fired |= result.fired.keys()
        if fired == set(faults.FAULTS):
            return
    assert fired == set(faults.FAULTS)


def test_a_seed_says_everything_about_its_run() -> None:
    result = kept(3, twice=True)
    assert result.checked[ALIKE] == 1
    assert kept(4).digest != result.digest


def test_a_seed_is_the_same_in_another_process() -> None:
    code = (
        "import gc; gc.disable();"
        "from csms.testing.world.run import run_seed; from csms.testing.world.world import Size;"
        f"print(run_seed(5, Size(chargers={SMALL.chargers}, hours={SMALL.hours})).digest); gc.freeze()"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, env=environment).stdout
    assert told == f"{kept(5).digest}\n"


# --- a server that breaks its promises is noticed -------------------------------------------------------------------------------


def noticed(*promises: str, at: int = 0) -> bool:
    """Whether some of the first seeds say that these promises are broken, and before them a tiny world, of which it is known."""
    broken: set[str] = set()
    for seed, size in [(at, TINY), *((seed, SMALL) for seed in range(MOST_SEEDS))]:
        broken |= {name for name, _ in run_seed(seed, size).broken}
        if broken.issuperset(promises):
            return True
    return False


def test_an_answer_before_the_commit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    verb = SqliteWriter._verb

    def hasty(self: Any, connection: Any, run: Any, statements: Any, work: Any, now: int) -> None:
        verb(self, connection, run, statements, work, now)
        work.wake()

    monkeypatch.setattr(SqliteWriter, "_verb", hasty)
    assert noticed("no acknowledged fact lost", at=10)


def test_a_stop_that_is_acknowledged_and_forgotten_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, count = transactions.stop, iter(range(1_000_000))

    def forgetful(tx: Any, report: Any, decision: Any) -> TransactionVerdict:
        return stop(tx, report, decision) if next(count) % 10 else TransactionVerdict(0)

    monkeypatch.setattr(transactions, "stop", forgetful)
    assert noticed("no acknowledged fact lost", "energy conserved")


def test_an_event_that_is_not_delivered_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = Courier._deliver

    async def careless(self: Courier, entry: Any) -> str:
        if entry.sequence % 25 == 0:
            await trio.lowlevel.checkpoint()
            return ""
        return await deliver(self, entry)

    monkeypatch.setattr(Courier, "_deliver", careless)
    assert noticed("events delivered, in order")


def test_an_event_that_overtakes_another_of_its_key_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was set aside for a retry does not hold back what comes after it."""
    wait = Courier._wait

    def impatient(self: Courier, chain: Any, error: str) -> None:
        wait(self, chain, error)
        self._aside.drop(chain[0].key)

    monkeypatch.setattr(Courier, "_wait", impatient)
    assert noticed("events delivered, in order", at=5)


def test_a_store_error_that_is_acknowledged_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    hear = dispatch.Dispatch.hear

    async def polite(self: Any, admission: Any, report: Any) -> Any:
        try:
            return await hear(self, admission, report)
        except StoreUnavailable:
            if isinstance(report, MeterSampled):
                return Noted()
            raise

    monkeypatch.setattr(dispatch.Dispatch, "hear", polite)
    assert noticed("no acknowledged fact lost", at=10)


def test_a_charger_that_is_not_answered_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    work: Callable[..., Any] = worker.work

    async def sullen(link: Any, connection: Any) -> None:
        if link.charger_id != "W1":
            await work(link, connection)

    monkeypatch.setattr("csms.net.link.work", sullen)
    assert noticed("nobody starved")


def test_an_unexpected_error_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def clumsy(*arguments: Any) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr("csms.domain.stations.flows.service.pongs", clumsy)
    assert noticed("no surprises")


def test_transactions_that_depend_on_luck_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that reckons by the time of receipt: right as long as everything comes at once."""
    stop = transactions.stop

    def hurried(tx: Any, report: Any, decision: Any) -> TransactionVerdict:
        return stop(tx, attrs.evolve(report, stopped_at=report.received_at), decision)

    monkeypatch.setattr(transactions, "stop", hurried)
    assert noticed(SAME)


def test_a_broken_seed_of_the_command_line_says_how_to_run_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = CliRunner().invoke(main, ["--seeds", "1", "--jobs", "1", "--chargers", "1", "--hours", "0.01"])
    assert fine.exit_code == 0, fine.output
    assert "1 seeds, 0 broken" in fine.output
    monkeypatch.setitem(CHECKS, "energy conserved", lambda world, store: iter(["it went away"]))
    broken = CliRunner().invoke(main, ["--seeds", "1", "--from", "7", "--jobs", "1", "--chargers", "1", "--hours", "0.01"])
    assert broken.exit_code == 1
    assert "energy conserved:\n    it went away" in broken.output
    assert "python -m csms.testing.world --seed 7 --chargers 1 --hours 0.01 --trace" in broken.output


def test_the_trace_shows_what_happens() -> None:
    shown = CliRunner().invoke(main, ["--seed", "1", "--trace", "--chargers", "1", "--hours", "0.01"])
    assert shown.exit_code == 0, shown.output
    assert "BootNotification" in shown.output
    assert "commit" in shown.output
