"""The commands that keep a charger up: firmware, diagnostics, logs, certificates."""

from __future__ import annotations

import attrs

from csms.core.certificates import CHARGER_CERTIFICATE, CSMS_ROOT, ROOT_PURPOSES, CertificateHash

from .command import Command

# --- firmware, diagnostics, logs ------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class UpdateFirmware(Command):
    """UpdateFirmware (1.6 §5.19; 2.0.1 L01), or 1.6's SignedUpdateFirmware when it comes with a ``signature``.

    ``signing_certificate`` is PEM; ``signature`` base64, over the image's SHA-256 (1.6 security whitepaper L01).
    """

    title = "update the firmware"

    location: str
    retrieve_at: int
    request_id: int = 0
    install_at: int | None = None
    signing_certificate: str = ""
    signature: str = ""
    retries: int | None = None
    retry_interval_s: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class GetDiagnostics(Command):
    """GetDiagnostics (1.6 §5.9): upload diagnostics to ``location``. Detail: ``file_name``; ``NotAvailable`` when there are none."""

    title = "upload diagnostics"

    location: str
    oldest_at: int | None = None
    latest_at: int | None = None
    retries: int | None = None
    retry_interval_s: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class GetLog(Command):
    """GetLog (1.6 security whitepaper N01; 2.0.1 N01): upload a log to ``location``. Detail: ``file_name``."""

    title = "upload a log"

    kind: str = attrs.field(default="SecurityLog", validator=attrs.validators.in_(("DiagnosticsLog", "SecurityLog")))
    request_id: int
    location: str
    oldest_at: int | None = None
    latest_at: int | None = None
    retries: int | None = None
    retry_interval_s: int | None = None


# --- certificates ---------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True)
class CertificateSigned(Command):
    """CertificateSigned (1.6 security whitepaper A02; 2.0.1 A02): the certificate asked for, PEM, its issuers behind it."""

    title = "hand over a signed certificate"

    chain: str
    purpose: str = CHARGER_CERTIFICATE


@attrs.frozen(slots=True, kw_only=True)
class InstallCertificate(Command):
    """InstallCertificate (1.6 security whitepaper M05; 2.0.1 M05): a root certificate, PEM."""

    title = "install a root certificate"

    purpose: str = attrs.field(default=CSMS_ROOT, validator=attrs.validators.in_(ROOT_PURPOSES))
    certificate: str


@attrs.frozen(slots=True)
class GetInstalledCertificates(Command):
    """GetInstalledCertificateIds (1.6 security whitepaper M03; 2.0.1 M03). Detail: ``certificates`` with a ``CertificateHash``'s fields."""

    idempotent = True
    title = "list installed root certificates"

    purpose: str = attrs.field(default=CSMS_ROOT, validator=attrs.validators.in_(ROOT_PURPOSES))


@attrs.frozen(slots=True)
class DeleteCertificate(Command):
    """DeleteCertificate (1.6 security whitepaper M04; 2.0.1 M04)."""

    title = "delete an installed certificate"

    certificate: CertificateHash
