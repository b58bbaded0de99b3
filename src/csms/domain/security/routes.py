"""Security over HTTP, as far as it needs the connected chargers: certificates, root certificates, keys, security profiles."""

from __future__ import annotations

from typing import Any

import attrs
from quart import Blueprint, Response, request

from csms.api.bodies import answer, body
from csms.api.problems import Problem
from csms.core.certificates import CSMS_ROOT, ROOT_PURPOSES
from csms.core.commands import Outcome
from csms.core.ids import DEFAULT_TENANT
from csms.core.outcomes import plain
from csms.core.ports import Ports

from . import flows
from .model import Offered, SecuritySettings


@attrs.frozen
class Revocation:
    """Why a certificate is revoked."""

    reason: str = ""


@attrs.frozen
class Deletion:
    """``force`` deletes also what the charger did not name, and its last root."""

    force: bool = False


@attrs.frozen
class Rotation:
    """``forget`` withdraws the keys that were offered before; ``key`` is used instead of a fresh one."""

    forget: bool = False
    key: str = attrs.field(default="", repr=False)


@attrs.frozen
class Upgrade:
    """The security profile that is wanted."""

    profile: int


def blueprint(ports: Ports, settings: SecuritySettings, *, offered: Offered) -> Blueprint:
    """Routes of this slice."""
    routes = Blueprint("security", __name__)

    @routes.post("/chargers/<path:charger_id>/certificate/renew")
    async def renew(charger_id: str) -> Response:
        return _told(await flows.renew(settings, ports, DEFAULT_TENANT, charger_id))

    @routes.post("/certificates/<int:certificate_id>/revoke")
    async def revoke(certificate_id: int) -> Response:
        wanted = await body(Revocation)
        known = await flows.revoke(ports, DEFAULT_TENANT, certificate_id, wanted.reason)
        return answer({"id": known.id, "charger_id": known.charger_id, "serial": known.serial, "state": known.state})

    @routes.get("/chargers/<path:charger_id>/root-certificates")
    async def read(charger_id: str) -> Response:
        purpose = request.args.get("purpose", CSMS_ROOT)
        if purpose not in ROOT_PURPOSES:
            raise Problem(422, "Invalid Input", f"purpose must be one of {', '.join(ROOT_PURPOSES)}, not {purpose!r}")
        outcome, found = await flows.read_installed(ports, DEFAULT_TENANT, charger_id, purpose)
        return _told(outcome, items=[attrs.asdict(each) for each in found])

    @routes.post("/chargers/<path:charger_id>/root-certificates/<int:root_id>/install")
    async def install(charger_id: str, root_id: int) -> Response:
        return _told(await flows.install_root(ports, DEFAULT_TENANT, charger_id, root_id))

    @routes.post("/chargers/<path:charger_id>/root-certificates/<int:root_id>/delete")
    async def delete(charger_id: str, root_id: int) -> Response:
        wanted = await body(Deletion)
        return _told(await flows.delete_root(ports, DEFAULT_TENANT, charger_id, root_id, force=wanted.force))

    @routes.post("/chargers/<path:charger_id>/key/rotate")
    async def rotate(charger_id: str) -> Response:
        wanted = await body(Rotation)
        rotation, outcome = await flows.rotate_key(
            settings, ports, DEFAULT_TENANT, charger_id, key=wanted.key, forget=wanted.forget
        )
        return _told(outcome, state=rotation.state)

    @routes.post("/chargers/<path:charger_id>/security-profile")
    async def upgrade(charger_id: str) -> Response:
        wanted = await body(Upgrade)
        known, outcome = await flows.upgrade_profile(ports, DEFAULT_TENANT, charger_id, wanted.profile, offered)
        return _told(outcome, state=known.state)

    return routes


def _told(outcome: Outcome, **more: Any) -> Response:
    return answer({**plain(outcome), **more})
