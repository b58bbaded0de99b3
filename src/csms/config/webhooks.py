"""The section ``[webhooks]``: how events are sent to URLs that tenants give."""

from __future__ import annotations

import attrs

from .rules import Between, Networks
from .setting import setting


@attrs.frozen(slots=True, kw_only=True)
class WebhooksConfig:
    """How events are sent to URLs that tenants give, without letting them into the operator's network."""

    allow_http: bool = setting(
        False, "whether URLs may be http://; a secret in the URL or in an event could then be read on the way"
    )
    allowed_networks: tuple[str, ...] = setting(
        (),
        "private networks that may be reached all the same; anything else that is not public (this machine, private, link-local) is refused",
        validator=Networks(),
    )
    timeout_s: float = setting(10.0, "longest wait for a receiver's answer", validator=Between(0.1, 120))
    parallel: int = setting(32, "messages on their way at a time", validator=Between(1, 1000))
    parallel_each: int = setting(4, "messages on their way at a time to one receiver", validator=Between(1, 100))
    first_retry_s: float = setting(5.0, "wait after the first failure; it doubles with each", validator=Between(0.01, 3600))
    longest_retry_s: float = setting(3600.0, "longest wait between two attempts", validator=Between(0.01, 604_800))
    max_attempts: int = setting(12, "attempts before a delivery has failed", validator=Between(1, 1000))
    pause_after: int = setting(
        20,
        "failures in a row after which a webhook is paused; a receiver that is down is tried ever less often",
        validator=Between(1, 10_000),
    )
    most: int = setting(50, "most webhooks of one tenant", validator=Between(1, 10_000))
