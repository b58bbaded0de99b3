"""A fleet is what its seed says, counts what happens, and knows what was lost."""

from __future__ import annotations

import json
from collections import Counter

import attrs
import pytest
import trio
from rich.console import Console

from simulators.charger.quirks import QUIRKS
from simulators.clock import parse_iso
from simulators.fleet.passwords import passwords
from simulators.fleet.plan import PlanError, Wishes, parse_mix, plan
from simulators.fleet.report import make_report, show
from simulators.fleet.run import Course, Fleet
from simulators.watch import SentCall, Watcher, Watchers

WISHES = Wishes(chargers=12, seed="7", ramp_s=5, gap_s=30, stay_s=240, meter_interval_s=60)


def prepare(bench, wishes: Wishes = WISHES, *watchers: Watcher, **course):
    course = Course(**{"duration_s": 900, "drops_per_hour": 0, "seed": wishes.seed, "grace_s": 60} | course)
    planned = plan(wishes)
    watcher = Watchers(bench.ledger, *watchers)
    return Fleet(planned, bench.address, course, bench.ledger, clock=bench.clock, watcher=watcher, stream=bench.stream), planned


async def test_a_quiet_run_loses_nothing_and_counts_right(autojump_clock, bench):
    fleet, planned = prepare(bench)
    await fleet.run()
    heard = Counter(heard.action for heard in bench.heard())
    for action, tally in bench.ledger.actions.items():
        assert (tally.sent, tally.answered, tally.errors, tally.lost, tally.cut) == (heard[action], heard[action], 0, 0, 0)
    assert set(heard) >= {"BootNotification", "StatusNotification", "StartTransaction", "TransactionEvent", "MeterValues"}
    assert len(bench.ledger.accepted) == 12
    assert bench.ledger.transactions_started == bench.ledger.transactions_ended > 12
    assert bench.ledger.connected_now == 0
    report = make_report(fleet, planned, url="ws://stub", seed="7", ran_s=900)
    assert report.exit_code == 0
    assert report.data["verdict"] == "nothing lost"
    assert report.data["total"]["sent"] == sum(heard.values())
    json.dumps(report.data)


class Deeds(Watcher):
    """What each charger did, without its timing to the millisecond."""

    def __init__(self) -> None:
        self.of: dict[str, list[tuple[object, ...]]] = {}

    def sent(self, call: SentCall) -> None:
        key = call.payload.get("timestamp")
        second = round(parse_iso(key) / 1000) if isinstance(key, str) else None
        token = call.payload.get("idTag") or call.payload.get("idToken", {}).get("idToken")
        self.of.setdefault(call.charger_id, []).append((call.action, token, call.payload.get("meterStart"), second))


async def run_once(bench_type, seed: str, seconds: float = 900) -> dict[str, list[tuple[object, ...]]]:
    deeds = Deeds()
    async with trio.open_nursery() as nursery:
        bench = bench_type(nursery)
        wishes = attrs.evolve(WISHES, seed=seed)
        fleet, _ = prepare(bench, wishes, deeds, drops_per_hour=20, duration_s=seconds)
        await fleet.run()
        nursery.cancel_scope.cancel()
    return {charger: sorted(calls, key=repr) for charger, calls in deeds.of.items()}


def test_the_same_seed_gives_the_same_run_and_another_seed_another(bench_type):
    def run(seed: str):
        return trio.run(run_once, bench_type, seed, clock=trio.testing.MockClock(autojump_threshold=0))

    first, second, other = run("7"), run("7"), run("8")
    assert first == second
    assert first != other


async def test_troubles_duplicate_but_lose_nothing(autojump_clock, bench):
    fleet, planned = prepare(bench, attrs.evolve(WISHES, chargers=20, seed="3"), drops_per_hour=60, duration_s=1800)
    await fleet.run()
    report = make_report(fleet, planned, url="", seed="3", ran_s=1)
    assert report.faults == ()
    assert set(bench.ledger.drops) == {"cut", "close", "vanish"}
    assert len(bench.heard("BootNotification")) > 20
    starts = [h for h in bench.heard("TransactionEvent") if h.payload.get("offline")]
    assert starts


