"""What we tell an OCPP 1.6 charger about certificates (security whitepaper, edition 2: A02, M03, M04, M05)."""

from __future__ import annotations

from csms.core import commands
from csms.core.certificates import CHARGER_CERTIFICATE, CSMS_ROOT, MANUFACTURER_ROOT
from csms.core.commands import Answered
from csms.core.errors import CannotSay
from csms.ocpp.dialect import Payload, Says
from csms.ocpp.wording import answered

_PURPOSES = {CSMS_ROOT: "CentralSystemRootCertificate", MANUFACTURER_ROOT: "ManufacturerRootCertificate"}


def _signed(command: commands.CertificateSigned) -> Payload:
    if command.purpose != CHARGER_CERTIFICATE:
        raise CannotSay(f"an OCPP 1.6 charger has no {command.purpose}")
    return {"certificateChain": command.chain}


def _install(command: commands.InstallCertificate) -> Payload:
    return {"certificateType": _PURPOSES[command.purpose], "certificate": command.certificate}


def _list(command: commands.GetInstalledCertificates) -> Payload:
    return {"certificateType": _PURPOSES[command.purpose]}


def _listed(payload: Payload) -> Answered:
    certificates = [
        {
            "algorithm": one.get("hashAlgorithm", ""),
            "issuer_name_hash": one.get("issuerNameHash", ""),
            "issuer_key_hash": one.get("issuerKeyHash", ""),
            "serial": one.get("serialNumber", ""),
        }
        for one in payload.get("certificateHashData", [])
    ]
    return Answered(payload.get("status", ""), {"certificates": certificates})


def _delete(command: commands.DeleteCertificate) -> Payload:
    hashed = command.certificate
    return {
        "certificateHashData": {
            "hashAlgorithm": hashed.algorithm,
            "issuerNameHash": hashed.issuer_name_hash,
            "issuerKeyHash": hashed.issuer_key_hash,
            "serialNumber": hashed.serial,
        }
    }


ROWS = (
    Says(command=commands.CertificateSigned, action="CertificateSigned", write=_signed, read=answered),
    Says(command=commands.InstallCertificate, action="InstallCertificate", write=_install, read=answered),
    Says(command=commands.GetInstalledCertificates, action="GetInstalledCertificateIds", write=_list, read=_listed),
    Says(command=commands.DeleteCertificate, action="DeleteCertificate", write=_delete, read=answered),
)
