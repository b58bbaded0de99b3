"""Telling chargers a new key (A01) and a higher security profile (A05), so that a lost answer locks nobody out."""

from __future__ import annotations

from functools import partial

from csms.core.commands import Outcome, Setting, SetVariables
from csms.core.ids import TenantId, charger_key
from csms.core.ports import Ports
from csms.domain.security import service
from csms.domain.security.model import KEY_VARIABLE, PROFILE_VARIABLE, KeyRotation, Offered, ProfileUpgrade, SecuritySettings
from csms.domain.stations import keys as charger_keys

HOUR_MS = 3_600_000


async def rotate_key(
    settings: SecuritySettings, ports: Ports, tenant: TenantId, charger_id: str, *, key: str = "", forget: bool = False
) -> tuple[KeyRotation, Outcome]:
    """Tell a charger a new key: a fresh one that nobody sees, or ``key``. What became of it, and what the charger answered.

    The new key is stored before it is told, and the old one opens as well until the charger has logged in with the new one. So
    whether the answer is lost, or we are, the charger gets in. ``forget`` withdraws what it was offered before. Raises ``NotFound``,
    ``Invalid`` for a key that will not do, and ``Refused`` when too many offers stand.
    """
    clear = charger_keys.check(key) if key else charger_keys.new_key(ports.random)
    sealed = charger_keys.seal(clear.encode(), ports.random)
    keys = (charger_key(charger_id),)
    begin = partial(service.begin_rotation, forget=forget)
    rotation_id = await ports.database.write(begin, charger_id, sealed, tenant=tenant, keys=keys)
    outcome = await ports.chargers.send(charger_id, SetVariables((Setting(KEY_VARIABLE, clear),)))
    grace_ms = round(settings.key_grace_h * HOUR_MS)
    rotation = await ports.database.write(service.key_told, rotation_id, outcome, grace_ms, tenant=tenant, keys=keys)
    return rotation, outcome


async def upgrade_profile(
    ports: Ports, tenant: TenantId, charger_id: str, profile: int, offered: Offered
) -> tuple[ProfileUpgrade, Outcome]:
    """Tell a charger to use a higher security profile. Once it has logged in with it, it must (A05.FR.09); it is never lowered.

    Raises ``NotFound``, ``Invalid``, and ``Refused`` with what is missing.
    """
    await ports.database.read(service.check_upgrade, charger_id, profile, offered, tenant=tenant)
    keys = (charger_key(charger_id),)
    await ports.database.write(service.begin_upgrade, charger_id, profile, tenant=tenant, keys=keys)
    outcome = await ports.chargers.send(charger_id, SetVariables((Setting(PROFILE_VARIABLE, str(profile)),)))
    return await ports.database.write(service.upgrade_told, charger_id, outcome, tenant=tenant, keys=keys), outcome
