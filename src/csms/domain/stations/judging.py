"""How a log-in is judged: which security profile it uses, which one the charger must use, and which of its keys it shows.

Pure functions; ``flows.admit`` reads, asks and writes around them.
"""

from __future__ import annotations

import attrs

from csms.core.ports import Handshake, Turned

from . import keys
from .model import ACCEPTED, REJECTED, Gate, OcppSettings


@attrs.frozen(slots=True, kw_only=True)
class Entry:
    """A log-in that passes.

    ``profile`` is the security profile it uses, ``offer`` the sealed offer that its key opens, and ``binds`` whether its key is to
    become that of a charger that has none (trust on first use).
    """

    profile: int
    authenticated: bool = True
    key: bytes | None = attrs.field(default=None, repr=False)
    offer: str = attrs.field(default="", repr=False)
    binds: bool = False


def default_profile(settings: OcppSettings) -> int:
    """The least security profile of a charger that has none of its own."""
    return settings.min_security_profile if settings.authentication else 0


def required_profile(settings: OcppSettings, known: Gate | None) -> int:
    """The least security profile that this charger may log in with."""
    if known is None or known.security_profile is None:
        return default_profile(settings)
    return known.security_profile


def objection(settings: OcppSettings, handshake: Handshake, now: int) -> str:
    """Why the client certificate does not prove that this is the charger, ``""`` when it does (A00.FR.402 to A00.FR.405).

    Its path was verified by TLS, but perhaps long ago, in a session that was resumed.
    """
    if handshake.certificate_cn is None:
        return "a client certificate that has not one CN"
    if handshake.certificate_cn != handshake.charger_id:
        return f"the client certificate is that of {handshake.certificate_cn!r}"
    if handshake.certificate_expires_at is not None and handshake.certificate_expires_at <= now:
        return "the client certificate has expired"
    trusted = settings.tls_client_organizations
    if trusted and handshake.certificate_organization not in trusted:
        return f"the client certificate is of the organization {handshake.certificate_organization!r}"
    return ""


def judged(settings: OcppSettings, known: Gate | None, handshake: Handshake, objection: str) -> Entry | Turned:
    """What a log-in amounts to; ``objection`` is ``""`` where the client certificate proves who it is."""
    if known is None and settings.unknown_chargers == REJECTED:
        return Turned(404, "unknown charger")
    required = required_profile(settings, known)
    if not objection:
        return Entry(profile=3)
    if required == 3:
        return Turned(403, f"security profile 3: {objection}")
    if required == 2 and not handshake.secure:
        return Turned(403, "security profile 2: no TLS")
    key = keys.shown(handshake)
    by_key = 2 if handshake.secure else 1
    sealed = () if known is None else (known.sealed, *known.offered)
    opened = "" if key is None else keys.opened(sealed, key)
    if opened:
        offer = "" if known is not None and opened == known.sealed else opened
        return Entry(profile=by_key, key=key, offer=offer)
    if required == 0:
        return Entry(profile=0)
    if any(sealed):
        return Turned(401, "no key, or a user name that is not the charger's id" if key is None else "wrong key")
    return _first_use(settings, known, key, by_key)


def _first_use(settings: OcppSettings, known: Gate | None, key: bytes | None, by_key: int) -> Entry | Turned:
    """A charger without a key: trust the first one it shows, where that is allowed."""
    if known is not None and known.security_profile_used == 3:
        # whoever knows its id could bind a key to a charger that has always shown a certificate
        return Turned(401, "it came with a client certificate before: give it a key, or let it show that")
    approval = settings.unknown_chargers if known is None else known.approval
    if approval == ACCEPTED:
        if settings.unknown_chargers != ACCEPTED:
            return Turned(401, "accepted without a key: give it one")
        if key is None:
            return Turned(401, "no key to trust on first use")
    if key is None:
        return Entry(profile=0, authenticated=False)
    return Entry(profile=by_key, key=key, binds=approval != REJECTED)
