"""The section ``[limits]``: how much of the server the API's callers may take."""

from __future__ import annotations

import attrs

from .rules import Between
from .setting import setting


@attrs.frozen(slots=True, kw_only=True)
class LimitsConfig:
    """How much of the server the API's callers may take, so that chargers always find it at home. Each server counts for itself."""

    window_s: float = setting(
        10.0, "seconds over which requests are counted: so many seconds' worth may come at once", validator=Between(1, 3600)
    )
    address_per_min: int = setting(
        3000,
        "requests of one address a minute, whoever makes them (IPv6: of one /64); 0 is no limit",
        validator=Between(0, 10_000_000),
    )
    caller_per_min: int = setting(1200, "requests of one user or API key a minute; 0 is no limit", validator=Between(0, 10_000_000))
    tenant_per_min: int = setting(
        6000, "requests of all of a tenant's callers a minute; 0 is no limit", validator=Between(0, 10_000_000)
    )
    auth_per_min: int = setting(
        20, "log-ins, codes and the like that one address may try a minute; 0 is no limit", validator=Between(0, 10_000_000)
    )
    operator_key_exempt: bool = setting(True, "whether the operator key is free of these limits")
    max_requests: int = setting(
        200, "requests under way at a time, live feeds not counted; a further one gets 503", validator=Between(1, 100_000)
    )
