"""Alert rules and the health of ports over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, LIST, Routes
from csms.core.errors import NotFound
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.stations import store as stations

from . import health, watching
from .health import HealthQuery, PortHealth
from .watching import AlertRule, RuleChange


@attrs.frozen(slots=True, kw_only=True)
class Rules:
    """Every rule that watches for standing conditions."""

    items: Sequence[AlertRule]


@attrs.frozen(slots=True, kw_only=True)
class ChargerHealth:
    """The ports of a charger."""

    items: Sequence[PortHealth]


def routes() -> Routes:
    """Routes of rules and health."""
    made = Routes("alert_rules", "What is watched for, per tenant, and which ports will fail next.", tag="Alert rules and health")

    @made.get("/alert-rules", needs="alerts:read", reach=LIST)
    async def list_(call: Call) -> Rules:
        """Every rule that watches for a standing condition, with the tenant's threshold.

        Such an alert resolves by itself when its condition does not hold any more.
        """
        return Rules(items=await call.read(watching.rules))

    @made.get("/alert-rules/<kind>", needs="alerts:read", reach=LIST)
    async def show(call: Call, kind: str) -> AlertRule:
        """One rule."""
        return await call.read(watching.need_rule, kind)

    @made.patch("/alert-rules/<kind>", needs="settings:write", example={"threshold": 1800, "severity": "critical"})
    async def change(call: Call, kind: str, body: RuleChange) -> AlertRule:
        """Change a rule's threshold or severity, or turn it off; what is not given stays."""
        subject = Subject("alert_rule", kind, lambda tx: watching.need_rule(tx, kind))
        return await call.write(watching.change_rule, kind, body, keys=(f"alert-rule:{call.tenant}:{kind}",), of=subject)

    @made.get("/health/ports", needs="alerts:read", reach=LIST)
    async def ports(call: Call, query: HealthQuery) -> Page[PortHealth]:
        """Which ports will fail next, the worst first, and why one thinks so."""
        return await call.read(health.page, query, call.stations)

    @made.get("/chargers/<path:charger_id>/health", needs="alerts:read", reach=CHARGER)
    async def of_charger(call: Call, charger_id: str) -> ChargerHealth:
        """How likely a charger's ports go on working."""

        def read(tx: ReadTx) -> ChargerHealth:
            if stations.charger(tx, charger_id) is None:
                raise NotFound(f"there is no charger {charger_id!r}")
            return ChargerHealth(items=health.scores(tx, charger_id=charger_id))

        return await call.read(read)

    return made