async def test_an_answer_that_never_comes_is_lost(autojump_clock, bench):
    usual = bench.server.answer
    dropped = []

    def answer(connection, call):
        if call.action == "StopTransaction" and len(dropped) < 3:
            dropped.append(call)
            return None
        return usual(connection, call)

    bench.server.answer = answer
    fleet, planned = prepare(bench)
    await fleet.run()
    report = make_report(fleet, planned, url="", seed="7", ran_s=1)
    assert bench.ledger.actions["StopTransaction"].lost == 3
    assert report.faults == ("3 calls were never answered although the connection lived",)
    assert report.exit_code == 1


async def test_late_answers_are_counted(autojump_clock, bench):
    fleet, _ = prepare(bench, attrs.evolve(WISHES, chargers=2))
    original = bench.server._hear

    async def slow(connection, call):
        await trio.sleep(1.5)
        await original(connection, call)

    bench.server._hear = slow
    await fleet.run()
    tally = bench.ledger.total()
    assert tally.late == tally.answered == tally.sent
    assert tally.latency.quantile_s(0.5) == pytest.approx(1.5, rel=0.03)


async def test_messages_that_cannot_be_delivered_are_a_fault(autojump_clock, bench):
    fleet, planned = prepare(bench, grace_s=10)

    async def pull_the_plug() -> None:
        await trio.sleep(400)
        bench.reachable = False
        for stream in bench.streams:
            await trio.aclose_forcefully(stream)

    bench.nursery.start_soon(pull_the_plug)
    await fleet.run()
    report = make_report(fleet, planned, url="", seed="7", ran_s=1)
    assert fleet.undelivered > 0
    assert report.faults == (f"{fleet.undelivered} transaction messages could not be delivered before the end",)
    assert bench.ledger.total().lost == 0


async def test_refused_messages_are_a_fault(autojump_clock, bench):
    usual = bench.server.answer
    bench.server.answer = lambda c, call: ("InternalError", "no") if call.action == "StartTransaction" else usual(c, call)
    fleet, planned = prepare(bench)
    await fleet.run()
    report = make_report(fleet, planned, url="", seed="7", ran_s=1)
    assert any("refused until the charger gave them up" in fault for fault in report.faults)
    assert "StartTransaction InternalError: no" in report.data["errors"]


async def test_nobody_accepted_is_a_fault(autojump_clock, bench):
    bench.server.password_of = lambda charger_id: b"secret"
    fleet, planned = prepare(bench)
    await fleet.run()
    report = make_report(fleet, planned, url="", seed="7", ran_s=1)
    assert report.faults[0] == "no charger was accepted"
    assert report.data["connections"]["turned_away"].keys() == {"HTTP 401"}


async def test_the_end_can_come_early_and_drivers_may_stay(autojump_clock, bench):
    fleet, _ = prepare(bench, duration_s=0, keep_charging=True)

    async def end() -> None:
        await trio.sleep(300)
        fleet.end()

    bench.nursery.start_soon(end)
    with trio.fail_after(400):
        await fleet.run()
    assert bench.ledger.transactions_started > bench.ledger.transactions_ended
    assert bench.ledger.total().lost == 0


async def test_a_remote_start_brings_a_driver(autojump_clock, bench):
    fleet, _ = prepare(bench, attrs.evolve(WISHES, chargers=1, mix=(("1.6", 1.0),), gap_s=100_000, stay_s=60))
    answers = []

    async def operator() -> None:
        await bench.until(lambda: bool(bench.ledger.accepted))
        await trio.sleep(5)
        answers.append(await bench.server.command("SIM-00001", "RemoteStartTransaction", {"idTag": "REMOTE"}))

    bench.nursery.start_soon(operator)
    await fleet.run()
    assert answers[0].payload == {"status": "Accepted"}
    assert [h.payload["idTag"] for h in bench.heard("StartTransaction")] == ["REMOTE"]
    assert len(bench.heard("StopTransaction")) == 1
    assert bench.ledger.commands["RemoteStartTransaction"]["Accepted"] == 1


