"""The section ``[security]``: certificates and keys of chargers."""

from __future__ import annotations

import attrs

from .rules import AUTHORITY, ORGANIZATION, Between
from .setting import setting


@attrs.frozen(slots=True, kw_only=True)
class SecurityConfig:
    """Certificates and keys of chargers."""

    organization: str = setting(
        "",
        'the operator\'s name, O in every certificate that is signed for a charger (CpoName); "" takes what the charger asks for',
        validator=ORGANIZATION,
    )
    authority: str = setting(
        "built-in",
        'who signs chargers\' certificates: "built-in", the name of a plugin that brings an authority, or "" for nobody',
        validator=AUTHORITY,
    )
    authority_folder: str = setting(
        "authority", "where the built-in authority keeps its key and its root, made on first use", path=True
    )
    authority_certificate: str = setting(
        "", "certificate of the built-in authority instead of its own root, with those above it behind it", path=True
    )
    authority_key: str = setting("", "private key file of authority_certificate", path=True)
    certificate_days: float = setting(365.0, "how long a charger's certificate is valid", validator=Between(0.0001, 3650))
    renew_before_days: float = setting(
        30.0, "how long before its end a certificate is renewed, and never before its last third", validator=Between(0.0001, 365)
    )
    expiring_days: float = setting(
        7.0,
        "how long before the end of a certificate that could not be renewed an operator is told",
        validator=Between(0.0001, 365),
    )
    requests_per_hour: int = setting(10, "certificates that one charger may ask for within an hour", validator=Between(1, 20))
    sign_other_names: bool = setting(
        False, "whether a request for another name (CN) than the charger's id is signed, for the charger's id all the same"
    )
    key_grace_h: float = setting(
        24.0,
        "hours that a charger's old key opens after it accepted a new one and has not logged in with it",
        validator=Between(0, 8760),
    )
