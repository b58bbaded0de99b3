"""Who signs chargers' certificates: the built-in authority or a plugin's; and the door's trust in it."""

from __future__ import annotations

from typing import Protocol

import attrs
import structlog
import trio

from csms.config import Config
from csms.core.errors import CsmsError
from csms.core.ports import Blocking, CertificateAuthority, Clock, Ports
from csms.domain.security.model import BUILT_IN
from csms.pki.authority import BuiltInAuthority
from csms.plugins import Bus

log = structlog.get_logger("csms.security")


class Door(Protocol):
    """Where client certificates are verified: ``net.tls.ChargerTls``."""

    async def trust(self, authorities: list[str]) -> None:
        """Trust client certificates of these authorities (PEM). Raises ``OSError``."""
        ...


@attrs.define(slots=True)
class TrustedAuthority:
    """A certificate authority whose certificates the door takes: it is told of the authority's roots before a charger has one.

    Implements ``core.ports.CertificateAuthority``.
    """

    _authority: CertificateAuthority
    _door: Door | None
    _trusted: str = ""

    async def sign(self, csr: str, *, charger_id: str, organization: str, lifetime_s: float) -> str:
        """See the port."""
        chain = await self._authority.sign(csr, charger_id=charger_id, organization=organization, lifetime_s=lifetime_s)
        await self.trust_anchors()
        return chain

    async def trust_anchors(self) -> str:
        """See the port. Raises ``OSError`` when the door cannot use them."""
        anchors = await self._authority.trust_anchors()
        if anchors and anchors != self._trusted and self._door is not None:
            await self._door.trust([anchors])
        self._trusted = anchors
        return anchors


def authority_of(config: Config, bus: Bus, door: Door | None, clock: Clock, blocking: Blocking) -> TrustedAuthority | None:
    """The certificate authority that is configured, if any. Raises ``CsmsError`` for one that no enabled plugin brings."""
    name = config.security.authority
    if not name:
        return None
    if name == BUILT_IN:
        return TrustedAuthority(built_in(config, clock, blocking), door)
    brought = {each.plugin: each.value for each in bus.collect("register_certificate_authority")}
    if name not in brought:
        others = ", ".join([BUILT_IN, *sorted(brought)])
        raise CsmsError(f"security.authority {name!r}: no enabled plugin of that name brings one; there are {others}")
    return TrustedAuthority(brought[name], door)


def built_in(config: Config, clock: Clock, blocking: Blocking) -> BuiltInAuthority:
    """The built-in authority, as configured."""
    security = config.security
    return BuiltInAuthority(
        folder=config.folder / security.authority_folder,
        certificate=_path(config, security.authority_certificate),
        key=_path(config, security.authority_key),
        organization=security.organization,
        clock=clock,
        blocking=blocking,
    )


async def trust_at_start(ports: Ports) -> None:
    """Have the door take what the authority signed before. One that is away just now is trusted when it next signs."""
    if ports.authority is None:
        return
    try:
        with trio.fail_after(30):
            await ports.authority.trust_anchors()
    except Exception as error:  # of a plugin's authority nobody knows what it may raise
        log.error("certificate.authority_away", reason=str(error) or type(error).__name__, exc_info=error)


def _path(config: Config, file: str) -> str:
    return str(config.folder / file) if file else ""
