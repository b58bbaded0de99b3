"""The gate: everything that letting people in needs, in one hand; whoever composes the server makes it once."""

from __future__ import annotations

import attrs

from csms.core.ports import Ports

from .directory import Directory
from .keys import Keys
from .model import Rules
from .passwords import Passwords
from .service.members import Neighbours
from .standings import Standings


@attrs.frozen(slots=True, kw_only=True)
class Gate:
    """What the flows and routes of this slice are given."""

    ports: Ports
    rules: Rules
    keys: Keys
    passwords: Passwords
    standings: Standings
    neighbours: Neighbours
    directory: Directory
