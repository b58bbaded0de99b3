"""What people look at: each noun whole, or an error that says that there is none."""

from __future__ import annotations

from csms.core.errors import NotFound
from csms.core.ports import ReadTx
from csms.domain.security.model import ACTIVE, Offered, SecurityEvent
from csms.domain.security.shown import (
    CertificateDetail,
    CertificateRequestDetail,
    CertificatesQuery,
    ChargerSecurity,
    InstalledRoots,
    RootDetail,
    detail_of,
    request_detail,
    request_item,
    root_detail,
    rotation_item,
)
from csms.domain.security.store import certificates, events, keys, requests
from csms.domain.security.store import roots as roots_store
from csms.domain.stations import service as stations

from . import roots


def need_certificate(tx: ReadTx, certificate_id: int) -> CertificateDetail:
    """A certificate with its PEM. Raises ``NotFound``."""
    known = certificates.by_id(tx, certificate_id)
    if known is None:
        raise NotFound(f"there is no certificate {certificate_id}")
    return detail_of(known)


def need_request(tx: ReadTx, request_id: int) -> CertificateRequestDetail:
    """A certificate request with its PEM. Raises ``NotFound``."""
    known = requests.by_id(tx, request_id)
    if known is None:
        raise NotFound(f"there is no certificate request {request_id}")
    return request_detail(known)


def need_root_detail(tx: ReadTx, root_id: int) -> RootDetail:
    """A root certificate of the library with its PEM. Raises ``NotFound``."""
    known = roots.need_root(tx, root_id)
    return root_detail(known, roots.name_of(known))


def need_event(tx: ReadTx, event_id: int) -> SecurityEvent:
    """A security event. Raises ``NotFound``."""
    known = events.by_id(tx, event_id)
    if known is None:
        raise NotFound(f"there is no security event {event_id}")
    return known


def installed_roots(tx: ReadTx, charger_id: str, purpose: str) -> InstalledRoots:
    """The root certificates of a purpose that a charger said it has. Raises ``NotFound``."""
    stations.need_charger(tx, charger_id)
    return InstalledRoots(
        purpose=purpose,
        read_at=roots_store.read_at(tx, charger_id, purpose),
        items=roots.installed(tx, charger_id, purpose),
    )


def security_of(tx: ReadTx, charger_id: str, offered: Offered) -> ChargerSecurity:
    """How a charger is secured. Raises ``NotFound``."""
    charger = stations.need_charger(tx, charger_id)
    active = certificates.listed(tx, CertificatesQuery(charger_id=charger_id, state=ACTIVE), 1)
    request, rotation = requests.latest(tx, charger_id), keys.latest_rotation(tx, charger_id)
    return ChargerSecurity(
        charger_id=charger_id,
        profile_required=offered.least if charger.security_profile is None else charger.security_profile,
        profile_used=charger.security_profile_used,
        has_key=bool(charger.key_origin),
        keys_offered=charger.keys_offered,
        certificate=active[0] if active else None,
        request=None if request is None else request_item(request),
        rotation=None if rotation is None else rotation_item(rotation),
        upgrade=keys.upgrade(tx, charger_id),
    )
