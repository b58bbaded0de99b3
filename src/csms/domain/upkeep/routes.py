"""What of upkeep needs the running server, over HTTP: asking chargers for something, and telling them at once."""

from __future__ import annotations

from functools import partial

import attrs
from quart import Blueprint, Response

from csms.api.bodies import answer, body, structure
from csms.core.commands import Reset
from csms.core.ids import DEFAULT_TENANT, Place, charger_key
from csms.core.outcomes import plain
from csms.core.ports import Ports
from csms.domain.stations.service import need_charger

from .flows import availability, configuration, firmware, resets, uploads
from .model import FileSettings, UpdateWish, UpkeepSettings, UploadWish
from .model.availability import BY_OPERATOR
from .model.configuration import variable_of
from .service import configuration as configuration_service
from .store import configuration as configuration_store


@attrs.frozen(slots=True, kw_only=True)
class NewUpdate(UpdateWish):
    """The body that asks for a firmware update."""

    image_id: int


@attrs.frozen(slots=True)
class ToRead:
    """The body that asks for configuration: variables by their spelling; none is all."""

    variables: tuple[str, ...] = ()


@attrs.frozen(slots=True)
class ToApply:
    """The body that has configuration applied; ``again`` also what the charger refused."""

    again: bool = False


@attrs.frozen(slots=True, kw_only=True)
class NewAvailability:
    """The body that takes a place out of service or puts it back."""

    place: Place
    operative: bool
    reason: str = ""
    set_by: str = BY_OPERATOR


@attrs.frozen(slots=True, kw_only=True)
class NewReset:
    """The body that asks for a reset; ``force`` although transactions run."""

    when: str = "when_idle"
    evse: int | None = None
    force: bool = False


def blueprint(ports: Ports, settings: FileSettings, upkeep: UpkeepSettings, running: resets.Running) -> Blueprint:
    """Routes of this slice."""
    routes = Blueprint("upkeep", __name__)

    @routes.post("/chargers/<path:charger_id>/firmware-updates")
    async def update(charger_id: str) -> Response:
        asked = await body(NewUpdate)
        wish = UpdateWish(**{field.name: getattr(asked, field.name) for field in attrs.fields(UpdateWish)})
        begun, outcome = await firmware.update(ports, settings, DEFAULT_TENANT, charger_id, asked.image_id, wish)
        return answer({**plain(outcome), "update": attrs.asdict(begun)})

    @routes.post("/chargers/<path:charger_id>/log-uploads")
    async def upload(charger_id: str) -> Response:
        begun, outcome = await uploads.ask(ports, settings, DEFAULT_TENANT, charger_id, await body(UploadWish))
        return answer({**plain(outcome), "upload": attrs.asdict(begun)})

    @routes.post("/chargers/<path:charger_id>/configuration/read")
    async def read(charger_id: str) -> Response:
        variables = [variable_of(each) for each in (await body(ToRead)).variables]
        outcome = await configuration.read(ports, DEFAULT_TENANT, charger_id, variables)
        known = await ports.database.read(configuration_store.readings, charger_id, tenant=DEFAULT_TENANT)
        return answer({**plain(outcome), "readings": [attrs.asdict(each) for each in known.values()]})

    @routes.post("/chargers/<path:charger_id>/configuration/apply")
    async def apply(charger_id: str) -> Response:
        again = (await body(ToApply)).again
        await ports.database.read(need_charger, charger_id, tenant=DEFAULT_TENANT)
        hurry = partial(configuration_service.hurry, again=again)
        await ports.database.write(hurry, charger_id, tenant=DEFAULT_TENANT, keys=(charger_key(charger_id),))
        standing = await configuration.apply(ports, upkeep, DEFAULT_TENANT, charger_id, force=True)
        known = await ports.database.read(configuration_store.keys_of, charger_id, tenant=DEFAULT_TENANT)
        told = None if standing is None else attrs.asdict(standing)
        return answer({"standing": told, "keys": [attrs.asdict(each) for each in known]})

    @routes.post("/chargers/<path:charger_id>/availability")
    async def change(charger_id: str) -> Response:
        new = await body(NewAvailability)
        known, outcome = await availability.change(
            ports, upkeep, DEFAULT_TENANT, charger_id, new.place, new.operative, reason=new.reason, set_by=new.set_by
        )
        return answer({**plain(outcome), "availability": attrs.asdict(known)})

    @routes.post("/chargers/<path:charger_id>/resets")
    async def reset(charger_id: str) -> Response:
        new = await body(NewReset)
        command = structure({"when": new.when, "evse": new.evse}, Reset)
        known, outcome = await resets.reset(ports, upkeep, DEFAULT_TENANT, charger_id, command, running=running, force=new.force)
        return answer({**plain(outcome), "reset": attrs.asdict(known)})

    return routes
