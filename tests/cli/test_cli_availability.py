"""``csms availability`` and ``csms reset``: orders go through the running server, plans and lists do not."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from csms.cli.store import write
from csms.config import load
from csms.core.commands import Reset
from csms.core.ids import Place
from csms.domain.upkeep.service import availability as service
from csms.domain.upkeep.service import resets

from .conftest import Run, Stub, facts

ORDER, RESET = "/api/v1/chargers/C1/availability", "/api/v1/chargers/C1/resets"


@pytest.mark.parametrize(
    ("outcome", "state", "code", "words"),
    [
        ({"outcome": "Answered", "status": "Accepted"}, "accepted", 0, "C1 answered Accepted"),
        ({"outcome": "Answered", "status": "Scheduled"}, "scheduled", 0, "for after the transaction"),
        ({"outcome": "Answered", "status": "Rejected"}, "rejected", 4, "C1 answered Rejected"),
        ({"outcome": "Offline", "reason": "not connected"}, "pending", 5, "it will be told"),
    ],
)
def test_orders(run: Run, stub: Stub, outcome: dict[str, str], state: str, code: int, words: str) -> None:
    stub.answer("POST", ORDER, {**outcome, "certain": True, "availability": {"state": state}})
    ended = run("availability", "set", "C1", "off", "2", "--reason", "broken", code=code)
    assert words in ended.output
    assert stub.asked[-1][2] == {"place": {"evse": 2, "connector": 0}, "operative": False, "reason": "broken", "set_by": "operator"}


def test_the_whole_charger_is_meant_where_no_place_is_said(run: Run, stub: Stub) -> None:
    stub.answer("POST", ORDER, {"outcome": "Answered", "status": "Accepted", "availability": {"state": "accepted"}})
    assert facts(run("availability", "set", "C1", "on", "--json"))["status"] == "Accepted"
    assert stub.asked[-1][2]["place"] == {"evse": 0, "connector": 0}
    assert "no place" in run("availability", "set", "C1", "on", "left", code=2).stderr


def test_maintenance_is_planned_listed_and_cancelled(store: Run, tmp_path: Path) -> None:
    store("charger", "add", "C1")
    assert "No maintenance is planned" in store("availability", "windows").output
    planned = facts(store("availability", "plan", "C1", "1.2", "--until", "+2h", "--reason", "cables", "--json"))
    assert (planned["place"], planned["state"], planned["reason"]) == ("1.2", "planned", "cables")
    assert [each["id"] for each in facts(store("availability", "windows", "--charger", "C1", "--json"))] == [planned["id"]]
    assert "Cancelled" in store("availability", "cancel", str(planned["id"])).output
    assert facts(store("availability", "windows", "--json")) == []
    assert len(facts(store("availability", "windows", "--all", "--json"))) == 1
    assert "ends in the future" in store("availability", "plan", "C1", "--until", "2020-01-01", code=2).stderr


def test_what_is_out_of_service_is_listed(store: Run, tmp_path: Path) -> None:
    assert "Nobody took anything out of service" in store("availability", "list").output
    for charger in ("C1", "C2"):
        store("charger", "add", charger)
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    write(config, partial(service.order, charger_id="C1", place=Place(), operative=False, reason="broken"))
    write(config, partial(service.order, charger_id="C2", place=Place(2), operative=True))
    listed = facts(store("availability", "list", "--json"))
    assert [(each["charger_id"], each["place"], each["operative"]) for each in listed] == [("C1", "all", False), ("C2", "2", True)]
    assert [each["charger_id"] for each in facts(store("availability", "list", "--off", "--json"))] == ["C1"]
    assert "broken" in store("availability", "list", "--charger", "C1").output


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ([], {"when": "when_idle", "evse": None, "force": False}),
        (["--hard", "--force"], {"when": "immediately", "evse": None, "force": True}),
    ],
)
def test_resets_are_sent(run: Run, stub: Stub, options: list[str], body: dict[str, object]) -> None:
    stub.answer("POST", RESET, {"outcome": "Answered", "status": "Accepted", "reset": {"id": 7}})
    assert "Reset 7: C1 answered Accepted" in run("reset", "send", "C1", *options).output
    assert stub.asked[-1][2] == body


def test_a_reset_that_is_refused_here(run: Run, stub: Stub) -> None:
    problem = {"title": "Conflict", "status": 409, "detail": "transaction 5 runs at C1: reset it when it is idle, or force it"}
    stub.answer("POST", RESET, problem, status=409)
    assert "transaction 5 runs at C1" in run("reset", "send", "C1", "--hard", code=1).stderr


def test_resets_are_listed(store: Run, tmp_path: Path) -> None:
    assert "No charger was reset" in store("reset", "list").output
    store("charger", "add", "C1")
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    write(config, partial(resets.begin, charger_id="C1", command=Reset(), limit_s=60))
    assert [each["state"] for each in facts(store("reset", "list", "--charger", "C1", "--json"))] == ["sending"]
    assert facts(store("reset", "list", "--state", "failed", "--json")) == []
