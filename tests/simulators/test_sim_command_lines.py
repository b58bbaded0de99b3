"""The programs as programs: over real sockets, with signals, exit codes and one-line errors."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import click
import pytest
import trio

import simulators.charger.command_line as of_charger
import simulators.check.command_line as of_check
import simulators.fleet.command_line as of_fleet
import simulators.providers.command_line as of_providers
import simulators.razorpay.command_line as of_razorpay
import simulators.s3.command_line as of_s3
import simulators.sms.command_line as of_sms
import simulators.smtp.command_line as of_smtp
import simulators.whatsapp.command_line as of_whatsapp
from simulators.charger.quirks import QUIRKS
from simulators.charger.script import VERBS
from simulators.clock import Clock
from simulators.command import run
from simulators.stub import StubServer

ROOT = Path(__file__).parents[2]
LIMIT_S = 60
COMMANDS = {
    "simulators.charger": of_charger.command,
    "simulators.check": of_check.command,
    "simulators.fleet": of_fleet.command,
    "simulators.providers": of_providers.command,
    "simulators.razorpay": of_razorpay.command,
    "simulators.s3": of_s3.command,
    "simulators.sms": of_sms.command,
    "simulators.smtp": of_smtp.command,
    "simulators.whatsapp": of_whatsapp.command,
}


async def program(*arguments, stdin=b"", env=None) -> subprocess.CompletedProcess:
    with trio.fail_after(LIMIT_S):
        return await trio.run_process(
            [sys.executable, "-m", *arguments],
            stdin=stdin,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            cwd=ROOT,
            env=os.environ | (env or {}),
        )


@pytest.fixture
async def server(nursery):
    server = StubServer(Clock.start(), record=True)
    port = await nursery.start(server.serve_tcp, 0)
    server.url = f"ws://127.0.0.1:{port}/ocpp"
    return server


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_scripted_charger(server, version, tmp_path):
    server.password_of = {"DEMO-1": b"secret"}.get
    script = "plug 1 soc=50; tap 1 TAG; wait 60; tap 1; unplug 1"
    acked = tmp_path / "acked.jsonl"
    arguments = [
        "--url",
        server.url,
        "--id",
        "DEMO-1",
        "--version",
        version,
        "--script",
        script,
        "--speed",
        "600",
        "--acked",
        str(acked),
    ]
    done = await program("simulators.charger", *arguments, env={"CHARGER_PASSWORD": "secret"})
    assert done.returncode == 0, done.stderr
    assert b"connector 1 is Charging" in done.stdout
    actions = [heard.action for heard in server.heard]
    assert actions[-1] in ("StatusNotification", "TransactionEvent")
    assert len(acked.read_text().splitlines()) == len(server.heard)


async def test_a_script_that_fails(server):
    done = await program("simulators.charger", "--url", server.url, "--script", "unplug 1", "--quiet")
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == ["error: unplug 1: connector 1 has no car (usage: unplug N)"]


async def test_the_prompt(server):
    lines = b"help\nplug 1\nnonsense\nuntil 1 Preparing\nshow\nquit\n"
    done = await program("simulators.charger", "--url", server.url, "--interactive", stdin=lines)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert "show a token" in text
    assert "error: no such verb: 'nonsense'" in text
    assert "connector 1: Preparing" in text


async def test_the_prompt_can_be_interrupted(server, nursery):
    command = [sys.executable, "-m", "simulators.charger", "--url", server.url, "--interactive"]
    start = partial(trio.run_process, command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    process = await nursery.start(start)
    with trio.fail_after(LIMIT_S):
        while not any(heard.action == "StatusNotification" for heard in server.heard):
            await trio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


async def test_a_second_signal_ends_a_fleet_at_once(server, nursery, tmp_path):
    server.answer = lambda connection, call: None
    report = tmp_path / "out.json"
    fleet = ["--chargers", "3", "--ramp", "0", "--duration", "0", "--report", str(report)]
    command = [sys.executable, "-m", "simulators.fleet", "--url", server.url, *fleet]
    process = await nursery.start(partial(trio.run_process, command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False))
    with trio.fail_after(LIMIT_S / 2):
        while len(server.heard) < 3:
            await trio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        await trio.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 1
    assert "no charger was accepted" in json.loads(report.read_text())["verdict"]


async def test_a_charger_that_lives_by_itself_ends_at_a_signal(server, nursery):
    process = await nursery.start(
        partial(
            trio.run_process,
            [sys.executable, "-m", "simulators.charger", "--url", server.url, "--speed", "200", "--gap", "20", "--stay", "200"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
    )
    with trio.fail_after(LIMIT_S):
        while not any(heard.action == "StopTransaction" for heard in server.heard):
            await trio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    starts = [heard for heard in server.heard if heard.action == "StartTransaction"]
    stops = [heard for heard in server.heard if heard.action == "StopTransaction"]
    assert len(starts) == len(stops)


async def test_a_fleet(server, tmp_path):
    report, acked = tmp_path / "out.json", tmp_path / "acked.jsonl"
    fleet = [
        "--chargers",
        "30",
        "--ramp",
        "1",
        "--duration",
        "2.5",
        "--speed",
        "40",
        "--seed",
        "4",
        "--drop-rate",
        "30",
        "--backoff-min",
        "0.1",
    ]
    done = await program(
        "simulators.fleet",
        "--url",
        server.url,
        *fleet,
        "--report",
        str(report),
        "--acked",
        str(acked),
        "--password-template",
        "p-{n}",
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert b"nothing lost" in done.stdout
    data = json.loads(report.read_text())
    assert data["ok"] is True
    assert data["chargers"]["accepted"] == 30
    total = data["total"]
    assert total["answered"] <= server.answered <= total["answered"] + total["cut"]
    heartbeats = data["actions"].get("Heartbeat", {"answered": 0})["answered"]
    assert len(acked.read_text().splitlines()) == total["answered"] - heartbeats
    assert data["connections"]["dropped_by_chargers"]


async def test_a_fleet_finishes_its_report_at_a_signal(server, nursery, tmp_path):
    report = tmp_path / "out.json"
    command = [sys.executable, "-m", "simulators.fleet", "--url", server.url, "--chargers", "5", "--ramp", "0.1", "--duration", "0"]
    process = await nursery.start(
        partial(trio.run_process, [*command, "--report", str(report)], cwd=ROOT, stdout=subprocess.DEVNULL)
    )
    with trio.fail_after(LIMIT_S):
        while len(server.connections) < 5:
            await trio.sleep(0.05)
        await trio.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    assert json.loads(report.read_text())["verdict"] == "nothing lost"


async def test_a_fleet_that_nobody_answers():
    arguments = ["--url", "ws://127.0.0.1:9/ocpp", "--chargers", "2", "--ramp", "0", "--duration", "0.5", "--grace", "0.5"]
    done = await program("simulators.fleet", *arguments)
    assert done.returncode == 1
    assert b"no charger was accepted" in done.stdout


async def test_who_is_in_a_fleet():
    arguments = ["--chargers", "3", "--list", "--password-template", "{id}!", "--mix", "2.0.1=1"]
    done = await program("simulators.fleet", *arguments)
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "id,password,version,tokens"
    assert lines[1].startswith("SIM-00001,SIM-00001!,2.0.1,TAG-00001-1")
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("simulators.charger", "--url", "http://x"), "not a WebSocket address"),
        (("simulators.charger", "--version", "1.5"), "'1.5' is not one of '1.6', '2.0.1'"),
        (("simulators.charger", "--script", "fly"), "no such verb: 'fly'"),
        (("simulators.charger", "--script", "show", "--interactive"), "only one of"),
        (("simulators.charger", "--scenario", "nope"), "no such scenario: 'nope' (one of availability-changes"),
        (("simulators.charger", "--nonsense"), "--nonsense"),
        (("simulators.charger", "--acked", "/nonexistent/x", "--script", "show"), "cannot write"),
        (("simulators.fleet", "--mix", "3.0=1"), "no such OCPP version in the mix"),
        (("simulators.fleet", "--chargers", "none"), "'none' is not a valid integer"),
        (("simulators.fleet", "--id-template", "X"), "gives one id to several"),
        (("simulators.fleet", "--password", "a", "--password-template", "b"), "only one of"),
        (("simulators.fleet", "--acked", "/nonexistent/x"), "cannot write"),
        (("simulators.check", "--acked", "x"), "one of --database and --export-dir"),
        (("simulators.check", "--acked", "x", "--database", "/nonexistent"), "no such database"),
        (("simulators.providers",), "Missing option '--folder'"),
        (("simulators.razorpay", "--port", "many"), "'many' is not a valid integer"),
        (("simulators.s3", "--folder", "/nonexistent"), "does not exist"),
    ],
)
def test_wrong_arguments(arguments, reason, capsys, monkeypatch):
    name, *rest = arguments
    monkeypatch.setattr(sys, "argv", [f"python -m {name}", *rest])
    with pytest.raises(SystemExit) as caught:
        run(COMMANDS[name])
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert reason in lines[0]


async def test_wrong_arguments_of_the_program():
    done = await program("simulators.charger", "--nonsense")
    assert done.returncode == 2
    assert re.fullmatch(rb"error: No such option .*\(see python -m simulators.charger --help\)\n", done.stderr)


@pytest.mark.parametrize("name", ["charger", "fleet", "check", "providers", "razorpay", "s3", "sms", "smtp", "whatsapp"])
def test_help_has_examples(name, capsys):
    assert COMMANDS[f"simulators.{name}"].main(["--help"], standalone_mode=False) == 0
    assert "Examples:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("--verbs", "plug N"),
        ("--quirks", "kwh-as-strings"),
        ("--quirk list", "two-sockets"),
        ("--fail list", "InstallationFailed"),
        ("--without list", "SmartCharging"),
        ("--scenarios", "offline-day"),
    ],
)
def test_lists(option, word, capsys):
    assert COMMANDS["simulators.charger"].main(option.split(), standalone_mode=False) == 0
    assert word in capsys.readouterr().out


def test_help_is_in_groups(capsys):
    COMMANDS["simulators.charger"].main(["--help"], standalone_mode=False)
    text = capsys.readouterr().out
    places = [
        text.index(f"{group}:")
        for group in ("The central system", "Security (whitepaper ed. 2)", "The charger", "What happens", "Misbehaviour")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--quirk nonsense", "no such quirk: 'nonsense' (one of no-subprotocol"),
        ("--diagnostics-size huge", "not a size: 'huge' (such as 65536"),
        ("--set Nonsense=1", "no such configuration key: 'Nonsense'"),
        ("--set HeartbeatInterval=often", "cannot set HeartbeatInterval to 'often'"),
        ("--set HeartbeatInterval", "not NAME=VALUE"),
        ("--security-profile 2", "security profile 2 needs a wss:// address"),
        ("--url wss://x/ocpp --security-profile 3", "security profile 3 needs --client-cert and --client-key"),
        ("--client-cert README.md", "--client-cert and --client-key go together"),
        ("--ca-file README.md", "README.md: not a PEM certificate"),
        ("--secure-url ws://x/", "--secure-url needs a wss:// address"),
    ],
)
def test_wrong_options_of_a_charger(arguments, reason, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(click.UsageError, match=re.escape(reason)):
        COMMANDS["simulators.charger"].main(arguments.split(), standalone_mode=False)


def test_nothing_of_csms_is_imported():
    for path in (ROOT / "simulators").rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not line.strip().startswith(("import csms", "from csms", "import ocpp", "from ocpp")), f"{path}: {line}"


PAGE = ROOT / "docs" / "simulators.md"


def test_the_page_knows_every_verb_and_quirk():
    text = PAGE.read_text(encoding="utf-8")
    for verb in VERBS:
        assert re.search(rf"`{verb}\b", text), verb
    for name, quirk in QUIRKS.items():
        assert f"| `{name}` | {quirk.text} |" in text


def test_the_commands_of_the_page_are_right():
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = [part.strip() for block in blocks for line in block.splitlines() for part in line.split("&&")]
    ours = [shlex.split(line)[2:] for line in lines if line.startswith("python -m simulators.")]
    assert len(ours) > 8
    for name, *arguments in ours:
        COMMANDS[name].make_context(name, arguments)
