"""What the server asks a charger to say now (1.6 §5.17, whitepaper §5.5, 2.0.1 F06), and a certificate that it is to ask for (A02)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import trio

from .certificates import new_key, request_for
from .link import LinkLost, NoAnswer, Refusal
from .meter import read

if TYPE_CHECKING:
    from .charger import Charger

RENEWED_BEFORE = timedelta(days=30)
"""How long before its end a certificate is renewed without being told (whitepaper A03)."""


async def tell_again(charger: Charger, wanted: str, number: int | None) -> None:
    """Send a message by its name, for one connector or for all of them (and the charger itself)."""
    match wanted:
        case "BootNotification":
            await charger.life.duties.boot_again()
        case "Heartbeat":
            await charger.life.duties.beat()
        case "StatusNotification":
            await _statuses(charger, number)
        case "FirmwareStatusNotification":
            await charger.firmware.tell_again(signed=False)
        case "SignedFirmwareStatusNotification":
            await charger.firmware.tell_again(signed=True)
        case "DiagnosticsStatusNotification" | "LogStatusNotification":
            await charger.logs.tell_again(of_get_log=wanted == "LogStatusNotification")
        case "SignChargePointCertificate":
            await ask_for_certificate(charger)
        case _:
            _readings(charger, wanted, number)


async def _statuses(charger: Charger, number: int | None) -> None:
    whole = charger.tongue.speaks_of_whole
    if whole and not number:
        await charger.tell_now(*charger.tongue.status(charger, 0, charger.box.status, "NoError"))
    if whole and number == 0:
        return
    for connector in charger.box.connectors:
        if number and connector.number != number:
            continue
        if charger.online:
            connector.told = None
            charger.tell_status(connector)
        else:
            await charger.tell_now(*charger.tongue.status(charger, connector.number, connector.status, connector.error_code))


def _readings(charger: Charger, wanted: str, number: int | None) -> None:
    for connector in charger.box.connectors:
        if (number and connector.number != number) or (wanted == "TransactionEvent" and connector.transaction is None):
            continue
        charger.box.settle(connector)
        samples = read(connector, charger.settings.text("meter_measurands"), charger.rng)
        charger.tongue.reading(charger, connector, samples, "Trigger")


async def ask_for_certificate(charger: Charger) -> None:
    """Make a key and send SignCertificate; the certificate comes later, in a CertificateSigned (whitepaper A02, A03)."""
    key = await trio.to_thread.run_sync(new_key, charger.profile.key_kind)
    request = request_for(key, charger.profile.charger_id, charger.settings.text("organization"))
    store = charger.security.store
    store.awaited = key
    charger.say(f"a certificate is asked for, with a new {charger.profile.key_kind} key")
    try:
        answer = await charger.ask("SignCertificate", {"csr": request})
    except (LinkLost, NoAnswer, Refusal) as trouble:
        charger.say(f"SignCertificate: {trouble or 'the connection ended'}")
        return
    if answer.get("status") != "Accepted" and store.awaited is key:
        store.awaited = None
        charger.say(f"SignCertificate is {answer.get('status')}")


async def renew_in_time(charger: Charger) -> None:
    """Ask for a new certificate when the one in use ends within a month (A03.FR.02); short-lived ones are left to the server."""
    own = charger.security.store.identity
    if charger.security.profile < 3 or own is None or charger.security.store.awaited is not None:
        return
    leaf = own.chain[0]
    lasts = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    if lasts > 2 * RENEWED_BEFORE and leaf.not_valid_after_utc - charger.security.now < RENEWED_BEFORE:
        await ask_for_certificate(charger)
