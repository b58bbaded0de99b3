"""Verbs on invitations to a tenant."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.access import Principal
from csms.core.errors import Conflict, NotFound, Refused
from csms.core.ports import ReadTx, Tx
from csms.domain.users.addresses import email_of
from csms.domain.users.model import Invitation, Rules, members_key
from csms.domain.users.service import members
from csms.domain.users.service.members import Neighbours
from csms.domain.users.store import invitations as store
from csms.domain.users.store import memberships, people

DAY_MS = 86_400_000


def need_invitation(tx: ReadTx, invitation_id: int) -> Invitation:
    """One invitation. Raises ``NotFound``."""
    found = store.invitation(tx, invitation_id)
    if found is None:
        raise NotFound(f"there is no invitation {invitation_id}")
    return found


def invite(
    tx: Tx,
    neighbours: Neighbours,
    who: Principal,
    rules: Rules,
    *,
    email: str,
    name: str,
    role: str,
    station_ids: Sequence[int] | None,
    secret_hash: str,
) -> Invitation:
    """Invite somebody; what was sent to the same address before is void. Raises ``Invalid``, ``Refused``, or ``Conflict`` for a member."""
    tx.claim(members_key(tx.tenant))
    email = email_of(email)
    members.may_give(who, role)
    stations = members.checked_stations(tx, neighbours, role, station_ids)
    known = people.by_email(tx, email)
    if known is not None and memberships.member(tx, known.id) is not None:
        raise Conflict(f"{email} belongs to this tenant already")
    store.revoke_of(tx, people.folded(email))
    made = store.insert(
        tx,
        email=email,
        email_folded=people.folded(email),
        name=name.strip(),
        role=role,
        stations=stations,
        secret_hash=secret_hash,
        invited_by=who.user_id,
        expires_at=tx.now + rules.invitation_days * DAY_MS,
    )
    return need_invitation(tx, made)


def revoke(tx: Tx, who: Principal, invitation_id: int) -> None:
    """Take an invitation back. Raises ``NotFound`` or ``Refused``."""
    tx.claim(members_key(tx.tenant))
    members.may_give(who, need_invitation(tx, invitation_id).role)
    if not store.revoke(tx, invitation_id):
        raise Refused("this invitation was accepted, taken back or has expired")
