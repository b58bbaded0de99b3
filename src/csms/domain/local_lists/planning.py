"""What must be sent so that a charger's list becomes what it should be: full or differential, in messages it can take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from csms.core.commands import LocalListEntry
from csms.core.reports import Token

from .model import LONGEST_LISTED, Listed, Message


def fitting(wanted: Sequence[Listed], most: int | None) -> tuple[list[Listed], int]:
    """Those that fit on a list of ``most`` entries, in their order, and how many were left out."""
    short = [each for each in wanted if len(each.token) <= LONGEST_LISTED]
    kept = short if most is None else short[: max(most, 0)]
    return kept, len(wanted) - len(kept)


def differences(present: Mapping[str, Listed], wanted: Iterable[Listed]) -> list[LocalListEntry]:
    """The entries that change ``present`` (by folded token) into ``wanted``: removals first, so that there is room for the others."""
    named = {each.folded: each for each in wanted}
    gone = [LocalListEntry(Token(each.token, each.kind)) for folded, each in present.items() if folded not in named]
    return gone + [each.entry() for folded, each in named.items() if present.get(folded) != each]


def plan(present: Mapping[str, Listed], wanted: Sequence[Listed], *, version: int, full: bool, most: int) -> list[Message]:
    """The messages, each with at most ``most`` entries and a version one above the last (1.6 §5.15).

    A full update that does not fit in one message begins full and goes on differentially. Nothing to do is no message.
    """
    if full:
        entries = [each.entry() for each in wanted]
    else:
        entries = differences(present, wanted)
        if not entries:
            return []
        if len(entries) > len(wanted):  # a full list says the same in less
            entries, full = [each.entry() for each in wanted], True
    parts = [tuple(entries[start : start + most]) for start in range(0, len(entries), most)] or [()]
    return [Message(version + number, full and number == 1, part) for number, part in enumerate(parts, start=1)]


def applied(present: Mapping[str, Listed], message: Message) -> dict[str, Listed]:
    """The list after a charger took a message."""
    after = {} if message.full else dict(present)
    for entry in message.entries:
        token, verdict = entry.token, entry.verdict
        folded = token.value.casefold()
        if verdict is None:
            after.pop(folded, None)
        else:
            after[folded] = Listed(token.value, token.kind, verdict.status, verdict.expires_at, verdict.parent)
    return after
