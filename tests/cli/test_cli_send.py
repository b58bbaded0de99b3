"""``csms send``: the right request, a sentence for people, JSON for scripts, and an exit code for every outcome."""

from __future__ import annotations

import json
from typing import Any

import pytest

from csms.core.commands import Outcome

from .conftest import Run, Stub

PATH = "/api/v1/chargers/C1/commands/Reset"


def test_a_command_is_sent_and_its_answer_told(run: Run, stub: Stub) -> None:
    stub.answer("POST", PATH, {"outcome": "Answered", "certain": True, "status": "Accepted", "detail": {}})
    result = run("send", "C1", "Reset", "when=immediately")
    assert result.output == "C1 answered Accepted\n"
    method, path, body = stub.asked[0]
    assert (method, path.partition("?")[0], body) == ("POST", PATH, {"when": "immediately", "evse": None})
    assert "ttl_s=60" in path
    assert "timeout_s=30" in path


def test_json_gives_the_whole_answer(run: Run, stub: Stub) -> None:
    answer = {"outcome": "Answered", "certain": True, "status": "Accepted", "detail": {"a": [1]}}
    stub.answer("POST", PATH, answer)
    assert json.loads(run("send", "C1", "Reset", "--json").stdout) == answer


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ({"outcome": "Answered", "status": "Accepted"}, 0, "C1 answered Accepted"),
        ({"outcome": "Answered", "status": "Scheduled"}, 0, "C1 answered Scheduled"),
        ({"outcome": "Answered", "status": "Rejected"}, 4, "C1 answered Rejected"),
        ({"outcome": "CallError", "code": "InternalError", "description": "broken"}, 4, "InternalError broken"),
        ({"outcome": "NotSupported", "reason": "not in 1.6"}, 4, "C1 cannot do Reset: not in 1.6"),
        ({"outcome": "TimedOut"}, 5, "did not answer in time; it may have obeyed"),
        ({"outcome": "Lost"}, 5, "it may have obeyed"),
        ({"outcome": "Expired"}, 5, "was not sent"),
        ({"outcome": "Superseded"}, 5, "was not sent"),
        ({"outcome": "QueueFull"}, 5, "was not sent"),
        ({"outcome": "Offline", "reason": "not connected"}, 5, "C1 is offline: not connected"),
    ],
)
def test_every_outcome_has_its_words_and_its_code(run: Run, stub: Stub, answer: dict[str, Any], code: int, words: str) -> None:
    stub.answer("POST", PATH, answer)
    assert words in run("send", "C1", "Reset", code=code).output
    assert run("send", "C1", "Reset", "--json", code=code).exit_code == code


def test_no_outcome_is_forgotten() -> None:
    told = {"Answered", "CallError", "NotSupported", "TimedOut", "Lost", "Expired", "Superseded", "QueueFull", "Offline"}
    assert {kind.__name__ for kind in Outcome.__subclasses__()} == told


def test_what_the_charger_said_besides_is_shown(run: Run, stub: Stub) -> None:
    variables = [{"name": "HeartbeatInterval", "value": "300"}, {"name": "MeterValueSampleInterval", "value": "60"}]
    path = "/api/v1/chargers/C1/commands/GetVariables"
    stub.answer("POST", path, {"outcome": "Answered", "status": "Accepted", "detail": {"variables": variables}})
    output = run("send", "C1", "GetVariables", "HeartbeatInterval").output
    assert "HeartbeatInterval" in output
    assert "300" in output
    assert "MeterValueSampleInterval" in output


def test_odd_charger_ids_travel_whole(run: Run, stub: Stub) -> None:
    stub.answer("POST", "/api/v1/chargers/a%2Fb%20%C3%BC/commands/ClearCache", {"outcome": "Answered", "status": "Accepted"})
    run("send", "a/b ü", "ClearCache")


def test_a_body_is_sent_as_it_is(run: Run, stub: Stub) -> None:
    stub.answer("POST", PATH, {"outcome": "Answered", "status": "Accepted"})
    run("send", "C1", "Reset", "--body", '{"when": "immediately"}')
    assert stub.asked[0][2] == {"when": "immediately"}
    assert "no JSON object" in run("send", "C1", "Reset", "--body", "[1]", code=2).output
    assert "not both" in run("send", "C1", "Reset", "soft", "--body", "{}", code=2).output


def test_what_the_server_refuses_is_one_line(run: Run, stub: Stub) -> None:
    problem = {
        "title": "Invalid Input",
        "status": 422,
        "detail": "not a valid Reset",
        "errors": [{"field": "when", "message": "must be one of ..."}],
    }
    stub.answer("POST", PATH, problem, status=422)
    result = run("send", "C1", "Reset", code=2)
    assert result.stderr == "csms: not a valid Reset; when: must be one of ...\n"
    stub.answer("POST", PATH, b"<html>", status=502)
    assert run("send", "C1", "Reset", code=1).stderr.startswith("csms: the server answered 502")


def test_a_server_that_does_not_know_our_key(run: Run, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_API_KEY", "another")
    assert "does not take our operator key" in run("send", "C1", "Reset", code=3).stderr


def test_no_server(run: Run, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("send", "C1", "Reset", "--server", "http://127.0.0.1:1", code=3)
    assert result.stderr.startswith("csms: no server answers at http://127.0.0.1:1: ")
    assert len(result.stderr.splitlines()) == 1
    monkeypatch.setenv("CSMS_API_PORT", "0")
    assert "say with --server" in run("send", "C1", "Reset", code=2).stderr


def test_the_list_shows_every_command_and_needs_no_server(run: Run) -> None:
    listed = json.loads(run("send", "--list", "--json").stdout)
    assert {"Reset", "StartCharging", "SendData"} <= {entry["command"] for entry in listed}
    assert "SetVariables [COMPONENT.]NAME=VALUE" in run("send", "--list").output


def test_a_command_line_mistake_is_one_line(run: Run) -> None:
    assert len(run("send", "C1", "Reset", "now", code=2).stderr.splitlines()) == 1
    assert "say which charger" in run("send", "C1", code=2).stderr
