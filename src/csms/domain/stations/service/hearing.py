"""What chargers report of themselves: boot, status, vendor data, and what was odd about it."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from typing import Any

from csms.core.ids import charger_key
from csms.core.ports import Row, Tx
from csms.core.reports import Booted, DataSent, DataVerdict, Noted, Registration, Report, StatusReported
from csms.core.units import parse_instant
from csms.domain.stations import store
from csms.domain.stations.model import (
    ACCEPTED,
    LARGEST_PLACE,
    MOST_ODDITIES,
    REJECTED,
    BootPolicy,
    ChargerBooted,
    ChargerFacts,
    ChargerRegistrationChanged,
    ChargerStatusChanged,
    clean,
)

DRIFT_STEP_MS = 30_000
"""A clock drift is stored again when it has changed by more than this."""


_INDEX = re.compile(r"\[\d+\]|(?<=[./])\d+(?=[./]|$)")


def boot(tx: Tx, report: Booted, decision: BootPolicy) -> Registration:
    """BootNotification (1.6 §4.2; 2.0.1 B01-B03): the operator's approval decides, and the facts are stored whatever it is.

    A charger that was removed while it was connected is told ``rejected``. The interval is never 0.
    """
    tx.claim(charger_key(report.charger_id))
    known = store.boot_facts(tx, report.charger_id)
    if known is None:
        return Registration(REJECTED, decision.retry_interval_s, tx.now)
    told: str = known["approval"]
    facts = _facts(tx, report, known)
    store.save_boot(tx, report.charger_id, facts, told)
    tx.emit(
        ChargerBooted(
            charger_id=report.charger_id,
            registration=told,
            vendor=facts.vendor,
            model=facts.model,
            serial=facts.serial or facts.duplicate_serial,
            firmware=facts.firmware,
            previous_firmware=known["firmware"],
            reason=facts.boot_reason,
        )
    )
    if known["registration"] != told:
        tx.emit(ChargerRegistrationChanged(charger_id=report.charger_id, approval=told, registration=told))
    if told != ACCEPTED:
        return Registration(told, decision.retry_interval_s, tx.now)
    return Registration(told, known["heartbeat_interval_s"] or decision.heartbeat_interval_s, tx.now)


def _facts(tx: Tx, report: Booted, known: Row) -> ChargerFacts:
    vendor, serial = clean(report.vendor, 255), clean(report.serial, 255)
    duplicate_serial = ""
    same = (vendor, serial, "") == (known["vendor"], known["serial"], known["duplicate_serial"])
    if serial and not same:
        # two chargers that report one number at the same moment take turns
        tx.claim(f"serial:{tx.tenant}:{vendor}:{serial}")
        if store.serial_owner(tx, vendor, serial) not in (None, report.charger_id):
            serial, duplicate_serial = "", serial
    return ChargerFacts(
        vendor=vendor,
        model=clean(report.model, 255),
        serial=serial,
        duplicate_serial=duplicate_serial,
        firmware=clean(report.firmware, 255),
        iccid=clean(report.iccid, 64),
        imsi=clean(report.imsi, 64),
        meter_type=clean(report.meter_type, 255),
        meter_serial=clean(report.meter_serial, 255),
        boot_reason=clean(report.reason, 64),
        booted_at=report.received_at,
    )


def status(tx: Tx, report: StatusReported, decision: object = None) -> Noted:
    """StatusNotification (1.6 §4.9; 2.0.1 G01): the place's present status, and a row of history when status or error changed.

    A place that speaks for the first time is stored. What is older than the present status, such as a queue that an offline charger
    sends later, goes into the history but changes nothing else. A timestamp ahead of our clock counts as now, or a charger whose
    clock was once wrong could never be heard again.
    """
    tx.claim(charger_key(report.charger_id))
    place = report.place
    if not (0 <= place.evse <= LARGEST_PLACE and 0 <= place.connector <= LARGEST_PLACE):
        _count(tx, report, Counter({("place", "connector"): 1}), {("place", "connector"): str(place)})
        return Noted()
    present = store.present(tx, report.charger_id, place)
    if present is None:
        return Noted()
    reported_at = min(report.reported_at, report.received_at)
    told: dict[str, Any] = {
        "charger_id": report.charger_id,
        "evse": place.evse,
        "connector": place.connector,
        "status": report.status,
        "status_raw": clean(report.status_raw, 255),
        "error_code": clean(report.error_code, 255),
        "info": clean(report.info, 1000),
        "vendor_id": clean(report.vendor_id, 255),
        "vendor_error_code": clean(report.vendor_error_code, 255),
        "reported_at": reported_at,
        "received_at": report.received_at,
    }
    if present["status"] is None:
        store.insert_connector(tx, told)
        changed = True
    elif reported_at < present["reported_at"]:
        if not store.history_has(tx, told):
            store.insert_history(tx, told, applied=False)
        return Noted()
    else:
        store.update_connector(tx, told)
        changed = any(told[name] != present[name] for name in ("status", "error_code", "vendor_error_code", "status_raw"))
    if changed:
        store.insert_history(tx, told, applied=True)
        tx.emit(
            ChargerStatusChanged(
                charger_id=report.charger_id,
                place=place,
                status=report.status,
                previous_status=present["status"] or "",
                error_code=told["error_code"],
                previous_error_code=present["error_code"] or "",
                vendor_error_code=told["vendor_error_code"],
                info=told["info"],
                reported_at=reported_at,
            )
        )
    drift_ms, stored = _drift_ms(report, present["connected_at"]), present["clock_drift_ms"]
    if drift_ms is not None and (stored is None or abs(drift_ms - stored) > DRIFT_STEP_MS):
        store.save_drift(tx, report.charger_id, drift_ms)
    return Noted()


def _drift_ms(report: StatusReported, connected_at: int | None) -> int | None:
    """By how much the charger's clock is ahead of ours; None where the report does not show it."""
    for each in report.oddities:
        if each.rule == "clock":  # no time to be believed, such as 1970: the report has ours in its place
            with suppress(ValueError):
                return parse_instant(each.heard)[0] - report.received_at
    drift_ms = report.reported_at - report.received_at
    if not drift_ms:
        return None  # exactly 0 is our own clock, put in place of a timestamp that was missing
    told_late = drift_ms < 0 and connected_at is not None and report.reported_at < connected_at
    return None if told_late else drift_ms


