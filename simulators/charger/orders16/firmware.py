"""Firmware: UpdateFirmware (1.6 §5.19) and SignedUpdateFirmware (whitepaper L01)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from simulators.charger.certificates import BadCertificate
from simulators.charger.firmware import FirmwareOrder
from simulators.charger.link import Reply
from simulators.frames import Payload

from .reply import instant, patience, status, text, whole

if TYPE_CHECKING:
    from simulators.charger.charger import Charger

    from .reply import Order


def _update(charger: Charger, payload: Payload) -> Reply:
    if "unsigned-firmware" in charger.failing:
        return Reply(status="signed firmware only", error="NotSupported")
    attempts, interval_s = patience(payload)
    text(payload, "retrieveDate")
    order = FirmwareOrder(
        location=text(payload, "location"),
        retrieve_at=instant(payload, "retrieveDate") or 0,
        attempts=attempts,
        interval_s=interval_s,
    )

    async def begin() -> None:
        charger.firmware.begin(order)

    return Reply(then=begin)


def _signed_update(charger: Charger, payload: Payload) -> Reply:
    firmware = payload["firmware"]
    attempts, interval_s = patience(payload)
    if "revoked" in charger.failing:
        return _refuse(charger, "RevokedCertificate", "it is revoked")
    try:
        certificate = charger.security.store.signing_certificate(text(firmware, "signingCertificate"), charger.security.now)
    except BadCertificate as wrong:
        return _refuse(charger, "InvalidCertificate", str(wrong))
    try:
        signature = base64.b64decode(text(firmware, "signature"))
    except binascii.Error:
        signature = b""  # found wrong when the file is there (L01.FR.03)
    text(firmware, "retrieveDateTime")
    order = FirmwareOrder(
        location=text(firmware, "location"),
        retrieve_at=instant(firmware, "retrieveDateTime") or 0,
        attempts=attempts,
        interval_s=interval_s,
        request_id=whole(payload, "requestId"),
        install_at=instant(firmware, "installDateTime"),
        certificate=certificate,
        signature=signature,
    )

    async def begin() -> None:
        charger.firmware.begin(order)

    return status("AcceptedCanceled" if charger.firmware.busy else "Accepted", begin)


def _refuse(charger: Charger, answer: str, why: str) -> Reply:
    charger.security.event("InvalidFirmwareSigningCertificate", why)
    return status(answer)


ORDERS: dict[str, Order] = {"UpdateFirmware": _update, "SignedUpdateFirmware": _signed_update}
