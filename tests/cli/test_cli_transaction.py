"""``csms transaction``: what was charged; stopping goes through the running server."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from csms.cli.store import write
from csms.config import Config, load
from csms.core.ids import Place
from csms.core.reports import MeterSampled, Reading, Sample, StopReported
from csms.domain.transactions import service
from csms.domain.transactions.model import COMPLETED, REGISTER, REPORTED, RUNNING, Transaction
from csms.domain.transactions.store import rows

from .conftest import Run, Stub, facts

DAY_MS = 86_400_000
NOON = 1_767_268_800_000  # 2026-01-01T12:00Z


def running(charger_id: str = "C1", token: str = "ABC", started_at: int = NOON) -> Transaction:
    return Transaction(
        charger_id=charger_id, evse=1, connector=1, state=RUNNING, token=token, started_at=started_at, received_at=started_at,
        meter_start_wh=1000, last_meter_wh=3500, last_meter_at=started_at + 1000, created_at=started_at, updated_at=started_at,
    )  # fmt: skip


def ended() -> Transaction:
    return Transaction(
        charger_id="C2", evse=1, connector=1, state=COMPLETED, token="XYZ", started_at=NOON + DAY_MS, received_at=NOON + DAY_MS,
        meter_start_wh=0, stopped_at=NOON + DAY_MS + 60_000, meter_stop_wh=12_345, energy_wh=12_345, energy_basis=REGISTER,
        stop_reason="Local", stop_source=REPORTED, created_at=NOON, updated_at=NOON, closed_at=NOON + DAY_MS + 60_000,
    )  # fmt: skip


@pytest.fixture
def charged(store: Run, tmp_path: Path) -> Run:
    """A database with a running and an ended transaction."""
    store("charger", "add", "C1")
    store("charger", "add", "C2")
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    for transaction in (running(), ended()):
        write(config, partial(rows.insert, new=transaction))
    return store


def test_lists_newest_first_with_energy_so_far(charged: Run) -> None:
    first, second = facts(charged("transaction", "list", "--json"))
    assert (first["charger_id"], first["energy_wh"]) == ("C2", 12_345)
    assert (second["charger_id"], second["energy_wh"], second["energy_so_far_wh"]) == ("C1", None, 2500)
    table = charged("transaction", "list").output.splitlines()
    assert "12.345 kWh" in table[1]
    assert "2.500 kWh" in table[2]
    assert "2026-01-01 12:00:00Z" in table[2]


@pytest.mark.parametrize(
    ("options", "chargers"),
    [
        (["--open"], ["C1"]),
        (["--closed"], ["C2"]),
        (["--state", "completed"], ["C2"]),
        (["--charger", "C1"], ["C1"]),
        (["--token", "xyz"], ["C2"]),
        (["--since", "2026-01-02"], ["C2"]),
        (["--since", "2026-01-01T12:00:00Z"], ["C2", "C1"]),
        (["--limit", "1"], ["C2"]),
        (["--charger", "C9"], []),
    ],
)
def test_filters(charged: Run, options: list[str], chargers: list[str]) -> None:
    assert [each["charger_id"] for each in facts(charged("transaction", "list", *options, "--json"))] == chargers


def test_show(charged: Run) -> None:
    number = facts(charged("transaction", "list", "--open", "--json"))[0]["id"]
    assert facts(charged("transaction", "show", str(number), "--json"))["token"] == "ABC"
    assert "2.500 kWh" in charged("transaction", "show", str(number)).output
    assert charged("transaction", "show", "99", code=1).stderr == "csms: there is no transaction 99\n"
    charged("transaction", "show", "x", code=2)


def test_stop_asks_the_charger_through_the_server(charged: Run, stub: Stub) -> None:
    number = facts(charged("transaction", "list", "--open", "--json"))[0]["id"]
    path = "/api/v1/chargers/C1/commands/StopCharging"
    stub.answer("POST", path, {"outcome": "Answered", "status": "Accepted"})
    charged("transaction", "stop", str(number))
    assert stub.asked[0][2] == {"transaction_id": number, "reference": ""}
    stub.answer("POST", path, {"outcome": "Answered", "status": "Rejected"})
    charged("transaction", "stop", str(number), code=4)
    charged("transaction", "stop", "99", code=1)


@pytest.fixture
def metered(charged: Run, tmp_path: Path) -> int:
    """The running transaction, with two readings, one of them signed; its id."""
    number: int = facts(charged("transaction", "list", "--open", "--json"))[0]["id"]
    energy = "Energy.Active.Import.Register"
    begin = Sample(energy, Decimal(0), "", context="Transaction.Begin", signed='OCMF|{"a": "b"}|{}')
    told = [Reading(NOON, (begin,)), Reading(NOON + 1000, (Sample(energy, Decimal("3500.4"), "Wh"),))]
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    report = MeterSampled(charger_id="C1", received_at=NOON + 2000, place=Place(1, 1), readings=tuple(told), transaction_id=number)
    write(config, partial(service.meter, report=report, decision=None), keys=("charger:C1",))
    return number


def test_show_with_readings(charged: Run, metered: int) -> None:
    shown = facts(charged("transaction", "show", str(metered), "--readings", "--json"))
    assert [(each["sampled_at"], each["energy_wh"]) for each in shown["readings"]] == [(NOON, None), (NOON + 1000, 3500)]
    assert shown["readings"][1]["samples"][0]["value"] == "3500.4"
    assert shown["readings"][0]["samples"][0]["signed"] == 'OCMF|{"a": "b"}|{}'
    assert "readings" not in facts(charged("transaction", "show", str(metered), "--json"))
    table = charged("transaction", "show", str(metered), "--readings").output
    assert "Transaction.Begin" in table
    assert "3.500 kWh" in table


def test_signed_values_come_out_to_the_letter(charged: Run, metered: int) -> None:
    assert charged("transaction", "show", str(metered), "--signed").output == 'OCMF|{"a": "b"}|{}\n'
    (signed,) = facts(charged("transaction", "show", str(metered), "--signed", "--json"))
    assert (signed["signed"], signed["context"]) == ('OCMF|{"a": "b"}|{}', "Transaction.Begin")


def stopped(number: int | None, meter: int, config: Config) -> None:
    report = StopReported(
        charger_id="C1", received_at=NOON + 9000, transaction_id=number, stopped_at=NOON + 8000, meter_stop_wh=meter, reason="Other"
    )
    write(config, partial(service.stop, report=report, decision=None), keys=("charger:C1",))


def test_later_stops_are_shown(charged: Run, metered: int, tmp_path: Path) -> None:
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    stopped(metered, 4000, config)
    stopped(metered, 5000, config)
    assert facts(charged("transaction", "show", str(metered), "--json"))["late_stops"][0]["meter_stop_wh"] == 5000
    assert "5.000 kWh" in charged("transaction", "show", str(metered)).output


def test_a_quarantined_stop_is_shown_and_given_to_its_transaction(charged: Run, tmp_path: Path) -> None:
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    number = facts(charged("transaction", "list", "--open", "--json"))[0]["id"]
    stopped(-1, 900, config)
    (waiting,) = facts(charged("transaction", "quarantine", "list", "--json"))
    assert (waiting["charger_id"], waiting["heard_transaction"], waiting["report"]["meter_stop_wh"]) == ("C1", "-1", 900)
    assert "C1" in charged("transaction", "quarantine", "list").output
    assert facts(charged("transaction", "quarantine", "list", "--charger", "C9", "--json")) == []
    shown = charged("transaction", "quarantine", "show", str(waiting["id"])).output
    assert f"quarantine attach {waiting['id']} {number}" in shown
    charged("transaction", "quarantine", "attach", str(waiting["id"]), str(number), "--note", "meter was changed")
    found = facts(charged("transaction", "show", str(number), "--json"))
    assert (found["state"], found["stop_reason"], found["found_stop"]) == ("completed", "Other", waiting["id"])
    assert facts(charged("transaction", "quarantine", "list", "--json")) == []
    (dealt_with,) = facts(charged("transaction", "quarantine", "list", "--resolved", "--json"))
    assert (dealt_with["transaction_id"], dealt_with["note"]) == (number, "meter was changed")
    refused = charged("transaction", "quarantine", "attach", str(waiting["id"]), str(number), code=1)
    assert "already" in refused.stderr


def test_a_quarantined_message_is_resolved_with_a_note(charged: Run, tmp_path: Path) -> None:
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    stopped(0, 900, config)
    (waiting,) = facts(charged("transaction", "quarantine", "list", "--json"))
    charged("transaction", "quarantine", "resolve", str(waiting["id"]), "--note", "a test")
    assert "There are none" in charged("transaction", "quarantine", "list").output
    charged("transaction", "quarantine", "resolve", str(waiting["id"]), code=1)
    charged("transaction", "quarantine", "show", "99", code=1)


def test_end_by_the_operators_word(charged: Run) -> None:
    number = str(facts(charged("transaction", "list", "--open", "--json"))[0]["id"])
    assert "cannot follow" in charged("transaction", "end", number, "--meter", "1", code=2).stderr
    charged("transaction", "end", number, "--meter", "9000", "--at", "2026-01-01T13:00Z", "--note", "read on site")
    found = facts(charged("transaction", "show", number, "--json"))
    assert (found["energy_wh"], found["stop_source"], found["note"]) == (8000, "operator", "read on site")
    assert found["stopped_at"] == NOON + 3_600_000
    charged("transaction", "end", number, code=1)


def test_start_asks_the_charger_through_the_server(charged: Run, stub: Stub) -> None:
    path = "/api/v1/chargers/C1/commands/StartCharging"
    stub.answer("POST", path, {"outcome": "Answered", "status": "Accepted", "transaction_id": 7})
    assert "7" in charged("transaction", "start", "C1", "ABC", "--evse", "2").output
    assert stub.asked[0][2] == {"token": {"value": "ABC"}, "place": {"evse": 2, "connector": 1}}
    stub.answer("POST", path, {"outcome": "Answered", "status": "Rejected", "transaction_id": 8})
    charged("transaction", "start", "C1", "ABC", code=4)
    assert stub.asked[1][2] == {"token": {"value": "ABC"}}
