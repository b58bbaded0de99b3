"""Puts a batch into rounds, so that rows of many chargers travel together although order per key is kept."""

from __future__ import annotations

from .work import Append, Work

_VERB = ""


def rounds(batch: list[Work]) -> list[list[Work]]:
    """The batch in rounds. Two pieces of one key are in the order of the rounds, or side by side in one round and of one kind.

    A kind is a verb, or rows for one SQL text: so within a round rows of one text may be sent in one go, before or after the verbs.
    """
    result: list[list[Work]] = []
    last: dict[str, tuple[int, str]] = {}
    for work in batch:
        if isinstance(work, Append):
            kind, keys = work.sql, frozenset({work.key})
        else:
            kind, keys = _VERB, work.keys
        number = 0
        for key in keys:
            before, its_kind = last.get(key, (0, kind))
            number = max(number, before + (its_kind != kind))
        for key in keys:
            last[key] = (number, kind)
        while len(result) <= number:
            result.append([])
        result[number].append(work)
    return result
