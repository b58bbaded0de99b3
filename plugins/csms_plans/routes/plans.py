"""Plans and their versions over HTTP."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.lists import Page, cut
from csms.api.routes import Reply, Routes
from csms.hooks import Conflict, Event, Invalid, PluginContext, ReadTx, Statement
from csms_plans import facts, store, writes
from csms_plans.bodies import NewPlan, NewVersion, PlanChange, PlanQuery, VersionsQuery
from csms_plans.model import Plan, Version
from csms_plans.terms import Terms

PATH = "/plans/<int:plan_id>"
TERMS = {
    "period": "monthly",
    "price_minor": 99900,
    "taxes": {"scheme": "gst", "percent": "18", "code": "996911", "inclusive": True},
    "energy_wh": 100000,
    "roll_over": True,
    "roll_over_energy_wh": 50000,
    "excess_rate": "12.50",
}
EXAMPLE = {"name": "Commuter 100", "description": "100 kWh a month", "terms": TERMS}


def add(made: Routes, context: PluginContext) -> None:
    """Declare the routes."""

    def subject(plan_id: int) -> Subject:
        def view(tx: ReadTx) -> Plan:
            return store.need_plan(tx, plan_id)

        return Subject("plan", str(plan_id), view)

    async def check(call: Call, terms: Terms) -> None:
        if missing := await call.read(facts.missing_places, terms):
            field, _, what = missing.partition(": ")
            raise Invalid(what, field=f"terms.{field}")

    @made.get("/plans", needs="plans:read")
    async def list_(call: Call, query: PlanQuery) -> Page[Plan]:
        """Plans of the tenant."""
        return await call.read(store.plans, query)

    @made.post("/plans", needs="plans:write", status=201, tells=Plan, example=EXAMPLE, errors={409: "the name is taken"})
    async def add(call: Call, body: NewPlan) -> Reply:
        """Add a plan: from now on drivers who may take it are offered it.

        `price_minor` is in minor units of the tenant's currency, `excess_rate` in whole ones per kWh, before tax.
        """
        await check(call, body.terms)
        currency, _ = await call.read(facts.money_and_time)

        def changes(number: int) -> list[Statement | Event]:
            return [
                writes.insert_plan(number, name=body.name, description=body.description, currency=currency),
                writes.insert_version(number, 1, terms=body.terms, note=body.note, by=call.who.name),
            ]

        why = f"there is a plan {body.name!r} already"
        plan_id = await writes.add(context, call.tenant, "plugin_plans_plans", changes, why=why)
        added = await call.read(store.need_plan, plan_id)
        await call.note(subject(plan_id), {"after": added})
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/plans/{plan_id}"})

    @made.get(PATH, needs="plans:read")
    async def show(call: Call, plan_id: int) -> Plan:
        """One plan, with the terms that it is sold with now."""
        return await call.read(store.need_plan, plan_id)

    @made.patch(PATH, needs="plans:write", example={"description": "For commuters"}, errors={409: "the name is taken, or archived"})
    async def change(call: Call, plan_id: int, body: PlanChange) -> Plan:
        """Change a plan's name or description. What it costs and includes is changed by adding a version."""
        known = await _active(call, plan_id)
        name = body.name if body.name is not None else known.name
        description = body.description if body.description is not None else known.description
        async with call.noting(subject(plan_id), {"name": name, "description": description}):
            why = f"there is a plan {name!r} already"
            await writes.write(context, call.tenant, writes.update_plan(plan_id, name=name, description=description), why=why)
        return await call.read(store.need_plan, plan_id)

    @made.post(f"{PATH}/archive", needs="plans:write", errors={409: "it is archived already"})
    async def archive(call: Call, plan_id: int) -> Plan:
        """Archive a plan: nobody new may take it. Subscriptions that there are go on; its name is free again."""
        known = await _active(call, plan_id)
        async with call.noting(subject(plan_id), {"name": known.name}):
            await writes.write(context, call.tenant, writes.archive_plan(plan_id), why="it is archived already")
        return await call.read(store.need_plan, plan_id)

    @made.get(f"{PATH}/versions", needs="plans:read")
    async def list_versions(call: Call, plan_id: int, query: VersionsQuery) -> Page[Version]:
        """The versions of a plan, the newest first."""
        wanted = (query.search or "").strip().casefold()
        found = [each for each in await call.read(store.versions, plan_id) if wanted in each.note.casefold()]
        return cut(found if query.sort.startswith("-") else found[::-1], query)

    @made.post(
        f"{PATH}/versions",
        needs="plans:write",
        status=201,
        tells=Version,
        example={"terms": TERMS, "note": "new prices"},
        errors={409: "it is archived, or another version was added meanwhile"},
    )
    async def add_version(call: Call, plan_id: int, body: NewVersion) -> Reply:
        """Sell a plan with other terms from now on. Subscriptions keep theirs until they are renewed."""
        known = await _active(call, plan_id)
        await check(call, body.terms)
        number = known.version + 1
        async with call.noting(subject(plan_id), {"version": number}):
            await writes.write(
                context,
                call.tenant,
                writes.sell_version(plan_id, number),
                writes.insert_version(plan_id, number, terms=body.terms, note=body.note, by=call.who.name),
                why="another version was added meanwhile; read it again",
            )
        made_now = (await call.read(store.versions, plan_id))[0]
        return Reply(body=made_now, status=201, headers={"Location": f"/api/v1/plans/{plan_id}/versions"})


async def _active(call: Call, plan_id: int) -> Plan:
    """A plan that is not archived. Raises ``NotFound``, ``Conflict``."""
    known: Plan = await call.read(store.need_plan, plan_id)
    if known.archived_at is not None:
        raise Conflict(f"the plan {known.name!r} is archived")
    return known
