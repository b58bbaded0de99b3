"""``csms transaction``: what was charged; stopping goes through the running server."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from csms.cli.store import write
from csms.config import load
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
