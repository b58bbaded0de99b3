"""What a charger does wrong besides its messages: noted until whoever reads its conversation takes it away."""

from __future__ import annotations

from csms.core.reports import Oddity

MAX_NOTICED = 50
_LONGEST_FIELD, _LONGEST_HEARD = 100, 200


class Noticed(list[Oddity]):
    """The oddities of a conversation, which its parts share; so many at most that a charger cannot fill the memory with them."""

    __slots__ = ()

    def note(self, rule: str, field: str, heard: str) -> None:
        """Note one more, unless there are too many already."""
        if len(self) < MAX_NOTICED:
            self.append(Oddity(rule, field[:_LONGEST_FIELD], heard[:_LONGEST_HEARD]))
