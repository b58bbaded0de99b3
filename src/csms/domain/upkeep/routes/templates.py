"""Configuration templates over HTTP: settings that are wanted of many chargers."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import Reply, Routes
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.upkeep.model.configuration import templates_key
from csms.domain.upkeep.model.configured import NewTemplate, TemplateChange, TemplateDetail, TemplateItem, TemplatesQuery
from csms.domain.upkeep.service import templates as service
from csms.domain.upkeep.store import templates as store

EXAMPLE = {
    "name": "AC22 meters",
    "scope": "model",
    "vendor": "Acme",
    "model": "AC22",
    "settings": {"MeterValueSampleInterval": "60"},
}


def routes() -> Routes:
    """Routes of configuration templates."""
    made = Routes("configuration_templates", "Settings that are wanted of many chargers at once.", tag="Configuration")

    def subject(template_id: int) -> Subject:
        def view(tx: ReadTx) -> TemplateDetail:
            return service.need_detail(tx, template_id)

        return Subject("configuration_template", str(template_id), view)

    @made.get("/configuration-templates", needs="configuration:read")
    async def list_(call: Call, query: TemplatesQuery) -> Page[TemplateItem]:
        """Templates.

        Named chargers come before a station's, those before a model's, a vendor's and everybody's; a charger's own settings before all.
        """
        return await call.read(store.page_of_templates, query)

    @made.post(
        "/configuration-templates",
        needs="configuration:write",
        status=201,
        tells=TemplateDetail,
        example=EXAMPLE,
        errors={404: "no such station or charger", 409: "the name is taken"},
    )
    async def add(call: Call, body: NewTemplate) -> Reply:
        """Add a template. The chargers that it is for are told within seconds, or when they come back."""
        added = await call.write(
            service.add_new,
            body,
            keys=(templates_key(call.tenant),),
            makes="configuration_template",
        )
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/configuration-templates/{added.id}"})

    @made.get("/configuration-templates/<int:template_id>", needs="configuration:read")
    async def show(call: Call, template_id: int) -> TemplateDetail:
        """One template, with its settings and the chargers that it names."""
        return await call.read(service.need_detail, template_id)

    @made.patch(
        "/configuration-templates/<int:template_id>",
        needs="configuration:write",
        example={"settings": {"HeartbeatInterval": "600"}, "without": ["MeterValueSampleInterval"]},
    )
    async def change(call: Call, template_id: int, body: TemplateChange) -> TemplateDetail:
        """Change a template's settings, or which chargers it names."""
        return await call.write(service.alter, template_id, body, keys=(templates_key(call.tenant),), of=subject(template_id))

    @made.delete("/configuration-templates/<int:template_id>", needs="configuration:write")
    async def remove(call: Call, template_id: int) -> None:
        """Take a template away; chargers keep what it set until something else is wanted of them."""
        await call.write(service.remove_by_id, template_id, keys=(templates_key(call.tenant),), of=subject(template_id))

    return made
