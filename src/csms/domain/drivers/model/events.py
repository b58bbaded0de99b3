"""Events of the drivers slice."""

from __future__ import annotations

from typing import ClassVar

import attrs

from csms.core.events import ChargerEvent, Event, event

from .words import TOKENS_KEY


@event
@attrs.frozen(slots=True, kw_only=True)
class TokenSeen(ChargerEvent):
    """A token was shown at a charger (Authorize), known or not, and got ``status`` (2.0.1 AuthorizationStatusEnumType)."""

    type: ClassVar[str] = "token_seen"

    token: str
    kind: str
    status: str
    token_id: int | None
    driver_id: int | None


@event
@attrs.frozen(slots=True, kw_only=True)
class TokensChanged(Event):
    """Who may charge where has changed: a token, a group, a driver or a grant was added, changed or removed.

    ``what`` is ``token``, ``token_group``, ``driver`` or ``grant``; ``name`` says which one.
    """

    type: ClassVar[str] = "tokens_changed"

    what: str
    name: str

    @property
    def key(self) -> str:
        """All in order: operators do this, not chargers."""
        return TOKENS_KEY
