"""``csms alert``: what somebody should look at, and saying that one does."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from csms.cli.store import write
from csms.config import load
from csms.domain.alerts import service
from csms.domain.alerts.model import Occurrence

from .conftest import Run, facts

FAULT = Occurrence(kind="charger_faulted", severity="error", subject="charger:C1 1.1", message="C1 is at fault", charger_id="C1")
OLD = Occurrence(kind="security_event", severity="critical", subject="charger:C2", message="C2 was opened", charger_id="C2")


@pytest.fixture
def alerted(store: Run, tmp_path: Path) -> Run:
    """A database with an open alert and one that is over."""
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    for each in (OLD, FAULT, FAULT):
        write(config, partial(service.raise_alert, one=each))
    store("alert", "resolve", "1")
    return store


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ([], [2]),
        (["--all"], [2, 1]),
        (["--all", "--severity", "critical"], [1]),
        (["--all", "--kind", "charger_faulted"], [2]),
        (["--all", "--charger", "C2"], [1]),
        (["--new"], [2]),
        (["--all", "--limit", "1"], [2]),
        (["--severity", "critical"], []),
    ],
)
def test_list(alerted: Run, options: list[str], ids: list[int]) -> None:
    assert [each["id"] for each in facts(alerted("alert", "list", *options, "--json"))] == ids


def test_show(alerted: Run) -> None:
    shown = facts(alerted("alert", "show", "2", "--json"))
    assert (shown["times"], shown["message"], shown["resolved_at"]) == (2, "C1 is at fault", None)
    assert "C1 is at fault" in alerted("alert", "list").output
    assert alerted("alert", "show", "9", code=1).stderr == "csms: there is no alert 9\n"


def test_acknowledge_and_resolve(alerted: Run) -> None:
    said = alerted("alert", "acknowledge", "2", "--by", "Asha", "--note", "on my way")
    assert said.output == "Alert 2 is looked after by Asha\n"
    assert facts(alerted("alert", "list", "--new", "--json")) == []
    over = facts(alerted("alert", "resolve", "2", "--json"))
    assert over["resolved_by"]
    assert over["note"] == "on my way"
    assert alerted("alert", "resolve", "2", code=1).stderr == "csms: alert 2 is resolved already\n"
    alerted("alert", "acknowledge", "9", code=1)
    assert alerted("alert", "list").output == "No alert is open\n"
