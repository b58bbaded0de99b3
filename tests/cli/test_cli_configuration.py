"""``csms configuration``: what is wanted is written to the database, and reading and applying go through the running server."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from csms.cli.store import write
from csms.config import load
from csms.domain.upkeep.service import configuration as service

from .conftest import Run, Stub, facts

READ = "/api/v1/chargers/C1/configuration/read"
APPLY = "/api/v1/chargers/C1/configuration/apply"


@pytest.fixture
def told(store: Run, tmp_path: Path) -> Run:
    """A database with a charger that told some of its configuration."""
    store("charger", "add", "C1")
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    said: Any = [
        {"name": "A", "value": "1"},
        {"name": "AuthorizationKey", "value": "0011"},
        {"name": "B", "status": "UnknownVariable"},
    ]
    write(config, partial(service.heard, charger_id="C1", variables=said, complete=False))
    return store


def test_wanted_is_shown_beside_what_was_read(told: Run) -> None:
    told("configuration", "template", "add", "Everybody", "A=2", "C=x=y")
    assert "Settings wanted of C1: 1" not in told("configuration", "show", "C1").output
    assert "Settings wanted of C1: 2" in told("configuration", "want", "C1", "A=3").output
    shown = {each["variable"]: each for each in facts(told("configuration", "show", "C1", "--json"))["variables"]}
    assert shown["A"] | {"read_at": 0} == {
        "variable": "A",
        "value": "1",
        "readonly": None,
        "read_at": 0,
        "wanted": "3",
        "source": "C1",
        "instead_of": [["Everybody", "2"]],
        "state": "pending",
        "answer": "",
    }
    assert (shown["C"]["wanted"], shown["C"]["source"]) == ("x=y", "Everybody")
    assert (shown["AuthorizationKey"]["value"], shown["B"]["value"]) == ("(secret)", "(unknown to it)")
    only = facts(told("configuration", "show", "C1", "--wanted", "--json"))["variables"]
    assert [each["variable"] for each in only] == ["A", "C"]
    told("configuration", "want", "C1", "--not", "A")
    assert facts(told("configuration", "show", "C1", "--wanted", "--json"))["variables"][0]["wanted"] == "2"


def test_drift_of_all_and_of_one(told: Run) -> None:
    assert "Every charger has what it should" in told("configuration", "drift").output
    told("charger", "add", "C2")
    for charger in ("C1", "C2"):
        told("configuration", "want", charger, "A=2")
    drift = facts(told("configuration", "drift", "--json"))
    assert [(each["charger_id"], each["variable"], each["wanted"], each["heard"]) for each in drift] == [
        ("C1", "A", "2", "1"),
        ("C2", "A", "2", None),
    ]
    assert len(facts(told("configuration", "drift", "--charger", "C2", "--json"))) == 1
    assert facts(told("configuration", "drift", "--state", "rejected", "--json")) == []
    assert "there is no charger" in told("configuration", "drift", "--charger", "C9", code=1).stderr


def test_templates(told: Run) -> None:
    run = partial(told, "configuration", "template")
    told("station", "add", "Campus")
    assert "There are none" in run("list").output
    run("add", "Everybody", "A=1")
    run("add", "AC", "--vendor", "Acme", "--model", "AC22", "A=2")
    run("add", "Site", "--station", "Campus", "A=3")
    run("add", "Pilot", "--charger", "C1", "A=4")
    listed = facts(run("list", "--json"))
    assert [each["for"] for each in listed] == ["everybody", "acme ac22", "station 1", "C1"]
    run("set", "pilot", "B=5", "--not", "A")
    assert facts(run("show", "Pilot", "--json"))["settings"] == {"B": "5"}
    assert "B" in run("show", "Pilot").output
    run("remove", "Pilot")
    assert len(facts(run("list", "--json"))) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["want", "C1"], "say what is wanted"),
        (["want", "C1", "A"], "no setting: write VARIABLE=VALUE"),
        (["want", "C1", "AuthorizationKey=x"], "csms security rotate-keys"),
        (["want", "C1", "SecurityProfile=1"], "csms security upgrade"),
        (["template", "add", "X", "--vendor", "V", "--charger", "C1"], "say one"),
        (["template", "add", "X", "--model", "M"], "names its vendor"),
        (["template", "set", "X"], "say what shall change"),
    ],
)
def test_what_cannot_be_wanted(told: Run, arguments: list[str], words: str) -> None:
    assert words in told("configuration", *arguments, code=2).stderr


def test_reading(run: Run, stub: Stub) -> None:
    readings = [{"variable": "A", "known": True, "value": "1", "readonly": False, "read_at": 0}]
    stub.answer("POST", READ, {"outcome": "Answered", "status": "Accepted", "certain": True, "readings": readings})
    assert "A" in run("configuration", "read", "C1", "a").output
    assert stub.asked[-1][2] == {"variables": ["a"]}
    stub.answer("POST", READ, {"outcome": "Offline", "certain": True, "reason": "not connected", "readings": readings})
    assert "C1 is offline" in run("configuration", "read", "C1", code=5).stderr


@pytest.mark.parametrize(
    ("state", "problem", "code", "words"),
    [
        ("in_step", "", 0, "in_step"),
        ("rejected", "", 4, "rejected"),
        ("pending", "TimedOut", 5, "not everything could be told: TimedOut"),
        ("reboot_required", "", 0, "csms reset send C1"),
    ],
)
def test_applying(run: Run, stub: Stub, state: str, problem: str, code: int, words: str) -> None:
    key = {"variable": "A", "value": "1", "source": "", "state": state, "answer": ""}
    stub.answer("POST", APPLY, {"keys": [key], "standing": {"problem": problem}})
    ended = run("configuration", "apply", "C1", "--again", code=code)
    assert words in ended.output
    assert stub.asked[-1][2] == {"again": True}


def test_applying_nothing(run: Run, stub: Stub) -> None:
    stub.answer("POST", APPLY, {"keys": [], "standing": None})
    assert "Nothing is wanted of C1" in run("configuration", "apply", "C1").output
