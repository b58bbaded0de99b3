"""What is looked for in logs, and what stands there afterwards; no store."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

LEAST = 2
"""Shorter texts say nothing about anybody, and stand everywhere."""


def quoted(text: str) -> str:
    """A text as JSON writes it, quotes and all."""
    return msgspec.json.encode(text).decode()


def spellings(words: Mapping[str, str]) -> dict[str, str]:
    """Every way in which JSON may write what is looked for, in lower case, by what stands there afterwards."""
    found: dict[str, str] = {}
    for word, pseudonym in words.items():
        if len(word) < LEAST:
            continue
        plain = quoted(word)
        found[plain.lower()] = quoted(pseudonym)
        found["".join(each if each < "\x7f" else _escaped(each) for each in plain).lower()] = quoted(pseudonym)
    return found


def _escaped(each: str) -> str:
    units = each.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def patterns(known: Mapping[str, str]) -> Sequence[str]:
    """LIKE patterns (``ESCAPE '!'``, on lower case) that find rows which may have to be masked."""
    return [f"%{_liked(text)}%" for text in known]


def _liked(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def masked(text: str, known: Mapping[str, str]) -> str:
    """A log's text with every word that is looked for, in any case, replaced."""
    if not known:
        return text
    every = "|".join(re.escape(each) for each in sorted(known, key=len, reverse=True))
    # what is followed by a colon is the name of a field
    return re.sub(rf"(?:{every})(?!\s*:)", lambda found: known[found[0].lower()], text, flags=re.IGNORECASE)
