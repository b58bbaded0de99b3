"""What each acknowledged call promises, and whether it was kept: one small function an action.

A fact is looked for under the charger's own instant. Where the charger's clock was ahead or plainly wrong, a server may put its own
in place: then an equal fact that was received between sending and acknowledgement will do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import attrs

from .kept import Kept, KeptTransaction

EARLIEST_PLAUSIBLE_AT = 1_262_304_000_000
"""2010: an earlier timestamp comes from a clock that was never set."""


@attrs.frozen(slots=True)
class Acked:
    """A line of the record."""

    charger_id: str
    message_id: str
    action: str
    sent_at: int
    acked_at: int
    facts: dict[str, Any]


@attrs.frozen(slots=True)
class Broken:
    """A promise that was not kept: ``absent``, or there ``more than once``."""

    acked: Acked
    how: str
    what: str


@attrs.frozen(slots=True)
class Checker:
    """Checks one acknowledged call after the other; ``slack_ms`` is how far the two clocks may be apart."""

    kept: Kept
    slack_ms: int = 250

    def broken(self, acked: Acked) -> Iterator[Broken]:
        """Every promise of this call that was not kept."""
        if acked.message_id and not self.kept.frames[acked.charger_id, acked.message_id]:
            yield Broken(acked, "absent", "the frame")
        rule = RULES.get(acked.action)
        if rule is not None:
            for how, what in rule(self, acked):
                yield Broken(acked, how, what)

    def untrusted(self, acked: Acked, at: int | None) -> bool:
        """Whether a server may have put its own instant in the place of the charger's."""
        return at is None or at < EARLIEST_PLAUSIBLE_AT

    def ahead(self, acked: Acked, at: int | None) -> bool:
        """Whether the charger's clock was ahead of the server's."""
        return at is not None and at > acked.sent_at - self.slack_ms

    def meanwhile(self, acked: Acked, received_at: int) -> bool:
        """Whether something was received between sending and acknowledgement."""
        return acked.sent_at - self.slack_ms <= received_at <= acked.acked_at + self.slack_ms


Findings = Iterator[tuple[str, str]]


def _boot(checker: Checker, acked: Acked) -> Findings:
    vendor, model, booted_at = checker.kept.chargers.get(acked.charger_id, ("", "", 0))
    if (vendor, model) != (acked.facts["vendor"], acked.facts["model"]):
        yield "absent", f"vendor and model {acked.facts['vendor']!r} {acked.facts['model']!r} (kept: {vendor!r} {model!r})"
    if booted_at < acked.sent_at - checker.slack_ms:
        yield "absent", f"the boot at {acked.sent_at} (kept: {booted_at})"


def _status(checker: Checker, acked: Acked) -> Findings:
    facts = acked.facts
    at, status = facts.get("at"), str(facts["status"]).casefold()
    rows = checker.kept.statuses.get((acked.charger_id, int(facts["evse"]), int(facts["connector"])), [])
    untrusted = checker.untrusted(acked, at) or checker.ahead(acked, at)  # a status cannot be from the future
    for row in rows:
        if row.status == status and (row.reported_at == at or (untrusted and checker.meanwhile(acked, row.received_at))):
            return
    # a status that says nothing new need not be a row: it is what held when the message was on its way
    held = [row.status for row in rows if row.received_at < acked.sent_at - checker.slack_ms][-1:]
    held += [row.status for row in rows if checker.meanwhile(acked, row.received_at)]
    if status not in held:
        yield "absent", f"status {facts['status']} of {facts['evse']}.{facts['connector']} at {at}"


def _start(checker: Checker, acked: Acked) -> Findings:
    facts = acked.facts
    transaction_id = facts["transaction_id"]
    kept = checker.kept.transactions.get(transaction_id) if isinstance(transaction_id, int) else None
    if kept is None or kept.charger_id != acked.charger_id:
        yield "absent", f"transaction {transaction_id}"
        return
    token = str(facts["token"]).casefold()
    if (kept.evse, kept.token.casefold(), kept.meter_start_wh) != (facts["evse"], token, facts["meter_wh"]):
        yield "absent", f"transaction {transaction_id} with EVSE {facts['evse']}, token {facts['token']}, {facts['meter_wh']} Wh"
    if checker.kept.starts[acked.charger_id, kept.evse, token, kept.started_at, kept.meter_start_wh] > 1:
        yield "more than once", f"the start of transaction {transaction_id}"


