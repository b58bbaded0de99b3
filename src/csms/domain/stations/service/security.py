"""Which security profile a charger must use, and which it does (1.6 security whitepaper §2)."""

from __future__ import annotations

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import charger_key
from csms.core.ports import Tx
from csms.domain.stations import store
from csms.domain.stations.model import SECURITY_PROFILES, ChargerSecurityChanged


def set_security_profile(tx: Tx, charger_id: str, profile: int | None, *, default: int = 0, force: bool = False) -> None:
    """Say with which security profile, 0 to 3, a charger must log in at least; None is the installation's ``default``.

    It counts from the next log-in on. Raises ``NotFound``, ``Invalid``, and ``Refused`` when this would lower it: OCPP must not be
    able to do that (A00.FR.005), so only an operator's ``force`` can.
    """
    tx.claim(charger_key(charger_id))
    if profile is not None and profile not in SECURITY_PROFILES:
        raise Invalid(f"a security profile is one of {', '.join(map(str, SECURITY_PROFILES))}, not {profile}", field="profile")
    known = store.security_of(tx, charger_id)
    if known is None:
        raise NotFound(f"there is no charger {charger_id!r}")
    before = known["security_profile"]
    if before == profile:
        return
    old, new = (default if each is None else each for each in (before, profile))
    if new < old and not force:
        raise Refused(f"charger {charger_id!r} is on security profile {old}: it is lowered to {new} only by force")
    store.change(tx, charger_id, "security_profile", profile)
    used = known["security_profile_used"]
    tx.emit(
        ChargerSecurityChanged(charger_id=charger_id, required=profile, previous_required=before, used=used, previous_used=used)
    )


def note_security_profile(tx: Tx, charger_id: str, profile: int) -> None:
    """A charger logged in with this security profile; told when it is another than at its last log-in."""
    tx.claim(charger_key(charger_id))
    known = store.security_of(tx, charger_id)
    if known is None or known["security_profile_used"] == profile:
        return
    store.save_security_used(tx, charger_id, profile)
    required = known["security_profile"]
    tx.emit(
        ChargerSecurityChanged(
            charger_id=charger_id,
            required=required,
            previous_required=required,
            used=profile,
            previous_used=known["security_profile_used"],
        )
    )
