"""The catalogue of kinds of chargers over HTTP."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import LIST, Reply, Routes
from csms.core.paging import Page
from csms.domain.stations import service, store
from csms.domain.stations.model import ChargerModel, ModelChange, ModelQuery, NewModel

_EXAMPLE = {
    "vendor": "VoltWorks",
    "model": "Duo 60",
    "max_power_w": 60_000,
    "connectors": [
        {"type": "IEC_62196_T2_COMBO", "current_type": "DC", "format": "cable", "max_power_w": 60_000},
        {"type": "IEC_62196_T2", "current_type": "AC", "format": "socket", "max_power_w": 22_000, "phases": 3},
    ],
}


def routes() -> Routes:
    """Routes of charger models."""
    made = Routes("charger_models", "Kinds of chargers: what a charger of a vendor and model can do.", tag="Charger models")

    @made.get("/charger-models", needs="chargers:read", reach=LIST)
    async def list_(call: Call, query: ModelQuery) -> Page[ChargerModel]:
        """Kinds of chargers."""
        return await call.read(store.page_of_models, query)

    @made.post(
        "/charger-models",
        needs="chargers:write",
        tells=ChargerModel,
        status=201,
        example=_EXAMPLE,
        errors={409: "there is one of this vendor and model"},
    )
    async def add(call: Call, body: NewModel) -> Reply:
        """Add a kind of charger. It holds for every charger that reports this vendor and model; case does not matter."""
        added = await call.write(service.add_model, body, makes="charger_model")
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/charger-models/{added.id}"})

    @made.get("/charger-models/<int:model_id>", needs="chargers:read", reach=LIST)
    async def show(call: Call, model_id: int) -> ChargerModel:
        """One kind of charger."""
        return await call.read(service.need_model, model_id)

    @made.patch(
        "/charger-models/<int:model_id>",
        needs="chargers:write",
        errors={409: "there is another one of this vendor and model"},
        example={"max_power_w": 22000, "quirks_note": "says Celcius"},
    )
    async def change(call: Call, model_id: int, body: ModelChange) -> ChargerModel:
        """Change an entry of the catalogue."""
        return await call.write(service.change_model, model_id, body, of=_subject(model_id))

    @made.delete("/charger-models/<int:model_id>", needs="chargers:write")
    async def remove(call: Call, model_id: int) -> None:
        """Delete an entry. Chargers that were said to be of it are of the kind that they report."""
        await call.write(service.remove_model, model_id, of=_subject(model_id))

    return made


def _subject(model_id: int) -> Subject:
    return Subject("charger_model", str(model_id), lambda tx: service.need_model(tx, model_id))
