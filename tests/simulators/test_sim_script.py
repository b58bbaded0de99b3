"""Scripts say what happens to a charger, and fail in one line."""

from __future__ import annotations

import pytest
import trio

from simulators.charger.options import scenarios
from simulators.charger.script import VERBS, ScriptError, Stage, Step, parse


def test_steps():
    text = """
    # a comment
    plug 1 soc=50; tap 1 TAG   # another
    send DataTransfer {"vendorId": "a;b", "data": "#1"}; raw [2,"x"]
    say it's over
    """
    assert [str(step) for step in parse(text)] == [
        "plug 1 soc=50",
        "tap 1 TAG",
        'send DataTransfer {"vendorId": "a;b", "data": "#1"}',
        'raw [2,"x"]',
        "say it's over",
    ]


def test_an_unknown_verb_is_refused_with_those_there_are():
    with pytest.raises(ScriptError, match=r"no such verb: 'plugg' \(one of plug, tap"):
        parse("plugg 1")


@pytest.fixture
async def stage(bench):
    said: list[str] = []
    charger = bench.make()
    await bench.nursery.start(charger.run)
    await bench.until(lambda: charger.online)
    stage = Stage(charger, said.append)
    stage.said = said
    return stage


async def play(stage, text):
    for step in parse(text):
        await stage.play(step)


async def test_a_script_charges(autojump_clock, bench, stage):
    await play(stage, "plug 1 soc=50 kwh=40 kw=7; tap 1 TAG; until 1 charging; wait 3600; tap 1; unplug 1; until sent; show")
    stop = bench.heard("StopTransaction")[0].payload
    assert stop["meterStop"] == pytest.approx(7000, rel=0.01)
    assert stage.said[0] == "CH-1: online, 0 messages wait"
    assert "connector 1: Available, meter 7.0" in stage.said[2]


async def test_every_other_verb(autojump_clock, bench, stage):
    await play(
        stage,
        """
        pause 1; resume 1
        fault 2 GroundFailure; until 2 Faulted; clear 2
        tell Heartbeat; tell MeterValues 1; until sent
        data vendor message text
        quirk zoneless-time; quirk zoneless-time off
        set meter_interval_s 5; set HeartbeatInterval 9
        raw nonsense
        send Nonsense {}
        drop 5 close; until online; drop; until online
        offline; wait 5; online; until online
        power 3; until offline; until online
        reboot hard; until online; reboot; until online
        fail unlock; fail unlock off; event TamperDetectionActivated door
        tell FirmwareStatusNotification; tell LogStatusNotification; until sent
        say bye
        """,
    )
    assert stage.charger.settings.number("meter_interval_s") == 5
    assert {"Heartbeat", "MeterValues", "DataTransfer", "Nonsense", "SecurityEventNotification"} <= set(bench.actions())
    assert {"FirmwareStatusNotification", "LogStatusNotification"} <= set(bench.actions())
    assert len(bench.heard("BootNotification")) == 4
    assert 'DataTransfer was answered {"status":"Accepted"}' in stage.said
    assert "Nonsense was refused: NotImplemented: Nonsense" in stage.said
    assert stage.said[-1] == "bye"


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("plug 9", r"plug 9: no connector 9 \(this charger has 1 to 2\) \(usage: plug N"),
        ("plug 1 colour=red", "no such option: colour"),
        ("plug", "usage: plug N"),
        ("unplug 1", "has no car"),
        ("tap 1", "no token was shown"),
        ("wait long", "could not convert"),
        ("drop 1 gently", "no such kind of drop"),
        ("quirk nonsense", "no such quirk"),
        ("set nonsense 1", "no such setting"),
        ("send X {bad", "not a JSON object"),
        ("tell Secrets", "cannot tell"),
        ("fail nonsense", "no such failure"),
        ("event", "usage: event TYPE"),
        ("expect Reset 1", "did not send it within 1 s"),
        ("until firmware Installed 1", "not within 1 s"),
        ("until 1 Charging 1", "not within 1 s"),
        ("say 'x", None),
    ],
)
async def test_what_goes_wrong_is_said_in_one_line(autojump_clock, stage, step, reason):
    verb, _, rest = step.partition(" ")
    if reason is None:
        await stage.play(Step(verb, rest))
        return
    with pytest.raises(ScriptError, match=reason) as caught:
        await stage.play(Step(verb, rest))
    assert "\n" not in str(caught.value)


def test_every_verb_is_explained():
    assert all(verb.text for verb in VERBS.values())


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("name", ["bad-citizen", "full-success", "offline-day", "power-cut"])
async def test_scenarios_play_to_their_end(autojump_clock, bench, version, name):
    bench.clock.speed = 20
    charger = await bench.charger(version)
    stage = Stage(charger, lambda text: None)
    for step in parse(scenarios()[name]):
        await stage.play(step)
    await bench.delivered(charger)
    assert bench.heard("StartTransaction", "TransactionEvent")
    assert bench.ledger.total().lost == 0
    assert bench.ledger.transactions_started == bench.ledger.transactions_ended


async def test_the_remote_scenario(autojump_clock, bench):
    charger = await bench.charger()
    stage = Stage(charger, lambda text: None)

    async def operator():
        await trio.sleep(30)
        await bench.server.command("CH-1", "RemoteStartTransaction", {"idTag": "T", "connectorId": 1})
        await trio.sleep(60)
        await bench.server.command("CH-1", "RemoteStopTransaction", {"transactionId": 1})

    bench.nursery.start_soon(operator)
    for step in parse(scenarios()["remote"]):
        await stage.play(step)
    assert bench.heard("StopTransaction")[0].payload["reason"] == "Remote"
