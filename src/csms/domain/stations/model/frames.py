"""Frames, as the log shows them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.paging import Following, filter_by, one_of


@attrs.frozen(slots=True, kw_only=True)
class LoggedFrame:
    """One frame of the frame log; see ``core.ports.FrameEntry``."""

    id: int
    charger_id: str
    connection_id: str
    at: int
    direction: str
    kind: str
    message_id: str
    action: str
    text: str
    took_ms: float | None
    problem: str
    request_id: str


@attrs.frozen(slots=True, kw_only=True)
class Exchange(LoggedFrame):
    """A frame with what belongs to it: the call or the answers with its message id, on the same connection and near it in time."""

    partners: Sequence[LoggedFrame]


@attrs.frozen(slots=True, kw_only=True)
class FramesQuery(Following):
    """Which frames somebody wants; ``search`` is for any part of their text."""

    charger_id: str | None = filter_by("said by this charger or to it")
    from_at: int | None = filter_by("not before")
    to_at: int | None = filter_by("before")
    direction: str | None = one_of("in", "out", help="in: said by the charger; out: said by the server")
    kind: str | None = one_of("call", "result", "error", "unreadable", help="of this kind")
    action: str | None = filter_by("the action, such as Heartbeat; on answers that of their call")
    message_id: str | None = filter_by("the message id, which a call and its answer share")
    connection_id: str | None = filter_by("on this connection")
    request_id: str | None = filter_by("said for the request to the API that has this X-Request-Id, and what was answered")
    problem: bool | None = filter_by("true: only those that something was wrong with")
