"""What a charger can be told to fail at, so that every answer that a server must bear can be had."""

from __future__ import annotations

FAILURES: dict[str, str] = {
    "download": "a firmware download fails (DownloadFailed)",
    "signature": "the signature of any firmware is found wrong (InvalidSignature)",
    "verification": "signed firmware fails its own check (InstallVerificationFailed)",
    "installation": "firmware cannot be installed (InstallationFailed)",
    "revoked": "every firmware signing certificate is revoked (RevokedCertificate)",
    "unsigned-firmware": "UpdateFirmware is refused: signed firmware only (NotSupported, whitepaper L01.FR.20)",
    "upload": "diagnostics and logs cannot be uploaded (UploadFailed, UploadFailure)",
    "no-diagnostics": "there are no diagnostics (an empty answer)",
    "local-list": "the local list is not stored (Failed)",
    "reservation": "reservations are not accepted (Rejected)",
    "profile": "charging profiles are not accepted (Rejected)",
    "remote": "remote starts and stops are refused (Rejected)",
    "reset": "a reset is refused (Rejected)",
    "unlock": "the lock is stuck (UnlockFailed)",
    "fixed-cable": "there is no lock (NotSupported)",
    "availability": "the availability cannot be changed (Rejected)",
    "cache": "the cache cannot be cleared (Rejected)",
    "trigger": "nothing is sent on request (Rejected)",
    "certificate": "a signed certificate is found wrong (Rejected)",
    "certificate-store": "certificates can be neither stored nor deleted (Failed)",
}
"""Name: what happens."""

FEATURES: dict[str, frozenset[str]] = {
    "FirmwareManagement": frozenset({"UpdateFirmware", "GetDiagnostics"}),
    "LocalAuthListManagement": frozenset({"SendLocalList", "GetLocalListVersion"}),
    "Reservation": frozenset({"ReserveNow", "CancelReservation"}),
    "SmartCharging": frozenset({"SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule"}),
    "RemoteTrigger": frozenset({"TriggerMessage"}),
    "Security": frozenset(
        {
            "ExtendedTriggerMessage",
            "CertificateSigned",
            "InstallCertificate",
            "DeleteCertificate",
            "GetInstalledCertificateIds",
            "GetLog",
            "SignedUpdateFirmware",
        }
    ),
}
"""The feature profiles of 1.6 (§3.2) besides Core, and the whitepaper as one more; the server's calls of each."""
