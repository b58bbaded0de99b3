"""The security whitepaper: certificates (A02, A03, M03, M04, M05)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.charger.certificates import CENTRAL_SYSTEM, USES, BadCertificate
from simulators.charger.link import Reply
from simulators.frames import Payload

from .reply import status, text, word

if TYPE_CHECKING:
    from simulators.charger.charger import Charger

    from .reply import Order


def _signed(charger: Charger, payload: Payload) -> Reply:
    """CertificateSigned: a good certificate is used from now on, or as soon as it is valid (A02.FR.08)."""
    chain = text(payload, "certificateChain")
    try:
        if "certificate" in charger.failing:
            raise BadCertificate("told to fail")
        if len(chain) > charger.settings.number("chain_most"):
            raise BadCertificate("it is longer than CertificateSignedMaxChainSize")
        identity = charger.security.store.accept(chain, charger.profile.charger_id, charger.security.now)
    except BadCertificate as wrong:
        charger.security.event("InvalidChargePointCertificate", str(wrong))
        return status("Rejected")
    charger.security.event("ReconfigurationOfSecurityParameters", "charge point certificate")
    charger.say(f"certificate {identity.chain[0].serial_number:x} is accepted")

    async def use() -> None:
        await charger.clock.sleep_until(int(identity.chain[0].not_valid_before_utc.timestamp() * 1000))
        if charger.security.profile == 3 and charger.security.store.identity is identity:
            charger.life.drop("close", 0)

    return status("Accepted", use)


def _install(charger: Charger, payload: Payload) -> Reply:
    use, pem = word(payload, "certificateType", USES), text(payload, "certificate")
    if "certificate-store" in charger.failing:
        return status("Failed")
    try:
        charger.security.store.install(
            use,
            pem,
            most=charger.settings.number("certificates_most"),
            check_new_roots=charger.settings.flag("checks_new_roots"),
            now=charger.security.now,
        )
    except BadCertificate as wrong:
        charger.say(f"{use}: {wrong}")
        return status("Rejected")
    charger.security.event("ReconfigurationOfSecurityParameters", use)
    return status("Accepted")


def _delete(charger: Charger, payload: Payload) -> Reply:
    wanted = payload["certificateHashData"]
    store = charger.security.store
    found = store.find(wanted)
    if found is None:
        return status("Failed" if store.is_own(wanted) else "NotFound")
    use, certificate = found
    in_use = use == CENTRAL_SYSTEM and charger.security.address().tls is not None and len(store.roots[use]) == 1
    if "certificate-store" in charger.failing or in_use:  # M04.FR.06
        return status("Failed")
    store.delete(use, certificate)
    charger.security.event("ReconfigurationOfSecurityParameters", f"{use} deleted")
    return status("Accepted")


def _installed(charger: Charger, payload: Payload) -> Reply:
    found = charger.security.store.hash_data(word(payload, "certificateType", USES))
    if not found:
        return status("NotFound")
    return Reply({"status": "Accepted", "certificateHashData": found})


ORDERS: dict[str, Order] = {
    "CertificateSigned": _signed,
    "InstallCertificate": _install,
    "DeleteCertificate": _delete,
    "GetInstalledCertificateIds": _installed,
}
