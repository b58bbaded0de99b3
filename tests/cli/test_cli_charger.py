"""``csms charger``: chargers come, are let in, get keys and go."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from csms.domain.stations import keys

from .conftest import KEY, Run, Stub, facts


def sealed_key(folder: Path, charger_id: str) -> str:
    with sqlite3.connect(folder / "csms.db") as connection:
        (sealed,) = connection.execute("SELECT sealed FROM charger_keys WHERE charger_id = ?", (charger_id,)).fetchone()
    connection.close()
    return str(sealed)


def test_an_added_charger_gets_a_key_that_opens(store: Run, tmp_path: Path) -> None:
    added = facts(store("charger", "add", "C1", "--name", "Bay 4", "--json"))
    assert added["approval"] == "accepted"
    assert added["url"] == "ws://127.0.0.1:9000/ocpp/C1"
    assert keys.opens(sealed_key(tmp_path, "C1"), added["key"].encode())
    assert added["key"] not in (tmp_path / "csms.db").read_bytes().decode("latin-1")


def test_people_are_shown_the_key_and_where_to_connect(store: Run) -> None:
    output = store("charger", "add", "a b/c").output
    assert "shown only now" in output
    assert "ws://127.0.0.1:9000/ocpp/a%20b%2Fc" in output


def test_a_key_of_ones_own_comes_from_standard_input(store: Run, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    assert facts(store("charger", "add", "C1", "--key", "0123456789abcdefXYZ", "--json"))["key"] == "0123456789abcdefXYZ"
    assert keys.opens(sealed_key(tmp_path, "C1"), b"0123456789abcdefXYZ")
    assert "key has 16 to 40" in store("charger", "add", "C2", "--key", "short", code=2).stderr


def test_a_charger_is_added_once(store: Run) -> None:
    store("charger", "add", "C1")
    result = store("charger", "add", "C1", code=1)
    assert result.stderr == "csms: there is a charger 'C1' already; ids are unique in the installation\n"


def test_lists_and_their_filters(store: Run) -> None:
    store("charger", "add", "C1")
    store("charger", "add", "C2", "--pending")
    assert [each["id"] for each in facts(store("charger", "list", "--json"))] == ["C1", "C2"]
    assert [each["id"] for each in facts(store("charger", "list", "--approval", "pending", "--json"))] == ["C2"]
    assert facts(store("charger", "list", "--connected", "--json")) == []
    table = store("charger", "list").output.splitlines()
    assert table[0].startswith("id")
    assert table[1].startswith("C1")
    assert len(table) == 3


def test_an_empty_list_says_what_to_do(store: Run) -> None:
    assert store("charger", "list").output == "There are no such chargers: csms charger add CHARGER_ID\n"


def test_more_chargers_than_a_page(store: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "csms.db") as connection:
        connection.executemany(
            "INSERT INTO chargers (id, tenant, approval, created_at) VALUES (?, 1, 'accepted', 0)",
            [(f"C{number:04}",) for number in range(1001)],
        )
    connection.close()
    assert len(facts(store("charger", "list", "--json"))) == 1001


def test_show_tells_everything_or_that_there_is_none(store: Run) -> None:
    store("charger", "add", "C1", "--name", "Bay 4")
    shown = facts(store("charger", "show", "C1", "--json"))
    assert (shown["name"], shown["connectors"], shown["oddities"]) == ("Bay 4", [], [])
    assert "Bay 4" in store("charger", "show", "C1").output
    assert store("charger", "show", "C9", code=1).stderr == "csms: there is no charger 'C9'\n"


def test_a_charger_stands_on_a_station_by_name_or_id(store: Run) -> None:
    station = facts(store("station", "add", "North campus", "--json"))["id"]
    store("charger", "add", "C1", "--station", "north CAMPUS")
    store("charger", "add", "C2")
    assert [each["id"] for each in facts(store("charger", "list", "--station", str(station), "--json"))] == ["C1"]
    store("charger", "place", "C2", str(station))
    assert facts(store("station", "show", "North campus", "--json"))["chargers"] == ["C1", "C2"]
    store("charger", "place", "C1", "--nowhere")
    assert [each["id"] for each in facts(store("charger", "list", "--station", str(station), "--json"))] == ["C2"]
    assert "there is no station 'South'" in store("charger", "add", "C3", "--station", "South", code=1).stderr
    store("charger", "place", "C1", code=2)


def test_a_new_key_replaces_the_old(store: Run, tmp_path: Path) -> None:
    old = facts(store("charger", "add", "C1", "--json"))["key"]
    new = facts(store("charger", "key", "C1", "--json"))["key"]
    assert keys.opens(sealed_key(tmp_path, "C1"), new.encode())
    assert not keys.opens(sealed_key(tmp_path, "C1"), old.encode())
    assert "there is no charger" in store("charger", "key", "C9", code=1).stderr


def test_a_charger_that_is_removed_is_gone(store: Run) -> None:
    store("charger", "add", "C1")
    store("charger", "remove", "C1")
    assert facts(store("charger", "list", "--json")) == []
    store("charger", "remove", "C1", code=1)


# --- beside a running server ----------------------------------------------------------------------------------------------------


def test_approval_goes_through_the_running_server(run: Run, stub: Stub) -> None:
    stub.answer("POST", "/api/v1/chargers/C1/approve", {"charger_id": "C1", "approval": "accepted"})
    assert run("charger", "approve", "C1").output == "Approved charger C1\n"
    assert stub.asked == [("POST", "/api/v1/chargers/C1/approve", None)]


def test_what_the_server_says_of_an_approval_counts(run: Run, stub: Stub) -> None:
    stub.answer(
        "POST", "/api/v1/chargers/C9/approve", {"title": "Not Found", "status": 404, "detail": "there is no charger 'C9'"}, 404
    )
    assert run("charger", "approve", "C9", code=1).stderr == "csms: there is no charger 'C9'\n"


def test_without_a_server_approval_is_decided_in_the_database(store: Run) -> None:
    store("charger", "add", "C1", "--pending")
    store("charger", "approve", "C1")
    assert facts(store("charger", "show", "C1", "--json"))["approval"] == "accepted"
    store("charger", "approve", "C9", code=1)


def test_a_server_that_was_named_must_be_there(store: Run) -> None:
    store("charger", "add", "C1", "--pending")
    store("charger", "approve", "C1", "--server", "http://127.0.0.1:1", code=3)
    assert facts(store("charger", "show", "C1", "--json"))["approval"] == "pending"


def test_a_rejected_or_removed_charger_loses_its_connection(run: Run, stub: Stub) -> None:
    run("init")
    run("charger", "add", "C1")
    stub.answer("DELETE", "/api/v1/connections/C1", {"dropped": "C1"})
    run("charger", "reject", "C1")
    assert facts(run("charger", "show", "C1", "--json"))["approval"] == "rejected"
    run("charger", "remove", "C1")
    assert [asked[:2] for asked in stub.asked] == [("DELETE", "/api/v1/connections/C1")] * 2


def test_a_server_that_will_not_drop_it_does_not_undo_the_removal(run: Run, stub: Stub) -> None:
    run("init")
    run("charger", "add", "C1")
    stub.answer("DELETE", "/api/v1/connections/C1", {"title": "Unwell", "status": 500}, 500)
    assert "its connection was not closed" in run("charger", "remove", "C1").stderr
    assert KEY not in run("charger", "list", "--json").output


# --- security profiles ----------------------------------------------------------------------------------------------------------


def test_the_security_profile_is_shown_and_raised_and_not_lowered_by_accident(store: Run) -> None:
    store("charger", "add", "C1")
    fresh = facts(store("charger", "security", "C1", "--json"))
    assert (fresh["security_profile"], fresh["security_profile_required"], fresh["security_profile_used"]) == (None, 1, None)
    assert facts(store("charger", "security", "C1", "--profile", "2", "--json"))["security_profile_required"] == 2
    refused = store("charger", "security", "C1", "--profile", "1", code=1)
    assert refused.stderr == "csms: charger 'C1' is on security profile 2: it is lowered to 1 only by force\n"
    store("charger", "security", "C1", "--profile", "default", code=1)
    assert facts(store("charger", "security", "C1", "--profile", "0", "--force", "--json"))["security_profile"] == 0
    shown = facts(store("charger", "show", "C1", "--json"))
    assert (shown["security_profile"], shown["security_profile_required"]) == (0, 0)


def test_a_charger_is_added_with_a_security_profile(store: Run) -> None:
    assert facts(store("charger", "add", "C1", "--profile", "3", "--json"))["security_profile"] == 3
    assert "security profile required 3" in " ".join(store("charger", "show", "C1").output.split())


def test_whom_a_raised_profile_shuts_out_is_said(store: Run, tmp_path: Path) -> None:
    store("charger", "add", "C1")
    with sqlite3.connect(tmp_path / "csms.db") as connection:
        connection.execute("UPDATE chargers SET security_profile_used = 1")
    connection.close()
    result = store("charger", "security", "C1", "--profile", "3")
    assert result.stderr == "note: it used 1 last and will be turned away until it uses 3 or a higher one\n"


def test_profiles_of_chargers_that_are_not_there(store: Run) -> None:
    assert "there is no charger 'C9'" in store("charger", "security", "C9", code=1).stderr
    assert "there is no charger 'C9'" in store("charger", "security", "C9", "--profile", "2", code=1).stderr
