"""Events of the drivers slice."""

from __future__ import annotations

from typing import ClassVar

import attrs

from csms.core.events import Event, event
from csms.core.ids import charger_key

from .words import TOKENS_KEY


@event
@attrs.frozen(slots=True, kw_only=True)
class TokenSeen(Event):
    """A token was shown at a charger (Authorize), known or not, and got ``status`` (2.0.1 AuthorizationStatusEnumType)."""

    type: ClassVar[str] = "token_seen"

    charger_id: str
    token: str
    kind: str
    status: str
    token_id: int | None
    driver_id: int | None

    @property
    def key(self) -> str:
        """The charger's write key: what is shown at one charger is told in order."""
        return charger_key(self.charger_id)


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
