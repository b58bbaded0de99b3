"""Reports and verdicts: plain values that are cheap to build, frozen by agreement, and say what a dialect left out by their defaults."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import get_args

import attrs
import pytest

from csms.core import reports
from csms.core.ids import Place
from csms.core.reports import (
    CONNECTOR_STATUSES,
    Booted,
    Noted,
    Oddity,
    Report,
    Sample,
    StartReported,
    StatusReported,
    StopReported,
    Token,
    TokenVerdict,
    TransactionVerdict,
    Verdict,
)

NOUNS = [each for _, each in inspect.getmembers(reports, inspect.isclass) if each.__module__ == reports.__name__]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__)
def test_every_noun_is_a_slotted_attrs_class(noun: type) -> None:
    assert attrs.has(noun)
    assert "__dict__" not in dir(noun), "a slot class: half the memory, and a misspelt field is refused"
    assert noun.__doc__


def test_nouns_are_values() -> None:
    assert Token("A", "ISO14443") == Token("A", "ISO14443") != Token("A")
    assert len({Token("A"), Token("A"), Token("B")}) == 2
    assert hash(Oddity("enum", "status", "Charged")) == hash(Oddity("enum", "status", "Charged"))
    assert Noted() == Noted()
    with pytest.raises(AttributeError):
        Token("A").valeu = "B"  # type: ignore[attr-defined]


def test_a_report_says_who_and_when_and_the_rest_has_defaults() -> None:
    with pytest.raises(TypeError):
        Booted(vendor="V", model="M")  # type: ignore[call-arg]
    start = StartReported(charger_id="CP", received_at=1, place=Place(1, 1), started_at=0)
    assert (start.token, start.meter_start_wh, start.reference, start.readings, start.oddities) == (None, None, "", (), ())
    stop = StopReported(charger_id="CP", received_at=1, stopped_at=0)
    assert stop.reason == "Local", "OCPP 1.6 §6.49: a missing reason means Local"
    sample = Sample("Voltage", Decimal(230), "V")
    assert (sample.location, sample.context, sample.phase) == ("Outlet", "Sample.Periodic", ""), "OCPP 1.6 §7.43 defaults"


def test_a_changed_copy_leaves_the_report_alone() -> None:
    heard = StatusReported(charger_id="CP", received_at=1, place=Place(1, 1), status="Available", reported_at=0)
    changed = attrs.evolve(heard, status="Faulted")
    assert (heard.status, changed.status) == ("Available", "Faulted")
    assert heard != changed


def test_only_accepted_lets_charging_go_on() -> None:
    others = ("Blocked", "ConcurrentTx", "Expired", "Invalid", "NoCredit", "NotAllowedTypeEVSE", "NotAtThisLocation", "Unknown", "")
    assert TokenVerdict("Accepted").accepted
    assert not any(TokenVerdict(status).accepted for status in others)
    assert TransactionVerdict(1).token is None


def test_connector_statuses_are_those_of_both_versions() -> None:
    v16 = {"Available", "Preparing", "Charging", "SuspendedEVSE", "SuspendedEV", "Finishing", "Reserved", "Unavailable", "Faulted"}
    v201 = {"Available", "Occupied", "Reserved", "Unavailable", "Faulted"}
    assert v16 | v201 | {"Unknown"} == CONNECTOR_STATUSES


def test_a_verdict_is_never_a_report() -> None:
    assert not any(issubclass(verdict, Report) for verdict in get_args(Verdict))
