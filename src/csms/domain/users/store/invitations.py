"""SQL of invitations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page
from csms.domain.users.model import Invitation, InvitationsQuery

LISTING = Listing(
    columns="i.id, i.email, i.name, i.role, i.stations, i.invited_by, i.created_at, i.expires_at, i.accepted_at, i.revoked_at",
    source="invitations i WHERE i.tenant = :tenant",
    filters={"open": "(i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > :now) = (:open = 1)"},
    search="lower(i.email) LIKE :search ESCAPE '!' OR lower(i.name) LIKE :search ESCAPE '!'",
    sorts={"created_at": "i.created_at", "email": "i.email_folded", "expires_at": "i.expires_at"},
    unique="i.id",
)


def invitations(tx: ReadTx, query: InvitationsQuery) -> Page[Invitation]:
    """Invitations to the transaction's tenant."""
    return page(tx, LISTING, query, _invitation)


def invitation(tx: ReadTx, invitation_id: int) -> Invitation | None:
    """One invitation."""
    row = tx.one(f"SELECT {LISTING.columns} FROM {LISTING.source} AND i.id = :invitation_id", invitation_id=invitation_id)  # noqa: S608 (our own text)
    return None if row is None else _invitation(row)


def _invitation(row: Row) -> Invitation:
    return Invitation(**{**row, "stations": None if row["stations"] is None else msgspec.json.decode(row["stations"])})


def insert(tx: Tx, *, stations: Sequence[int] | None, **values: Any) -> int:
    """The id of a new invitation."""
    made: int = tx.value(
        "INSERT INTO invitations (tenant, email, email_folded, name, role, stations, secret_hash, invited_by, created_at, expires_at)"
        " VALUES (:tenant, :email, :email_folded, :name, :role, :stations, :secret_hash, :invited_by, :now, :expires_at) RETURNING id",
        stations=None if stations is None else msgspec.json.encode(stations).decode(),
        **values,
    )
    return made


def revoke(tx: Tx, invitation_id: int) -> bool:
    """Take an invitation back; False when it cannot be accepted (any more) anyway."""
    return (
        tx.run(
            "UPDATE invitations SET revoked_at = :now WHERE tenant = :tenant AND id = :invitation_id AND accepted_at IS NULL"
            " AND revoked_at IS NULL AND expires_at > :now",
            invitation_id=invitation_id,
        )
        > 0
    )


def revoke_of(tx: Tx, email_folded: str) -> None:
    """Take back what was sent to an address and not accepted yet."""
    tx.run(
        "UPDATE invitations SET revoked_at = :now WHERE tenant = :tenant AND email_folded = :email_folded AND accepted_at IS NULL"
        " AND revoked_at IS NULL",
        email_folded=email_folded,
    )


def accept(tx: Tx, invitation_id: int) -> None:
    """It was accepted."""
    tx.run("UPDATE invitations SET accepted_at = :now WHERE tenant = :tenant AND id = :invitation_id", invitation_id=invitation_id)


def open_invitation(tx: ReadTx, invitation_id: int) -> Row | None:
    """An invitation of whatever tenant that can be accepted, with the hash of its secret and its tenant."""
    return tx.system("whoever accepts an invitation belongs to no tenant yet").one(
        "SELECT i.*, t.name AS tenant_name FROM invitations i JOIN tenants t ON t.id = i.tenant"
        " WHERE i.id = :invitation_id AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > :now",
        invitation_id=invitation_id,
    )
