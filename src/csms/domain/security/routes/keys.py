"""Keys, security profiles and security events over HTTP."""

from __future__ import annotations

import attrs
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, CHARGER_LIMIT_S, LIST, Routes
from csms.core.outcomes import Told, facts
from csms.core.paging import Page, Stretch
from csms.domain.security import flows, service
from csms.domain.security.model import Offered, ProfileUpgrade, SecurityEvent, SecuritySettings
from csms.domain.security.shown import (
    ChargerSecurity,
    KeyRotationItem,
    RotationsQuery,
    SecurityEventsQuery,
    UpgradesQuery,
    rotation_item,
)
from csms.domain.security.store import events as events_store
from csms.domain.security.store import keys as store

LONGEST_KEY = 100


@attrs.frozen(slots=True, kw_only=True)
class Rotation:
    """``forget`` withdraws the keys that were offered before; ``key`` is told instead of a fresh one, which nobody sees."""

    forget: bool = False
    key: str = attrs.field(default="", repr=False, validator=validators.max_len(LONGEST_KEY))


@attrs.frozen(slots=True, kw_only=True)
class RotationTold(Told):
    """What the charger answered, and how the rotation stands."""

    rotation: KeyRotationItem


@attrs.frozen(slots=True, kw_only=True)
class Upgrade:
    """The security profile that is wanted: 1 a key, 2 a key over TLS, 3 a client certificate."""

    profile: int = attrs.field(validator=validators.in_((1, 2, 3)))


@attrs.frozen(slots=True, kw_only=True)
class UpgradeTold(Told):
    """What the charger answered, and how the upgrade stands."""

    upgrade: ProfileUpgrade


def routes(settings: SecuritySettings, offered: Offered) -> Routes:
    """Routes of keys, security profiles and security events."""
    made = Routes("charger_security", "How chargers are secured, and what happened.", tag="Certificates and keys")

    @made.get("/chargers/<path:charger_id>/security", needs="certificates:read", reach=CHARGER)
    async def show(call: Call, charger_id: str) -> ChargerSecurity:
        """How a charger is secured: its security profile, key and certificate, and what is under way."""
        return await call.read(service.security_of, charger_id, offered)

    @made.get("/key-rotations", needs="certificates:read", reach=LIST)
    async def rotations(call: Call, query: RotationsQuery) -> Page[KeyRotationItem]:
        """How changes of chargers' keys went, the newest first."""
        return await call.read(store.page_of_rotations, query, call.stations)

    @made.post(
        "/chargers/<path:charger_id>/key/rotate",
        needs="chargers:credentials",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        errors={409: "too many keys are offered to it"},
        example={"forget": False},
    )
    async def rotate(call: Call, charger_id: str, body: Rotation) -> RotationTold:
        """Tell a connected charger a fresh key, which nobody sees.

        The old key opens as well until the charger has logged in with the new one, so a lost answer locks nobody out.
        """
        async with call.noting(Subject("charger", charger_id), {"forget": body.forget, "given": bool(body.key)}) as noted:
            rotation, outcome = await flows.rotate_key(
                settings, call.ports, call.tenant, charger_id, key=body.key, forget=body.forget
            )
            noted.detail |= {"rotation_id": rotation.id, "state": rotation.state}
        return RotationTold(**facts(outcome), rotation=rotation_item(rotation))

    @made.get("/profile-upgrades", needs="certificates:read", reach=LIST)
    async def upgrades(call: Call, query: UpgradesQuery) -> Page[ProfileUpgrade]:
        """Chargers that were sent to a higher security profile, and how that went."""
        return await call.read(store.page_of_upgrades, query, call.stations)

    @made.post(
        "/chargers/<path:charger_id>/security-profile",
        needs="certificates:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        example={"profile": 2},
        errors={409: "something is missing for it: the detail says what"},
    )
    async def upgrade(call: Call, charger_id: str, body: Upgrade) -> UpgradeTold:
        """Send a connected charger to a higher security profile.

        It reconnects; once it has logged in so, it must from then on. OCPP lets none be lowered.
        """
        async with call.noting(Subject("charger", charger_id), {"profile": body.profile}) as noted:
            known, outcome = await flows.upgrade_profile(call.ports, call.tenant, charger_id, body.profile, offered)
            noted.detail["state"] = known.state
        return UpgradeTold(**facts(outcome), upgrade=known)

    @made.get("/security-events", needs="certificates:read", reach=LIST)
    async def events(call: Call, query: SecurityEventsQuery) -> Stretch[SecurityEvent]:
        """What chargers reported and what the server noticed, the newest first."""
        return await call.read(events_store.stretch_of_events, query, call.stations)

    @made.get("/security-events/<int:event_id>", needs="certificates:read", reach=LIST)
    async def event(call: Call, event_id: int) -> SecurityEvent:
        """One security event."""
        found = await call.read(service.need_event, event_id)
        await call.needs_charger(found.charger_id)
        return found

    return made
