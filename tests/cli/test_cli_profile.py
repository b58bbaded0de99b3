"""``csms profile``: templates out of files, where they are wanted, and what goes through the server."""

from __future__ import annotations

from pathlib import Path

from .conftest import Run, Stub, facts

NIGHT = """
purpose = "TxDefaultProfile"
kind = "Recurring"
recurrency = "Daily"
[schedule]
unit = "A"
start_at = 2026-01-01T17:30:00Z
periods = [{ start_s = 0, limit = 32, phases = 3 }, { start_s = 25200, limit = 8.1 }]
"""


def test_a_profile_from_its_file_to_its_end(store: Run, tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text(NIGHT)
    added = facts(store("profile", "add", "night", "night.toml", "--description", "cheap", "--json"))
    assert (added["name"], added["unit"], added["periods"], added["description"]) == ("night", "A", 2, "cheap")
    assert "already" in store("profile", "add", "Night", "night.toml", code=1).stderr

    shown = store("profile", "show", "night", "--json").stdout
    (tmp_path / "copy.json").write_text(shown)
    store("profile", "add", "copy", "copy.json")
    assert [each["name"] for each in facts(store("profile", "list", "--json"))] == ["copy", "night"]
    assert facts(store("profile", "show", "copy", "--json")) == facts(store("profile", "show", "night", "--json"))

    (tmp_path / "night.toml").write_text(NIGHT.replace("32", "16"))
    store("profile", "add", "night", "night.toml", "--replace")
    assert facts(store("profile", "show", "night", "--json"))["schedule"]["periods"][0]["limit"] == 16

    store("profile", "remove", "copy")
    assert "there is no charging profile 'copy'" in store("profile", "show", "copy", code=1).stderr


def test_a_wrong_file_is_told_with_its_field(store: Run, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text(NIGHT.replace("25200", "90000"))
    ended = store("profile", "add", "wrong", "wrong.toml", code=2)
    assert "wrong.toml: schedule.periods[1].start_s" in ended.stderr
    (tmp_path / "broken.toml").write_text("purpose = ")
    assert "neither TOML nor JSON" in store("profile", "add", "wrong", "broken.toml", code=2).stderr
    store("profile", "add", "wrong", "absent.toml", code=1)
    assert facts(store("profile", "list", "--json")) == []


def test_assigned_and_no_longer(store: Run, tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text(NIGHT)
    store("profile", "add", "night", "night.toml")
    store("charger", "add", "C1")
    store("station", "add", "Depot")
    made = facts(store("profile", "assign", "night", "--charger", "C1", "--evse", "1", "--at-boot", "--json"))
    assert (made["charger_id"], made["evse"], made["again_at_boot"]) == ("C1", 1, True)
    store("profile", "assign", "night", "--station", "Depot")
    shown = store("profile", "show", "night").stdout
    assert "charger C1" in shown
    assert "station 1" in shown
    assert "say one of" in store("profile", "assign", "night", code=2).stderr
    assert "assigned to charger C1, station 1" in store("profile", "remove", "night", code=1).stderr
    store("profile", "unassign", "night", "--charger", "C1", code=1)
    store("profile", "unassign", "night", "--charger", "C1", "--evse", "1")
    store("profile", "unassign", "night", "--station", "Depot")
    store("profile", "remove", "night")
    assert "C1 holds no charging profiles" in store("profile", "list", "--charger", "C1").stdout


SENT = "/api/v1/chargers/C1/profiles"
COMMANDS = "/api/v1/chargers/C1/commands"
ACCEPTED = {"outcome": "Answered", "certain": True, "status": "Accepted", "detail": {}}


def test_a_profile_is_sent(run: Run, stub: Stub) -> None:
    stub.answer("POST", SENT, {**ACCEPTED, "profile": {"profile_id": 4, "state": "installed"}})
    assert "night is its profile 4, installed" in run("profile", "send", "C1", "night", "--evse", "2").stdout
    assert stub.asked[-1][2] == {"template": "night", "evse": 2}
    stub.answer("POST", SENT, {**ACCEPTED, "status": "Rejected", "profile": {"profile_id": 5, "state": "refused"}})
    assert "answered Rejected" in run("profile", "send", "C1", "night", code=4).stderr


def test_profiles_are_cleared(run: Run, stub: Stub) -> None:
    stub.answer("POST", f"{COMMANDS}/ClearChargingProfile", {**ACCEPTED, "cleared": [3, 4]})
    words = run("profile", "clear", "C1", "--evse", "1", "--purpose", "txdefaultprofile").stdout
    assert "gone are 3, 4" in words
    place = {"evse": 1, "connector": 1}
    assert stub.asked[-1][2] == {"profile_id": None, "place": place, "purpose": "TxDefaultProfile", "stack_level": None}


def test_two_schedules_are_shown_side_by_side(run: Run, stub: Stub) -> None:
    computed = {
        "evse": 1,
        "start_at": 1_767_225_600_000,
        "duration_s": 600,
        "unit": "A",
        "certain": False,
        "periods": [{"start_s": 0, "limit": "16.0", "phases": 3}, {"start_s": 300, "limit": None, "phases": None}],
    }
    answer = {
        **ACCEPTED,
        "computed": computed,
        "reported": [{"start_s": 0, "limit": "16", "phases": None}, {"start_s": 299, "limit": "16.04", "phases": None}],
        "differences": [{"start_s": 300, "end_s": 600, "computed": None, "reported": "16"}],
    }
    stub.answer("POST", f"{COMMANDS}/GetCompositeSchedule", answer)
    ended = run("profile", "composite", "C1", "--evse", "1", "--duration", "600")
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert lines[1][:1] + lines[1][3:] == ["0", "16", "3", "16"]
    assert lines[2][:1] + lines[2][3:] == ["300", "16", "<--"]
    assert "not certain" in ended.stderr
    assert facts(run("profile", "composite", "C1", "--json")) == answer
    offline = {
        "outcome": "Offline",
        "certain": True,
        "reason": "not connected",
        "computed": computed,
        "reported": None,
        "differences": [],
    }
    stub.answer("POST", f"{COMMANDS}/GetCompositeSchedule", offline)
    ended = run("profile", "composite", "C1", code=5)
    assert "16" in ended.stdout
    assert "offline" in ended.stderr
