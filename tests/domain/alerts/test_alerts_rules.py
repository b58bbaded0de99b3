"""The table: which events mean an alert, and which mean its end."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from csms.core.events import EVENT_TYPES, Event
from csms.core.ids import Place
from csms.domain.alerts.model import SEVERITIES, Occurrence, Relief
from csms.domain.alerts.rules import RAISES, RESOLVES, TYPES, meaning
from csms.domain.payments.model import PaymentDisputed, PaymentOdd
from csms.domain.security.model import ChargerCertificateChanged, ChargerCertificateExpiring, SecurityEventNoted
from csms.domain.stations.model import ChargerStatusChanged
from csms.domain.transactions.model import TransactionCorrected, TransactionEnded
from csms.domain.upkeep.model.campaigns import FirmwareCampaignAborted
from csms.domain.upkeep.model.configuration import ConfigurationApplied, ConfigurationDrifted
from csms.testing.plugins import example

from .conftest import Scene


def raised(event: Event) -> tuple[str, str, str]:
    (one,) = meaning(event, 7)
    assert isinstance(one, Occurrence)
    assert one.event_id == 7
    return one.kind, one.severity, one.subject


def ended(event: Event) -> tuple[str, str, str]:
    (one,) = meaning(event, 7)
    assert isinstance(one, Relief)
    assert one.event_id == 7
    return one.kind, one.subject, one.note


def test_critical_security_events() -> None:
    event = SecurityEventNoted(
        charger_id="C1", source="charger", kind="TamperDetectionActivated", critical=True, info="lid", occurred_at=0
    )
    assert raised(event) == ("security_event", "critical", "charger:C1 TamperDetectionActivated")
    (one,) = meaning(event)
    assert isinstance(one, Occurrence)
    assert one.message == "charger C1 had the security event TamperDetectionActivated: lid"
    assert meaning(attrs.evolve(event, critical=False)) == []
    (silent,) = meaning(attrs.evolve(event, info=""))
    assert isinstance(silent, Occurrence)
    assert silent.message.endswith("TamperDetectionActivated")


def test_faults_of_connectors_and_of_the_whole_charger() -> None:
    event = example(ChargerStatusChanged, charger_id="C1", place=Place(2, 1), status="Faulted", previous_status="Available")
    assert raised(event) == ("charger_faulted", "error", "charger:C1 connector 2.1")
    assert raised(attrs.evolve(event, place=Place(0, 0))) == ("charger_faulted", "error", "charger:C1 the whole")
    over = attrs.evolve(event, status="Unavailable", previous_status="Faulted")
    assert ended(over) == ("charger_faulted", "charger:C1 connector 2.1", "it is Unavailable")
    assert meaning(attrs.evolve(event, status="Charging")) == []


def test_certificates() -> None:
    expiring = example(ChargerCertificateExpiring, charger_id="C1", expires_at=1_800_000_000_000)
    assert raised(expiring) == ("certificate_expiring", "error", "charger:C1")
    (one,) = meaning(expiring)
    assert isinstance(one, Occurrence)
    assert "2027-01-15" in one.message
    changed = example(ChargerCertificateChanged, charger_id="C1", state="active")
    assert ended(changed) == ("certificate_expiring", "charger:C1", "a new certificate is in use")
    assert meaning(attrs.evolve(changed, state="issued")) == []


def test_aborted_campaigns() -> None:
    event = example(FirmwareCampaignAborted, campaign_id=5, name="Spring", reason="3 of 10 failed")
    assert raised(event) == ("firmware_campaign_aborted", "error", "campaign:5")
    (one,) = meaning(event)
    assert isinstance(one, Occurrence)
    assert one.message == "the firmware campaign Spring was aborted: 3 of 10 failed"


def test_configuration_that_drifted_key_by_key() -> None:
    drifted = ConfigurationDrifted(charger_id="C1", keys=("HeartbeatInterval", "MeterValueSampleInterval"))
    found = [(one.subject, one.message) for one in meaning(drifted) if isinstance(one, Occurrence)]
    assert found == [
        ("charger:C1 HeartbeatInterval", "HeartbeatInterval of charger C1 is not what it should be"),
        ("charger:C1 MeterValueSampleInterval", "MeterValueSampleInterval of charger C1 is not what it should be"),
    ]
    applied = ConfigurationApplied(charger_id="C1", keys=("HeartbeatInterval",))
    assert ended(applied) == ("configuration_drifted", "charger:C1 HeartbeatInterval", "the charger took what it should have")


def test_disputes_and_refunds_that_are_odd() -> None:
    about: dict[str, Any] = {"payment_id": 4, "dispute_id": 7, "amount_minor": 500, "currency": "INR", "booked_minor": 400}
    assert raised(example(PaymentDisputed, state="open", **about)) == ("payment_disputed", "error", "dispute:7")
    lost = meaning(example(PaymentDisputed, state="lost", **about), 7)
    assert {(type(each), each.kind) for each in lost} == {(Occurrence, "payment_charged_back"), (Relief, "payment_disputed")}
    assert ended(example(PaymentDisputed, state="won", **about))[:2] == ("payment_disputed", "dispute:7")
    assert raised(example(PaymentOdd, odd="refund"))[:2] == ("refund_odd", "error")
    assert raised(example(PaymentOdd, odd="late"))[:2] == ("payment_odd", "warning")


def test_estimated_transactions() -> None:
    event = example(TransactionEnded, transaction_id=17, charger_id="C1", stop_source="estimated", stop_reason="Overdue")
    assert raised(event) == ("transaction_estimated", "warning", "transaction:17")
    assert meaning(attrs.evolve(event, stop_source="reported")) == []
    assert meaning(attrs.evolve(event, stop_source="operator")) == []
    corrected = example(TransactionCorrected, transaction_id=17, stop_source="reported")
    assert ended(corrected) == ("transaction_estimated", "transaction:17", "the charger reported the stop")
    assert meaning(attrs.evolve(corrected, stop_source="estimated")) == []


@pytest.mark.parametrize("rule", [*RAISES, *RESOLVES], ids=lambda rule: f"{rule.kind} by {rule.event}")
def test_every_rule_bears_whatever_its_event_says(rule: Any) -> None:
    """Also an event of a later version that says less, or other things."""
    assert rule.severity in ("", *SEVERITIES)
    assert rule.event in TYPES
    assert rule.when({}) in (True, False)
    assert not rule.severity or not rule.when({}) or rule in RAISES

    @attrs.frozen
    class Strange(Event):
        type = rule.event

    for one in meaning(Strange()):
        assert one.kind
        assert "{" not in one.subject


def test_every_type_of_the_table_is_told_by_somebody() -> None:
    import csms.hooks  # noqa: F401 - defines every event of the core

    assert set(TYPES) <= set(EVENT_TYPES)


async def test_what_means_nothing_writes_nothing(scene: Scene) -> None:
    await scene.tell(example(TransactionEnded, stop_source="reported"))
    assert await scene.all() == []
