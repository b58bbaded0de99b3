"""Payments over HTTP: for operators, for drivers, and for gateways that tell something."""

from __future__ import annotations

from csms.api.routes import Routes
from csms.domain.payments.flows import Forgeries

from . import gateways, me, notices, payments, refunds


def routes() -> list[Routes]:
    """Routes of this slice."""
    return [gateways.routes(), payments.routes(), refunds.routes(), notices.routes(Forgeries()), me.routes()]