def data(tx: Tx, report: DataSent, decision: DataVerdict | None) -> DataVerdict:
    """DataTransfer (1.6 §4.3; 2.0.1 P02): what a plugin answered, else ``UnknownVendorId``. The frame log keeps what was sent."""
    return DataVerdict("UnknownVendorId") if decision is None else decision


def note_oddities(tx: Tx, report: Report, decision: object = None) -> None:
    """Count what was odd about a report, per charger, rule and field; list positions in field names do not count as fields."""
    if not report.oddities:
        return
    tx.claim(charger_key(report.charger_id))
    times: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for oddity in report.oddities:
        kind = clean(oddity.rule, 50), clean(_INDEX.sub("[]", oddity.field), 200)
        times[kind] += 1
        examples.setdefault(kind, oddity.heard)
    _count(tx, report, times, examples)


def _count(tx: Tx, report: Report, times: Counter[tuple[str, str]], examples: dict[tuple[str, str], str]) -> None:
    for (rule, field), count in times.items():
        if store.count_again(tx, report.charger_id, rule, field, times=count, seen_at=report.received_at):
            continue
        store.count_first(
            tx,
            report.charger_id,
            rule,
            field,
            times=count,
            example=clean(examples[rule, field], 200),
            seen_at=report.received_at,
            most=MOST_ODDITIES,
        )
