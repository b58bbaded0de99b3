"""Whether a token may charge: the server's word, or what a charger may decide itself from its list and its cache (1.6 §3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from .connector import Tag
from .link import LinkLost, NoAnswer, Refusal
from .local_list import Known, LocalList

if TYPE_CHECKING:
    from .charger import Charger

CACHED = 200
"""The size of the authorization cache."""
ACCEPTED = "Accepted"

T = TypeVar("T")


class Authority:
    """The local list and the authorization cache of one charger, and the decisions made with them."""

    __slots__ = ("_cache", "_charger", "_parents", "local_list")

    def __init__(self, charger: Charger) -> None:
        self._charger = charger
        self.local_list = LocalList(charger.settings)
        self._cache: dict[str, Known] = {}
        self._parents: dict[str, str] = {}

    async def authorize(self, tag: Tag) -> str:
        """The authorization status of a token (1.6 §3.5, 2.0.1 C13-C15); ``Offline`` where nobody knows it and nobody may be asked."""
        charger, settings = self._charger, self._charger.settings
        listed = self.known(tag)
        if listed == ACCEPTED and settings.flag("pre_authorize"):
            return ACCEPTED
        if charger.online:
            try:
                answer = await charger.ask(*charger.tongue.authorize(tag))
            except Refusal as refusal:
                return refusal.code
            except (LinkLost, NoAnswer):
                pass  # as if it were offline
            else:
                self.remember(tag, charger.tongue.standing(answer))
                return charger.tongue.verdict(answer)
        if listed is not None and settings.flag("authorize_offline"):
            return listed
        return ACCEPTED if listed is None and settings.flag("offline_unknown") else "Offline"

    def known(self, tag: Tag) -> str | None:
        """What list or cache say about a token; the list goes first (1.6 §3.5.3)."""
        key = tag.value.casefold()
        known = self.local_list.find(key) or self._cache.get(key)
        return None if known is None else known.verdict(self._charger.clock.now())

    def remember(self, tag: Tag, known: Known | None) -> None:
        """Take the server's word on a token into the cache; a group that it does not repeat still stands."""
        if known is None:
            return
        key = tag.value.casefold()
        self._cache.pop(key, None)
        if known.parent:
            self._parents.pop(key, None)
            _keep(self._parents, key, known.parent)
        if self._charger.settings.flag("cache") and self.local_list.find(key) is None:
            _keep(self._cache, key, known)

    def parent_of(self, tag: Tag) -> str | None:
        """The group of a token, as far as it is known (1.6 §3.10)."""
        key = tag.value.casefold()
        listed = self.local_list.find(key)
        return listed.parent if listed is not None and listed.parent else self._parents.get(key)

    def same_group(self, one: Tag, other: Tag) -> bool:
        """Whether two tokens have the same parent."""
        parent = self.parent_of(one)
        return parent is not None and parent == self.parent_of(other)

    def clear_cache(self) -> None:
        """Forget what was learnt; the local list stays (1.6 §5.4)."""
        self._cache.clear()
        self._parents.clear()


def _keep(where: dict[str, T], key: str, what: T) -> None:
    """Keep something, and drop the oldest where there is no room."""
    if len(where) >= CACHED:
        del where[next(iter(where))]
    where[key] = what
