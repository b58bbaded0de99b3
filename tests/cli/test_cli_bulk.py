"""``csms bulk``: the right request, every charger's result in words, and an exit code for the worst of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from csms.cli import bulk as cli_bulk

from .conftest import Run, Stub

PLACE = "/api/v1/bulk-commands"
COUNTS = {"total": 2, "accepted": 1, "queued": 0, "under_way": 0, "ended": 2, "refused": 0, "failed": 0, "lost": 0, "cancelled": 0}


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_bulk, "LOOK_S", 0)


def bulk(state: str = "done", **more: Any) -> dict[str, Any]:
    facts = {"id": 3, "command": "Reset", "body": {}, "chosen_by": {"everyone": True}, "at_a_time": 10, "ttl_s": None}
    times = {"timeout_s": None, "asked_by": "operator key", "asked_at": "2026-01-01T00:00:00Z", "ended_at": None}
    return {**facts, **times, "state": state, "counts": COUNTS, **more}


def result(charger_id: str, outcome: str | None, progress: str = "ended", **more: Any) -> dict[str, Any]:
    return {"charger_id": charger_id, "outcome": outcome, "progress": progress, "note": "", **more}


@pytest.mark.parametrize(
    ("second", "code", "words"),
    [
        (result("C2", "Answered", status="Scheduled"), 0, "C2 answered Scheduled"),
        (result("C2", "Answered", status="Rejected"), 4, "C2 answered Rejected"),
        (result("C2", "Offline", reason="not connected"), 5, "C2 is offline"),
        (result("C2", None, "lost", note="the server ended"), 5, "the server ended"),
    ],
)
def test_every_charger_has_its_result(run: Run, stub: Stub, second: dict[str, Any], code: int, words: str) -> None:
    stub.answer("POST", PLACE, bulk("running"), 202)
    stub.answer("GET", f"{PLACE}/3", bulk())
    stub.answer("GET", f"{PLACE}/3/results", {"items": [result("C1", "Answered", status="Accepted"), second]})
    told = run("bulk", "send", "reset", "immediately", "--model", "Fast 60", "--connected", code=code)
    assert "C1 answered Accepted" in told.stdout
    assert words in told.stdout
    asked = stub.asked[0][2]
    assert (asked["command"], asked["body"]["when"]) == ("Reset", "immediately")
    assert {name: value for name, value in asked["chargers"].items() if value} == {"model": "Fast 60", "connected": True}
    whole = json.loads(run("bulk", "send", "Reset", "--all", "--json", code=code).stdout)
    assert [each["charger_id"] for each in whole["results"]] == ["C1", "C2"]


def test_one_is_left_to_itself_looked_at_and_cancelled(run: Run, stub: Stub) -> None:
    stub.answer("POST", PLACE, bulk("running"), 202)
    stub.answer("GET", PLACE, {"items": [bulk()]})
    stub.answer("GET", f"{PLACE}/3", bulk())
    stub.answer("GET", f"{PLACE}/3/results", {"items": [result("C1", "Answered", status="Accepted")]})
    stub.answer("POST", f"{PLACE}/3/cancel", bulk("cancelled"))
    assert "csms bulk show 3" in run("bulk", "send", "ClearCache", "--charger", "C1", "--no-wait").output
    assert "Reset" in run("bulk", "list").output
    assert "C1 answered Accepted" in run("bulk", "show", "3").output
    assert "Cancelled bulk 3" in run("bulk", "cancel", "3").output


def test_whom_it_is_for_must_be_said(run: Run, stub: Stub) -> None:
    assert "say which chargers" in run("bulk", "send", "Reset", code=2).stderr
    assert stub.asked == []
