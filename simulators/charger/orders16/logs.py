"""Diagnostics and logs: GetDiagnostics (1.6 §5.9) and GetLog (whitepaper N01)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.charger.link import Reply
from simulators.charger.logs import DIAGNOSTICS, DIAGNOSTICS_LOG, SECURITY_LOG, LogOrder
from simulators.frames import Payload

from .reply import instant, patience, text, whole, word

if TYPE_CHECKING:
    from simulators.charger.charger import Charger

    from .reply import Order


def _get_diagnostics(charger: Charger, payload: Payload) -> Reply:
    attempts, interval_s = patience(payload)
    name, _ = charger.logs.begin(
        LogOrder(
            kind=DIAGNOSTICS,
            location=text(payload, "location"),
            attempts=attempts,
            interval_s=interval_s,
            oldest=instant(payload, "startTime"),
            latest=instant(payload, "stopTime"),
        )
    )
    return Reply({} if name is None else {"fileName": name}, "nothing" if name is None else name)


def _get_log(charger: Charger, payload: Payload) -> Reply:
    log = payload["log"]
    attempts, interval_s = patience(payload)
    name, cancelled = charger.logs.begin(
        LogOrder(
            kind=word(payload, "logType", (DIAGNOSTICS_LOG, SECURITY_LOG)),
            location=text(log, "remoteLocation"),
            attempts=attempts,
            interval_s=interval_s,
            request_id=whole(payload, "requestId"),
            oldest=instant(log, "oldestTimestamp"),
            latest=instant(log, "latestTimestamp"),
        )
    )
    if name is None:
        return Reply({"status": "Rejected"}, "Rejected")
    answer = "AcceptedCanceled" if cancelled else "Accepted"
    return Reply({"status": answer, "filename": name}, answer)


ORDERS: dict[str, Order] = {"GetDiagnostics": _get_diagnostics, "GetLog": _get_log}
