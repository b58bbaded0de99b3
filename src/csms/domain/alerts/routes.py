"""Alerts over HTTP: what there is, and saying that somebody looks after one or that it is over."""

from __future__ import annotations

import attrs
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.routes import LIST, Routes
from csms.core.paging import Page

from . import service, store
from .model import Alert, AlertsQuery
from .service import LONGEST_NAME, LONGEST_NOTE


@attrs.frozen(slots=True, kw_only=True)
class Word:
    """What somebody says of an alert; without a note the one that it has stays."""

    note: str = attrs.field(default="", validator=validators.max_len(LONGEST_NOTE))


def routes() -> Routes:
    """Routes of this slice."""
    made = Routes("alerts", "What somebody should look at, each once while it lasts.")

    @made.get("/alerts", needs="alerts:read", reach=LIST)
    async def list_(call: Call, query: AlertsQuery) -> Page[Alert]:
        """Alerts, the newest first.

        Staff of some stations see those about the chargers there.
        """
        return await call.read(store.page_of_alerts, query, call.stations)

    @made.get("/alerts/<int:alert_id>", needs="alerts:read", reach=LIST)
    async def show(call: Call, alert_id: int) -> Alert:
        """One alert."""
        return await need(call, alert_id)

    @made.post(
        "/alerts/<int:alert_id>/acknowledge",
        needs="alerts:write",
        reach=LIST,
        example={"note": "on my way"},
        errors={409: "it is resolved"},
    )
    async def acknowledge(call: Call, alert_id: int, body: Word) -> Alert:
        """Say that you look after an alert. It stays open, and counts on, until it is over."""
        await need(call, alert_id)
        return await call.write(service.acknowledge, alert_id, name_of(call), body.note, of=subject(alert_id))

    @made.post(
        "/alerts/<int:alert_id>/resolve",
        needs="alerts:write",
        reach=LIST,
        example={"note": "fuse replaced"},
        errors={409: "it is resolved already"},
    )
    async def resolve(call: Call, alert_id: int, body: Word) -> Alert:
        """Say that an alert is over. Should it happen again, it is a new one."""
        await need(call, alert_id)
        return await call.write(service.resolve, alert_id, name_of(call), body.note, of=subject(alert_id))

    return made


async def need(call: Call, alert_id: int) -> Alert:
    """An alert that the caller may see. Raises ``NotFound``."""
    found = await call.read(service.need_alert, alert_id)
    await call.needs_charger(found.charger_id)
    return found


def subject(alert_id: int) -> Subject:
    """An alert, for the audit log."""
    return Subject("alert", str(alert_id), lambda tx: service.need_alert(tx, alert_id))


def name_of(call: Call) -> str:
    """Who says so."""
    return call.who.name[:LONGEST_NAME]
