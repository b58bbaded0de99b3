"""Flows of the drivers slice: asking plugins about a token."""

from __future__ import annotations

from csms.core.ids import WHOLE_CHARGER, Place, TenantId
from csms.core.ports import Ports
from csms.core.reports import StartReported, StopReported, Token, TokenPresented, TokenVerdict, UpdateReported


async def ask_token(
    ports: Ports, report: TokenPresented | StartReported | UpdateReported | StopReported, tenant: TenantId
) -> TokenVerdict | None:
    """What plugins say about the token in a report; None where it shows none. A stop is never refused, so nobody is asked."""
    if report.token is None or isinstance(report, StopReported):
        return None
    if isinstance(report, TokenPresented):
        return await ask_about(ports, report.token, charger_id=report.charger_id, tenant=tenant, purpose="authorize")
    place = report.place or WHOLE_CHARGER
    return await ask_about(ports, report.token, charger_id=report.charger_id, tenant=tenant, place=place, purpose="start")


async def ask_about(
    ports: Ports, token: Token, *, charger_id: str, tenant: TenantId, purpose: str, place: Place = WHOLE_CHARGER
) -> TokenVerdict | None:
    """What plugins say about a token. ``purpose`` is ``authorize``, ``start`` or ``remote``; see the hook ``authorize_token``."""
    answer: TokenVerdict | None = await ports.decisions.ask(
        "authorize_token", token=token, charger_id=charger_id, place=place, purpose=purpose, tenant=tenant
    )
    return answer
