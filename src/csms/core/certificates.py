"""What names a certificate that a charger holds, and what certificates are for."""

from __future__ import annotations

import attrs

CHARGER_CERTIFICATE = "ChargingStationCertificate"
"""The charger's own (2.0.1 CertificateSigningUseEnumType), by which it logs in under security profile 3."""
CSMS_ROOT, MANUFACTURER_ROOT = "CSMSRootCertificate", "ManufacturerRootCertificate"
ROOT_PURPOSES = (CSMS_ROOT, MANUFACTURER_ROOT)
"""OCPP 2.0.1 InstallCertificateUseEnumType, as far as 1.6 has it too (there the first is CentralSystemRootCertificate)."""


@attrs.frozen(slots=True, kw_only=True)
class CertificateHash:
    """A certificate by the hashes of its issuer and its serial number, all hexadecimal (2.0.1 CertificateHashDataType; RFC 6960)."""

    algorithm: str = attrs.field(validator=attrs.validators.in_(("SHA256", "SHA384", "SHA512")))
    issuer_name_hash: str
    issuer_key_hash: str
    serial: str
