"""Charging profiles over HTTP, by name, and where they are wanted."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import LIST, Reply, Routes
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.profiles import service, store
from csms.domain.profiles.model import mark_key
from csms.domain.profiles.shown import (
    AssignmentsQuery,
    HeldProfile,
    HeldQuery,
    NewAssignment,
    NewProfile,
    ProfileAssignment,
    ProfileChange,
    ProfilesQuery,
    ProfileTemplate,
    assignment_shown,
    shown,
)

EXAMPLE = {
    "name": "night",
    "description": "Full power at night only",
    "profile": {
        "purpose": "TxDefaultProfile",
        "kind": "Recurring",
        "recurrency": "Daily",
        "schedule": {
            "unit": "A",
            "start_at": "2030-01-01T17:30:00Z",
            "duration_s": 86400,
            "periods": [{"start_s": 0, "limit": "32"}, {"start_s": 43200, "limit": "6"}],
        },
    },
}


def routes() -> Routes:
    """Routes of charging profiles and their assignments."""
    made = Routes("charging_profiles", "How much chargers may draw and when, and where that is wanted.", tag="Smart charging")
    _templates(made)
    _assignments(made)
    return made


def _templates(made: Routes) -> None:
    def subject(template_id: int) -> Subject:
        def view(tx: ReadTx) -> ProfileTemplate:
            return service.need_shown(tx, template_id)

        return Subject("charging_profile", str(template_id), view)

    @made.get("/charging-profiles", needs="profiles:read", reach=LIST)
    async def list_(call: Call, query: ProfilesQuery) -> Page[ProfileTemplate]:
        """Charging profiles, which can be sent to any charger."""
        return await call.read(store.page_of_templates, query)

    @made.post(
        "/charging-profiles",
        needs="profiles:write",
        status=201,
        tells=ProfileTemplate,
        example=EXAMPLE,
        errors={409: "the name is taken"},
    )
    async def add(call: Call, body: NewProfile) -> Reply:
        """Add a charging profile under a name. It is sent nowhere until it is sent or assigned."""
        added = await call.write(
            service.add_template,
            body.name,
            body.profile.profile,
            makes="charging_profile",
            description=body.description,
        )
        return Reply(body=shown(added), status=201, headers={"Location": f"/api/v1/charging-profiles/{added.id}"})

    @made.get("/charging-profiles/<int:template_id>", needs="profiles:read", reach=LIST)
    async def show(call: Call, template_id: int) -> ProfileTemplate:
        """One charging profile."""
        return await call.read(service.need_shown, template_id)

    @made.patch(
        "/charging-profiles/<int:template_id>",
        needs="profiles:write",
        example={"description": "Only on weekdays"},
        errors={409: "it could not stay where it is assigned"},
    )
    async def change(call: Call, template_id: int, body: ProfileChange) -> ProfileTemplate:
        """Change a charging profile; where it is assigned it is sent again."""
        return await call.write(service.alter_template, template_id, body, of=subject(template_id))

    @made.delete("/charging-profiles/<int:template_id>", needs="profiles:write", errors={409: "it is assigned"})
    async def remove(call: Call, template_id: int) -> None:
        """Remove a charging profile. What chargers hold of it stays."""
        await call.write(service.remove_by_id, template_id, of=subject(template_id))

    @made.get("/charging-profiles/<int:template_id>/chargers", needs="profiles:read", reach=LIST)
    async def chargers(call: Call, template_id: int, query: HeldQuery) -> Page[HeldProfile]:
        """How a charging profile stands with the chargers that it was sent to."""

        def read(tx: ReadTx) -> Page[HeldProfile]:
            service.need_by_id(tx, template_id)
            return store.page_of_held(tx, query, call.stations, template_id=template_id)

        return await call.read(read)


def _assignments(made: Routes) -> None:
    def subject(assignment_id: int) -> Subject:
        def view(tx: ReadTx) -> ProfileAssignment:
            return assignment_shown(service.need_assignment(tx, assignment_id))

        return Subject("profile_assignment", str(assignment_id), view)

    @made.get("/profile-assignments", needs="profiles:read")
    async def assignments(call: Call, query: AssignmentsQuery) -> Page[ProfileAssignment]:
        """Where charging profiles are wanted."""
        return await call.read(store.page_of_assignments, query)

    @made.get("/profile-assignments/<int:assignment_id>", needs="profiles:read")
    async def assignment(call: Call, assignment_id: int) -> ProfileAssignment:
        """One assignment."""
        return assignment_shown(await call.read(service.need_assignment, assignment_id))

    @made.post(
        "/charging-profiles/<int:template_id>/assignments",
        needs="profiles:write",
        status=201,
        tells=ProfileAssignment,
        moves=True,
        example={"station_id": 3},
        errors={404: "no such charging profile, charger or station"},
    )
    async def assign(call: Call, template_id: int, body: NewAssignment) -> Reply:
        """Want a charging profile somewhere: the chargers are sent it as soon as they can be.

        Where several claim one purpose and stack level of a charger, its own assignment wins over its station's, that over its model's,
        and the newer over the older. A TxProfile goes with every transaction. Assigned again to the same, it is sent again.
        """
        of = Subject("charging_profile", str(template_id))
        keys = (mark_key(call.tenant),)
        found = await call.write(service.assign_as, template_id, body, keys=keys, of=of, detail={"target": body})
        return Reply(body=assignment_shown(found), status=201, headers={"Location": f"/api/v1/profile-assignments/{found.id}"})

    @made.delete("/profile-assignments/<int:assignment_id>", needs="profiles:write")
    async def unassign(call: Call, assignment_id: int) -> None:
        """Want a charging profile there no longer: it is cleared at the chargers as soon as they can be reached."""
        await call.write(service.unassign_by_id, assignment_id, keys=(mark_key(call.tenant),), of=subject(assignment_id))
