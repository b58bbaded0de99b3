"""Chargers: what they say they are, what operators decide about them, and what they do wrong."""

from __future__ import annotations

import attrs

ACCEPTED, PENDING, REJECTED = "accepted", "pending", "rejected"
APPROVALS = (ACCEPTED, PENDING, REJECTED)
"""What an operator may decide about a charger; also what a charger may be told at boot (1.6 §7.43; 2.0.1 RegistrationStatusEnumType)."""

SECURITY_PROFILES = (0, 1, 2, 3)
"""1.6 security whitepaper §2: 1 is a key (HTTP Basic), 2 a key over TLS, 3 a client certificate; 0 is none of these."""

MOST_ODDITIES = 100
"""Rows of ``oddities`` that one charger may fill: field names may be its own inventions."""


def clean(text: str, limit: int) -> str:
    """A charger's text as every engine can store it: no NUL (PostgreSQL), no lone surrogates (UTF-8), at most ``limit`` characters."""
    if len(text) > limit:
        text = text[:limit]
    if text.isprintable():
        return text
    return text.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8")


@attrs.frozen(slots=True, kw_only=True)
class ChargerFacts:
    """What a charger says it is (BootNotification). ``duplicate_serial`` stands in for ``serial`` when another charger has that."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    duplicate_serial: str = ""
    firmware: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial: str = ""
    mac: str = ""
    boot_reason: str = ""
    booted_at: int | None = None


def standing(approval: str, registration: str) -> str:
    """How far a charger's registration holds: the operator's decision, at once, for a charger that has booted here; else ``""``.

    A charger learns of a decision only at its next boot, but commands and its own calls follow the decision from now on.
    """
    return approval if registration else ""


@attrs.frozen(slots=True, kw_only=True)
class Charger:
    """A charger as operators see it.

    ``approval`` is the operator's decision and ``registration`` what we last told the charger (``""``: it never booted here).
    ``heartbeat_interval_s`` None means the configured one. ``clock_drift_ms`` is how far its clock was ahead of ours, last measured.
    ``connection_id`` is ``""`` when it is not connected. ``key_origin`` is ``given``, ``first_use`` or ``""`` for no key;
    ``keys_offered`` counts keys that may take its place. ``security_profile`` is the least it may log in with (None: the
    installation's) and ``security_profile_used`` that of its latest connection.
    """

    id: str
    name: str
    station_id: int | None
    approval: str
    registration: str
    facts: ChargerFacts
    protocol: str
    heartbeat_interval_s: int | None
    answers_pings: bool | None
    subprotocol_fallback: str
    clock_drift_ms: int | None
    connection_id: str
    connected_at: int | None
    remote_address: str
    last_seen_at: int | None
    key_origin: str
    created_at: int
    keys_offered: int = 0
    security_profile: int | None = None
    security_profile_used: int | None = None
    model_id: int | None = None
    location: str = ""
    note: str = ""
    installed_on: str = ""
    warranty_until: str = ""

    @property
    def connected(self) -> bool:
        """Whether it has a live connection, as far as the store knows."""
        return self.connection_id != ""

    @property
    def standing(self) -> str:
        """See ``standing``."""
        return standing(self.approval, self.registration)


@attrs.frozen(slots=True, kw_only=True)
class ChargerOddity:
    """Something a charger does wrong, counted."""

    charger_id: str
    rule: str
    field: str
    count: int
    example: str
    first_seen_at: int
    last_seen_at: int
