"""Chargers' configuration over HTTP: what it is, what it should be, and where the two differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, CHARGER_LIMIT_S, LIST, Routes
from csms.core.commands import Outcome
from csms.core.ids import charger_key
from csms.core.outcomes import Told, facts
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.stations.service import need_charger
from csms.domain.upkeep.flows import configuration as flows
from csms.domain.upkeep.model.configuration import Reading, is_secret, variable_of
from csms.domain.upkeep.model.configured import (
    ChargerConfiguration,
    ConfigurationQuery,
    ConfigurationStanding,
    Drift,
    DriftQuery,
    OwnSettings,
    OwnSettingsChange,
    ToApply,
    ToRead,
    WantedSetting,
    standing_of,
    wanted_setting,
)
from csms.domain.upkeep.model.settings import UpkeepSettings
from csms.domain.upkeep.service import configuration as service
from csms.domain.upkeep.service import configured, templates
from csms.domain.upkeep.store import configuration as store


@attrs.frozen(slots=True, kw_only=True)
class ConfigurationRead(Told):
    """What became of reading, and everything that is known of the charger's configuration now, but for secrets."""

    readings: Sequence[Reading]


@attrs.frozen(slots=True, kw_only=True)
class AppliedConfiguration:
    """How a charger stands after it was told what is wanted of it; ``standing`` is null where nothing is."""

    standing: ConfigurationStanding | None
    keys: Sequence[WantedSetting]


def routes(settings: UpkeepSettings) -> Routes:
    """Routes of chargers' configuration."""
    made = Routes("configuration", "Chargers' configuration: what it is, what it should be, and where the two differ.")

    @made.get("/chargers/<path:charger_id>/configuration", needs="configuration:read", reach=CHARGER)
    async def show(call: Call, charger_id: str, query: ConfigurationQuery) -> ChargerConfiguration:
        """What a charger last said of its configuration, what is wanted of it by which source, and how it stands."""
        return await call.read(configured.page_of_variables, charger_id, query)

    @made.get("/configuration/drift", needs="configuration:read", reach=LIST)
    async def drift(call: Call, query: DriftQuery) -> Page[Drift]:
        """Where chargers are not known to have what they should."""
        return await call.read(store.page_of_drift, query, call.stations)

    @made.get("/chargers/<path:charger_id>/configuration/own", needs="configuration:read", reach=CHARGER)
    async def own(call: Call, charger_id: str) -> OwnSettings:
        """What is wanted of a charger before whatever templates want of it."""
        return await call.read(configured.own_settings, charger_id)

    @made.patch(
        "/chargers/<path:charger_id>/configuration/own",
        needs="configuration:write",
        reach=CHARGER,
        example={"settings": {"HeartbeatInterval": "300"}, "without": ["MeterValueSampleInterval"]},
    )
    async def want(call: Call, charger_id: str, body: OwnSettingsChange) -> OwnSettings:
        """Want settings of one charger, or (`without`) leave variables to the templates again.

        A connected charger is told within seconds, any other when it comes back. Secrets cannot be wanted: they are never stored.
        """

        def view(tx: ReadTx) -> OwnSettings:
            return configured.own_settings(tx, charger_id)

        await call.write(
            templates.change_own,
            charger_id,
            body.settings,
            body.without,
            keys=(charger_key(charger_id),),
            of=Subject("charger", charger_id, view),
        )
        return await call.read(view)

    @made.post(
        "/chargers/<path:charger_id>/configuration/read",
        needs="configuration:write",
        reach=CHARGER,
        limit_s=CHARGER_LIMIT_S,
        example={"variables": ["HeartbeatInterval"]},
    )
    async def read(call: Call, charger_id: str, body: ToRead) -> ConfigurationRead:
        """Ask a connected charger for its configuration now, all of it or some."""
        variables = [variable_of(each) for each in body.variables]
        async with call.noting(Subject("charger", charger_id), {"variables": body.variables}) as noted:
            outcome = await flows.read(call.ports, call.tenant, charger_id, variables)
            noted.detail["outcome"] = type(outcome).__name__
        known = await call.read(store.readings, charger_id)
        return ConfigurationRead(**_censored(outcome), readings=list(known.values()))

    @made.post(
        "/chargers/<path:charger_id>/configuration/apply",
        needs="configuration:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        example={"again": True},
    )
    async def apply(call: Call, charger_id: str, body: ToApply) -> AppliedConfiguration:
        """Bring a connected charger's configuration in line now, and say how it stands then."""
        of = Subject("charger", charger_id)
        await call.read(need_charger, charger_id)
        async with call.noting(of, {"again": body.again}) as noted:
            hurry = partial(service.hurry, again=body.again)
            await call.ports.database.write(hurry, charger_id, tenant=call.tenant, keys=(charger_key(charger_id),))
            standing = await flows.apply(call.ports, settings, call.tenant, charger_id, force=True)
            noted.detail["problem"] = "" if standing is None else standing.problem
        keys = await call.read(store.keys_of, charger_id)
        return AppliedConfiguration(
            standing=None if standing is None else standing_of(standing), keys=[wanted_setting(each) for each in keys]
        )

    return made


def _censored(outcome: Outcome) -> dict[str, Any]:
    """An outcome without the values of secrets: some chargers tell their key when asked for everything."""
    told = facts(outcome)
    detail = told.get("detail") or {}
    variables = detail.get("variables")
    if isinstance(variables, list):
        told["detail"] = {**detail, "variables": [_without_secret(each) for each in variables]}
    return told


def _without_secret(said: Any) -> Any:
    if isinstance(said, Mapping) and is_secret(str(said.get("name") or "")):
        return {**said, "value": None}
    return said
