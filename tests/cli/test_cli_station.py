"""``csms station``."""

from __future__ import annotations

from .conftest import Run, facts


def test_stations_are_added_listed_shown_and_removed(store: Run) -> None:
    where = ("--address", "1 Main Road", "--city", "Pune", "--country", "IN", "--latitude", "18.52", "--longitude", "73.86")
    added = facts(store("station", "add", "North", *where, "--json"))
    assert (added["name"], added["latitude"], added["access"], added["status"]) == ("North", 18.52, "open", "active")
    assert (added["address"]["lines"], added["address"]["city"]) == (["1 Main Road"], "Pune")
    store("station", "add", "Depot", "--access", "granted")
    assert [(each["name"], each["access"]) for each in facts(store("station", "list", "--json"))] == [
        ("North", "open"),
        ("Depot", "granted"),
    ]
    assert "1 Main Road, Pune, IN" in store("station", "show", "North").output
    assert "North is coming soon" in store("station", "status", "North", "coming_soon").output
    assert facts(store("station", "show", "North", "--json"))["status"] == "coming_soon"
    store("station", "remove", "Depot")
    assert [each["name"] for each in facts(store("station", "list", "--json"))] == ["North"]


def test_what_cannot_be_is_one_line(store: Run) -> None:
    store("station", "add", "North")
    assert store("station", "add", "North", code=1).stderr == "csms: there is a station 'North' already\n"
    assert "latitude" in store("station", "add", "X", "--latitude", "91", code=2).stderr
    assert "country" in store("station", "add", "X", "--country", "India", code=2).stderr
    assert "there is no station 9" in store("station", "show", "9", code=1).stderr
    store("charger", "add", "C1", "--station", "North")
    assert "has 1 chargers" in store("station", "remove", "North", code=1).stderr
