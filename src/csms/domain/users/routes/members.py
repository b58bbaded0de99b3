"""The people of a tenant over HTTP: who belongs to it, with which role, and invitations."""

from __future__ import annotations

from functools import partial

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import Reply, Routes
from csms.core.errors import Refused
from csms.core.paging import Page
from csms.domain.tenants import store as tenants
from csms.domain.users.flows import inviting
from csms.domain.users.gate import Gate
from csms.domain.users.keys import sha256
from csms.domain.users.model import Invitation, InvitationsQuery, Member, MembersQuery, User, members_key, user_key
from csms.domain.users.service import invitations, members
from csms.domain.users.service import people as service
from csms.domain.users.store import invitations as invitations_store
from csms.domain.users.store import memberships

from .answers import told
from .bodies import InviteBody, MemberBody

BEYOND = {409: "a role that may do more than one may oneself, or the last owner"}


def routes(gate: Gate) -> Routes:
    """Routes of a tenant's people."""
    made = Routes("users", "The people of a tenant, their roles, and invitations.", tag="Users")

    def subject(user_id: int) -> Subject:
        return Subject("user", str(user_id), partial(members.need_member, user_id=user_id))

    @made.get("/users", needs="users:read")
    async def list_(call: Call, query: MembersQuery) -> Page[Member]:
        """The people of the tenant."""
        return await call.read(memberships.members, query)

    @made.get("/users/<int:user_id>", needs="users:read")
    async def show(call: Call, user_id: int) -> Member:
        """One of the people of the tenant."""
        return await call.read(members.need_member, user_id)

    @made.patch("/users/<int:user_id>", needs="users:write", errors=BEYOND, example={"role": "tenant_operator", "stations": [3, 5]})
    async def change(call: Call, user_id: int, body: MemberBody) -> Member:
        """Change somebody's role, or the stations that they may see. It counts at once."""
        verb = partial(
            members.change,
            neighbours=gate.neighbours,
            who=call.who,
            user_id=user_id,
            role=body.role,
            station_ids=body.stations,
            every_station=body.every_station,
        )
        member = await call.write(verb, keys=(members_key(call.tenant),), of=subject(user_id))
        gate.standings.forget(user_id)
        return member

    @made.delete("/users/<int:user_id>", needs="users:write", errors=BEYOND)
    async def remove(call: Call, user_id: int) -> None:
        """Take somebody out of the tenant. Their account stays, and what they are elsewhere."""
        verb = partial(members.leave, who=call.who, user_id=user_id)
        await call.write(verb, keys=(members_key(call.tenant),), of=subject(user_id))
        gate.standings.forget(user_id)

    @made.post("/users/<int:user_id>/disable", needs="users:write", errors=BEYOND)
    async def disable(call: Call, user_id: int) -> Member:
        """Keep somebody out of the tenant for the time being, at once."""
        return await _set_disabled(gate, call, user_id, subject(user_id), disabled=True)

    @made.post("/users/<int:user_id>/enable", needs="users:write", errors=BEYOND)
    async def enable(call: Call, user_id: int) -> Member:
        """Let somebody into the tenant again."""
        return await _set_disabled(gate, call, user_id, subject(user_id), disabled=False)

    @made.post("/users/<int:user_id>/logout", needs="users:write", errors=BEYOND)
    async def logout(call: Call, user_id: int) -> None:
        """Log somebody out everywhere, as when a device was lost. They can log in again."""
        verb = partial(members.end_logins, who=call.who, user_id=user_id)
        await call.write(verb, keys=(members_key(call.tenant), user_key(user_id)), of=Subject("user", str(user_id)))
        gate.standings.forget(user_id)

    @made.post("/users/<int:user_id>/account/disable", needs="system:write", errors={409: "the last owner of a tenant"})
    async def disable_account(call: Call, user_id: int) -> User:
        """Disable an account in the whole installation, whatever tenants it belongs to, at once."""
        return await _set_account_disabled(gate, call, user_id, disabled=True)

    @made.post("/users/<int:user_id>/account/enable", needs="system:write")
    async def enable_account(call: Call, user_id: int) -> User:
        """Enable an account again."""
        return await _set_account_disabled(gate, call, user_id, disabled=False)

    # --- invitations ------------------------------------------------------------------------------------------------------------

    @made.get("/users/invitations", needs="users:read")
    async def list_invitations(call: Call, query: InvitationsQuery) -> Page[Invitation]:
        """Invitations to the tenant."""
        return await call.read(invitations_store.invitations, query)

    @made.post(
        "/users/invitations",
        needs="users:write",
        tells=Invitation,
        status=201,
        errors={409: "a role that may do more than one may oneself, or somebody who belongs to the tenant"},
        example={"email": "ravi@example.org", "role": "tenant_operator", "name": "Ravi Iyer"},
    )
    async def invite(call: Call, body: InviteBody) -> Reply:
        """Invite somebody by e-mail. The link in it is good for some days; another invitation makes it void."""
        secret = call.ports.random.token(inviting.SECRET_BYTES)
        verb = partial(
            invitations.invite,
            neighbours=gate.neighbours,
            who=call.who,
            rules=gate.rules,
            email=body.email,
            name=body.name,
            role=body.role,
            station_ids=body.stations,
            secret_hash=sha256(secret),
        )
        invitation = await call.write(verb, keys=(members_key(call.tenant),), makes="invitation")
        tenant = await call.read(tenants.current)
        if tenant is None:
            raise Problem(404, "Not Found", "there is no such tenant")
        with told():
            await inviting.send(gate, invitation, secret, tenant.name)
        return Reply(body=invitation, status=201, headers={"Location": f"/api/v1/users/invitations/{invitation.id}"})

    @made.get("/users/invitations/<int:invitation_id>", needs="users:read")
    async def show_invitation(call: Call, invitation_id: int) -> Invitation:
        """One invitation."""
        return await call.read(invitations.need_invitation, invitation_id)

    @made.delete(
        "/users/invitations/<int:invitation_id>", needs="users:write", errors={409: "it cannot be accepted any more anyway"}
    )
    async def revoke_invitation(call: Call, invitation_id: int) -> None:
        """Take an invitation back."""
        verb = partial(invitations.revoke, who=call.who, invitation_id=invitation_id)
        of = Subject("invitation", str(invitation_id), partial(invitations.need_invitation, invitation_id=invitation_id))
        await call.write(verb, keys=(members_key(call.tenant),), of=of)

    return made


async def _set_disabled(gate: Gate, call: Call, user_id: int, of: Subject, *, disabled: bool) -> Member:
    if disabled and call.who.user_id == user_id:
        raise Refused("nobody disables themselves")
    verb = partial(members.set_disabled, who=call.who, user_id=user_id, disabled=disabled)
    member = await call.write(verb, keys=(members_key(call.tenant),), of=of)
    gate.standings.forget(user_id)
    return member


async def _set_account_disabled(gate: Gate, call: Call, user_id: int, *, disabled: bool) -> User:
    if disabled and call.who.user_id == user_id:
        raise Refused("nobody disables themselves")
    verb = partial(service.set_disabled, user_id=user_id, disabled=disabled)
    of = Subject("user", str(user_id), partial(service.need_user, user_id=user_id))
    user = await call.write(verb, keys=(user_key(user_id),), of=of)
    gate.standings.forget(user_id)
    return user
