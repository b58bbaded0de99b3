"""The section ``[messages]``: how messages are sent to people."""

from __future__ import annotations

import attrs

from .rules import Between
from .setting import setting


@attrs.frozen(slots=True, kw_only=True)
class MessagesConfig:
    """How messages are sent to people, by the channels that plugins bring."""

    parallel: int = setting(16, "messages on their way at a time", validator=Between(1, 500))
    parallel_each: int = setting(8, "messages on their way at a time by one channel", validator=Between(1, 200))
    timeout_s: float = setting(30.0, "longest that a channel may take to hand a message on", validator=Between(0.1, 300))
    first_retry_s: float = setting(10.0, "wait after the first failure; it doubles with each", validator=Between(0.01, 3600))
    longest_retry_s: float = setting(3600.0, "longest wait between two attempts", validator=Between(0.01, 86_400))
    max_attempts: int = setting(
        8, "attempts by one channel, before the recipient's next one is tried, or the message has failed", validator=Between(1, 100)
    )
    outbox_file: str = setting(
        "csms-outbox.txt",
        "file of what people would be told, while no plugin brings a channel; only where [identity] messages is file (or console, which"
        " shows it there)",
        path=True,
    )
    most_waiting: int = setting(50_000, "messages that may wait to be sent; more are refused", validator=Between(1, 10_000_000))