def _instant(text: str) -> int | None:
    """Milliseconds of a time as the charger wrote it: one before the start, say, which cannot be when the transaction stopped."""
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return None


def _stopped_as(kept: KeptTransaction, checker: Checker, acked: Acked) -> bool:
    at = acked.facts.get("at")
    right_time = kept.stopped_at == at or (
        kept.stopped_at is not None and (checker.untrusted(acked, at) or _instant(kept.stopped_at_raw) == at)
    )
    return kept.stop_source == "reported" and kept.meter_stop_wh == acked.facts["meter_wh"] and right_time


def _stop(checker: Checker, acked: Acked) -> Findings:
    facts, kept = acked.facts, checker.kept
    claimed = kept.transactions.get(facts["transaction_id"])
    named = [claimed] if claimed is not None and claimed.charger_id == acked.charger_id else kept.of_charger[acked.charger_id]
    owner = next((one for one in named if _stopped_as(one, checker, acked)), None)
    if owner is not None:
        yield from _readings(checker, acked, owner.evse)
        return
    if (acked.charger_id, facts.get("at"), facts["meter_wh"]) in kept.late_stops:
        return
    if not _in_quarantine(checker, acked):
        yield "absent", f"the stop of transaction {facts['transaction_id']} at {facts.get('at')} with {facts['meter_wh']} Wh"


def _in_quarantine(checker: Checker, acked: Acked) -> bool:
    return any(
        checker.meanwhile(acked, first) or checker.meanwhile(acked, last)
        for first, last in checker.kept.quarantined[acked.charger_id]
    )


def _readings(checker: Checker, acked: Acked, evse: int) -> Findings:
    kept = checker.kept
    for reading in acked.facts.get("readings") or []:
        at, energy_wh = reading["at"], reading["energy_wh"]
        rows = kept.readings.get((acked.charger_id, evse, at), [])
        if not rows and checker.untrusted(acked, at):
            rows = [row for row in kept.reading_times[acked.charger_id, evse] if checker.meanwhile(acked, row.received_at)][:1]
        if not rows:
            yield "absent", f"the reading of EVSE {evse} at {at}"
        elif (
            energy_wh is not None
            and not checker.untrusted(acked, at)
            and all(row.energy_wh is None or abs(row.energy_wh - energy_wh) > 1 for row in rows)
        ):
            yield "absent", f"{energy_wh:g} Wh of EVSE {evse} at {at} (kept: {[row.energy_wh for row in rows]})"
        if len({row.connector for row in rows}) < len(rows):
            yield "more than once", f"the reading of EVSE {evse} at {at}"


def _meter_values(checker: Checker, acked: Acked) -> Findings:
    yield from _readings(checker, acked, int(acked.facts["evse"]))


def _event(checker: Checker, acked: Acked) -> Findings:
    facts, kept = acked.facts, checker.kept
    reference = facts["reference"]
    times = kept.events[acked.charger_id, reference, facts["seq_no"], str(facts["event"]).casefold()]
    if times != 1:
        yield ("more than once" if times else "absent"), f"event {facts['seq_no']} ({facts['event']}) of {reference}"
    times = kept.references[acked.charger_id, reference]
    if times != 1:
        yield ("more than once" if times else "absent"), f"transaction {reference}"
    if facts["event"] == "Ended":
        ended = [one for one in kept.of_charger[acked.charger_id] if one.reference == reference and one.stop_source == "reported"]
        if not ended:
            yield "absent", f"the end of {reference}"
    if facts.get("evse") is not None:
        yield from _readings(checker, acked, int(facts["evse"]))


RULES: dict[str, Callable[[Checker, Acked], Findings]] = {
    "BootNotification": _boot,
    "StatusNotification": _status,
    "StartTransaction": _start,
    "StopTransaction": _stop,
    "MeterValues": _meter_values,
    "TransactionEvent": _event,
}
"""Actions that leave more than their frame."""
