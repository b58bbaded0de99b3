"""``csms reservation``: asking goes through the running server, looking does not."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from csms.cli.store import write
from csms.config import load
from csms.core.units import parse_instant
from csms.domain.reservations import store as reservations
from csms.domain.reservations.model import Reservation
from csms.outside import SystemClock

from .conftest import Run, Stub, facts

NOON = 1_767_268_800_000  # 2026-01-01T12:00Z


@pytest.fixture
def reserved(store: Run, tmp_path: Path) -> Run:
    """A database with a reservation that stands and one that was used."""
    store("charger", "add", "C1")
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    stands = Reservation(charger_id="C1", evse=0, connector=0, token="ABC", expires_at=NOON, state="active", made_at=NOON)
    used = Reservation(
        charger_id="C1", evse=2, connector=1, token="XYZ", expires_at=NOON, state="used", transaction_id=17, ended_at=NOON
    )
    for each in (stands, used):
        write(config, partial(reservations.insert, new=each))
    return store


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ([], ["ABC"]),
        (["--all"], ["XYZ", "ABC"]),
        (["--state", "used"], ["XYZ"]),
        (["--all", "--token", "xyz"], ["XYZ"]),
        (["--charger", "C9"], []),
        (["--all", "--limit", "1"], ["XYZ"]),
    ],
)
def test_list(reserved: Run, options: list[str], tokens: list[str]) -> None:
    assert [each["token"] for each in facts(reserved("reservation", "list", *options, "--json"))] == tokens


def test_show(reserved: Run) -> None:
    first, second = (line for line in reserved("reservation", "list", "--all").output.splitlines()[1:])
    assert "2.1" in first
    assert "any" in second
    shown = facts(reserved("reservation", "show", "2", "--json"))
    assert (shown["place"], shown["transaction_id"]) == ("2.1", 17)
    assert "asks" not in shown
    assert reserved("reservation", "show", "9", code=1).stderr == "csms: there is no reservation 9\n"


def answer(status: str, state: str) -> dict[str, object]:
    return {"outcome": "Answered", "certain": True, "status": status, "reservation": {"id": 5, "charger_id": "C1", "state": state}}


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ([], {"evse": 0, "connector": 0}),
        (["--connector", "any"], {"evse": 0, "connector": 0}),
        (["--connector", "2"], {"evse": 2, "connector": 1}),
        (["--connector", "1.2"], {"evse": 1, "connector": 2}),
    ],
)
def test_make(run: Run, stub: Stub, arguments: list[str], place: dict[str, int]) -> None:
    stub.answer("POST", "/api/v1/reservations", answer("Accepted", "active"), 201)
    said = run("reservation", "make", "C1", "ABC", *arguments, "--until", "2026-12-31T18:30Z")
    assert said.output == "Reservation 5 is active: C1 answered Accepted\n"
    assert stub.asked[0][2] == {
        "charger_id": "C1",
        "place": place,
        "token": {"value": "ABC"},
        "expires_at": "2026-12-31T18:30:00.000Z",
    }


def test_make_until_from_now(run: Run, stub: Stub) -> None:
    stub.answer("POST", "/api/v1/reservations", answer("Occupied", "refused"))
    said = run("reservation", "make", "C1", "ABC", code=4)
    assert "Reservation 5 is refused: C1 answered Occupied" in said.stderr
    ahead_ms = parse_instant(stub.asked[0][2]["expires_at"])[0] - SystemClock().now()
    assert 29 * 60_000 < ahead_ms <= 30 * 60_000
    assert facts(run("reservation", "make", "C1", "ABC", "--json", code=4))["reservation"]["id"] == 5


@pytest.mark.parametrize("connector", ["x", "0.1", "-1", "1.2.3"])
def test_wrong_connectors(run: Run, stub: Stub, connector: str) -> None:
    run("reservation", "make", "C1", "ABC", "--connector", connector, code=2)
    assert stub.asked == []


def test_cancel(run: Run, stub: Stub) -> None:
    path = "/api/v1/reservations/5/cancel"
    stub.answer("POST", path, answer("Accepted", "cancelled"))
    assert "Reservation 5 is cancelled" in run("reservation", "cancel", "5").output
    stub.answer("POST", path, answer("Rejected", "released"))
    run("reservation", "cancel", "5", code=4)
    stub.answer("POST", path, {**answer("", "cancelling"), "outcome": "Offline", "certain": True, "reason": "not connected"})
    assert "C1 is offline: not connected" in run("reservation", "cancel", "5", code=5).stderr
    stub.answer("POST", path, {"title": "Not Found", "detail": "there is no reservation 5"}, 404)
    assert "there is no reservation 5" in run("reservation", "cancel", "5", code=1).stderr


def test_without_a_server(store: Run) -> None:
    store("reservation", "make", "C1", "ABC", code=3)