async def test_the_table_can_be_shown(autojump_clock, bench, capsys):
    fleet, planned = prepare(bench, attrs.evolve(WISHES, chargers=3))
    await fleet.run()
    show(make_report(fleet, planned, url="", seed="7", ran_s=60), Console(width=200))
    text = capsys.readouterr().out
    assert "3 of 3 accepted" in text
    assert "nothing lost" in text
    assert "BootNotification" in text


# --- the plan -------------------------------------------------------------------------------------------------------------------


def test_a_plan_follows_its_seed():
    assert plan(WISHES) == plan(WISHES)
    assert plan(WISHES) != plan(attrs.evolve(WISHES, seed="8"))


def test_the_mix_is_kept_exactly():
    wishes = attrs.evolve(WISHES, chargers=1000, mix=parse_mix("1.6=70,2.0.1=30"), quirk_share=0.5)
    planned = plan(wishes)
    assert Counter(one.profile.version for one in planned) == {"1.6": 700, "2.0.1": 300}
    quirks = Counter(quirk for one in planned for quirk in one.profile.quirks)
    assert 400 < sum(quirks.values()) < 600
    assert set(quirks) == {name for name, quirk in QUIRKS.items() if quirk.everywhere}
    assert len({one.profile.charger_id for one in planned}) == 1000
    assert all(0 <= one.starts_after_s <= wishes.ramp_s for one in planned)


def test_quirks_are_mixed():
    wishes = attrs.evolve(WISHES, chargers=500, quirk_share=0.3, quirks_each=3, quirks=tuple(QUIRKS))
    counts = Counter(len(one.profile.quirks) for one in plan(wishes))
    assert 110 < 500 - counts[0] < 190
    assert set(counts) == {0, 1, 2, 3}
    assert {quirk for one in plan(wishes) for quirk in one.profile.quirks} == set(QUIRKS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("1.5=3", "no such OCPP version"), ("1.6=many", "not a share"), ("1.6=0", "must be positive"), ("1.6=-1,2.0.1=5", "positive")],
)
def test_mixes_that_cannot_be(text, reason):
    with pytest.raises(PlanError, match=reason):
        parse_mix(text)


def test_templates_that_cannot_be():
    with pytest.raises(PlanError, match=r"allowed: \{n\}"):
        plan(attrs.evolve(WISHES, id_template="CP-{number}"))
    with pytest.raises(PlanError, match="one id to several"):
        plan(attrs.evolve(WISHES, id_template="CP"))


def test_where_passwords_come_from(tmp_path):
    file = tmp_path / "keys.csv"
    file.write_text('id,password,version\n# comment\nA,secret\nB,"with,comma",1.6\n')
    of_file = passwords(one=None, template=None, file=file)
    assert (of_file("A", 1), of_file("B", 2)) == (b"secret", b"with,comma")
    with pytest.raises(PlanError, match="no password for C"):
        of_file("C", 3)
    assert passwords(one=None, template="pw-{id}-{n}", file=None)("X", 4) == b"pw-X-4"
    assert passwords(one="same", template=None, file=None)("X", 4) == b"same"
    assert passwords(one=None, template=None, file=None)("X", 4) is None
    with pytest.raises(PlanError, match="only one of"):
        passwords(one="a", template="b", file=None)
    file.write_text("A\n")
    with pytest.raises(PlanError, match="line 1: expected ID,PASSWORD"):
        passwords(one=None, template=None, file=file)
    with pytest.raises(PlanError, match="cannot read"):
        passwords(one=None, template=None, file=tmp_path / "none")
