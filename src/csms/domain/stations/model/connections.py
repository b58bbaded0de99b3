"""Live connections, as lists of them are asked for."""

from __future__ import annotations

import attrs

from csms.core.paging import Paged, filter_by, one_of, sorts


@attrs.frozen(slots=True, kw_only=True)
class ConnectionsQuery(Paged):
    """Which live connections somebody wants; ``search`` is for the charger's id, its name and its address."""

    sort: str = sorts("charger_id", "connected_at", default="charger_id")
    protocol: str | None = filter_by("the OCPP version, such as ocpp1.6")
    registration: str | None = one_of("accepted", "pending", "rejected", help="how far the charger was let in")
