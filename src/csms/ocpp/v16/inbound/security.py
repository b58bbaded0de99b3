"""What an OCPP 1.6 charger tells us about its security (security whitepaper, edition 2)."""

from __future__ import annotations

from csms.core import reports
from csms.ocpp.dialect import Hearing, Hears, Payload


def _event(payload: Payload, hearing: Hearing) -> reports.SecurityEventReported:
    occurred_at, raw = hearing.instant(payload["timestamp"], "timestamp")
    return reports.SecurityEventReported(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        kind=payload["type"],
        occurred_at=occurred_at,
        occurred_at_raw=raw,
        info=payload.get("techInfo", ""),
        oddities=hearing.oddities(),
    )


def _noted(_request: Payload, _verdict: reports.Noted) -> Payload:
    return {}


def _requested(payload: Payload, hearing: Hearing) -> reports.CertificateRequested:
    return reports.CertificateRequested(
        charger_id=hearing.charger_id, received_at=hearing.now, csr=payload["csr"], oddities=hearing.oddities()
    )


def _signing(_request: Payload, verdict: reports.SigningVerdict) -> Payload:
    return {"status": "Accepted" if verdict.status == "Accepted" else "Rejected"}


ROWS = (
    Hears(action="SecurityEventNotification", read=_event, write=_noted, verdict=reports.Noted),
    Hears(action="SignCertificate", read=_requested, write=_signing, verdict=reports.SigningVerdict),
)
