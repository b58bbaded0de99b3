"""``csms driver`` and ``csms token``: who may charge, and where."""

from __future__ import annotations

from pathlib import Path

from csms.core.units import parse_instant

from .conftest import Run, Stub, facts


def test_drivers(store: Run) -> None:
    added = facts(store("driver", "add", "Asha Rao", "--email", "asha@example.org", "--json"))
    assert added["name"] == "Asha Rao"
    assert store("driver", "add", "Other", "--email", "ASHA@example.org", code=1).stderr.startswith("csms: another driver has")
    assert "is no e-mail address" in store("driver", "add", "Other", "--email", "asha", code=2).stderr
    store("driver", "block", str(added["id"]))
    assert facts(store("driver", "list", "--json"))[0]["status"] == "blocked"
    store("driver", "unblock", str(added["id"]))
    assert "active" in store("driver", "list").output
    store("driver", "remove", str(added["id"]))
    assert "There are no drivers yet" in store("driver", "list").output
    store("driver", "remove", "99", code=1)


def test_tokens_with_all_there_is_to_say(store: Run) -> None:
    driver = facts(store("driver", "add", "Asha Rao", "--json"))["id"]
    store("token", "group", "add", "Fleet", "--parent", "FLT")
    store(
        "token", "add", "04a2B3", "--driver", str(driver), "--label", "blue card", "--group", "fleet",
        "--valid-from", "2026-01-01", "--expires", "2027-01-01T12:30+05:30", "--max-transactions", "0",
    )  # fmt: skip
    (listed,) = facts(store("token", "list", "--driver", str(driver), "--json"))
    assert (listed["value"], listed["label"], listed["max_transactions"]) == ("04a2B3", "blue card", 0)
    assert listed["valid_from"] == parse_instant("2026-01-01T00:00Z")[0]
    assert listed["expires_at"] == parse_instant("2027-01-01T07:00Z")[0]
    assert facts(store("token", "group", "list", "--json"))[0]["parent"] == "FLT"


def test_tokens_are_blocked_and_unblocked_in_any_case(store: Run) -> None:
    store("token", "add", "Abc")
    assert store("token", "block", "aBC").output == "Blocked token Abc\n"
    assert facts(store("token", "show", "ABC", "--json"))["status"] == "blocked"
    store("token", "unblock", "abc")
    assert facts(store("token", "show", "ABC", "--json"))["status"] == "active"
    assert "already" in store("token", "add", "ABC", code=1).stderr
    store("token", "remove", "abc")
    store("token", "show", "abc", code=1)
    assert store("token", "block", "abc", code=1).stderr == "csms: there is no token 'abc'\n"


def test_a_token_is_granted_a_station_and_loses_it(store: Run) -> None:
    station = facts(store("station", "add", "Depot", "--access", "granted", "--json"))["id"]
    store("token", "add", "ABC")
    store("token", "grant", "abc", "depot")
    assert "as before" in store("token", "grant", "ABC", str(station)).output
    (grant,) = facts(store("token", "show", "ABC", "--json"))["grants"]
    assert grant["station_id"] == station
    store("token", "revoke", "ABC", "Depot")
    assert facts(store("token", "show", "ABC", "--json"))["grants"] == []
    store("token", "revoke", "ABC", "Depot", code=1)


def test_a_group_blocks_its_tokens_and_goes_when_it_is_empty(store: Run) -> None:
    store("token", "group", "add", "Fleet")
    store("token", "add", "F1", "--group", "Fleet")
    store("token", "group", "block", "fleet")
    assert facts(store("token", "group", "list", "--json"))[0]["status"] == "blocked"
    store("token", "group", "unblock", "Fleet")
    assert facts(store("token", "group", "list", "--json"))[0]["status"] == "active"
    assert "has tokens" in store("token", "group", "remove", "Fleet", code=1).stderr
    store("token", "remove", "F1")
    store("token", "group", "remove", "Fleet")
    assert "There are no token groups" in store("token", "group", "list").output


def test_a_wrong_instant_says_how_to_write_one(store: Run) -> None:
    assert "write 2026-12-31" in store("token", "add", "X", "--expires", "soon", code=2).stderr
    assert "must become valid before" in store(
        "token", "add", "X", "--valid-from", "2027-01-01", "--expires", "2026-01-01", code=2
    ).stderr  # fmt: skip


def test_a_driver_is_exported_and_erased_by_the_running_server(run: Run, stub: Stub) -> None:
    stub.answer("POST", "/api/v1/drivers/7/privacy/export", b"PK zip")
    assert run("driver", "export", "7").output == "Wrote driver-7.zip: 6 bytes\n"
    assert Path("driver-7.zip").read_bytes() == b"PK zip"
    assert stub.asked[-1][:2] == ("POST", "/api/v1/drivers/7/privacy/export?format=zip")
    run("driver", "export", "8", code=1)
    assert not list(Path().glob("driver-8*")), "nothing is left of what failed"
    erased = {"id": 1, "driver_id": 7, "asked_by": "k", "asked_at": "2026-01-01T00:00:00Z", "masked": 0, "done_at": None}
    stub.answer("POST", "/api/v1/drivers/7/privacy/erase", erased)
    asked = len(stub.asked)
    run("driver", "erase", "7", code=None)
    assert len(stub.asked) == asked, "it asks first, and nobody said yes"
    assert run("driver", "erase", "7", "--yes").output == "Erased driver 7; logs are being masked\n"
    assert facts(run("driver", "erase", "7", "--yes", "--json"))["driver_id"] == 7
