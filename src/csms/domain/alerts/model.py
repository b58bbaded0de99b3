"""Nouns and events of the alerts slice."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from csms.core.events import Event, event
from csms.core.paging import Paged, filter_by, one_of, sorts

INFO, WARNING, ERROR, CRITICAL = "info", "warning", "error", "critical"
SEVERITIES = (INFO, WARNING, ERROR, CRITICAL)
"""The worst last."""
REFUSALS_WITHIN_S = 3600
"""How far the rule about repeated refusals looks back."""


def alert_key(kind: str, subject: str) -> str:
    """The write key of all alerts of a kind about one subject, of which one may be open."""
    return f"alert:{kind}:{subject}"


@attrs.frozen(slots=True, kw_only=True)
class Occurrence:
    """Something that is to be an alert. While one of this kind and subject is open, it counts as one more of that.

    ``event_id`` is the event that told of it; 0 where none did.
    """

    kind: str
    severity: str
    subject: str
    message: str
    charger_id: str = ""
    detail: dict[str, Any] = attrs.field(factory=dict)
    event_id: int = 0


@attrs.frozen(slots=True, kw_only=True)
class Relief:
    """What made an alert is over: the open one of this kind and subject resolves by itself, for the reason in ``note``."""

    kind: str
    subject: str
    note: str
    event_id: int = 0


@attrs.frozen(slots=True, kw_only=True)
class Alert:
    """An alert, as an operator sees it. ``times`` counts how often it was raised while open; ``detail`` is of the last time.

    Acknowledged means that somebody looks after it; resolved that it is over. ``resolved_by`` is ``""`` where it resolved by itself.
    """

    id: int
    kind: str
    severity: str
    subject: str
    charger_id: str
    message: str
    detail: dict[str, Any]
    times: int
    raised_at: int
    last_raised_at: int
    acknowledged_at: int | None
    acknowledged_by: str
    resolved_at: int | None
    resolved_by: str
    note: str


@attrs.frozen(slots=True, kw_only=True)
class AlertsQuery(Paged):
    """Which alerts somebody wants."""

    sort: str = sorts("raised_at", "last_raised_at", "severity", "times", default="-raised_at")
    open: bool | None = filter_by("true: not resolved; false: over")
    acknowledged: bool | None = filter_by("whether somebody looks after it")
    severity: str | None = one_of(*SEVERITIES, help="how bad it is")
    kind: str | None = filter_by("what it is, such as charger_faulted")
    charger_id: str | None = filter_by("about this charger")
    station_id: int | None = filter_by("about a charger of this station")
    from_at: int | None = filter_by("raised then or later")
    to_at: int | None = filter_by("raised before")


# --- events ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class AboutAlert(Event):
    """What both events about an alert say."""

    alert_id: int
    kind: str
    severity: str
    subject: str
    charger_id: str
    message: str

    @property
    def key(self) -> str:
        """What alerts of a kind about one subject go through is told in order."""
        return alert_key(self.kind, self.subject)


@event
@attrs.frozen(slots=True, kw_only=True)
class AlertRaised(AboutAlert):
    """Somebody should look at something. Told once while the alert is open, however often it is raised."""

    type: ClassVar[str] = "alert_raised"


@event
@attrs.frozen(slots=True, kw_only=True)
class AlertResolved(AboutAlert):
    """An alert is over: by itself (``resolved_by`` is ``""``), or by an operator's word."""

    type: ClassVar[str] = "alert_resolved"

    times: int
    resolved_by: str
    note: str
