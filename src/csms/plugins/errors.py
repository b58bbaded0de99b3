"""What goes wrong with plugins: at start, where it stops the server with a clear word, and while it runs, where it stops nothing."""

from __future__ import annotations

from difflib import get_close_matches

from csms.core.errors import CsmsError


class PluginError(CsmsError):
    """A plugin cannot be used as it is; the message names it and says what would be right. The server does not start."""


class PluginFailed(CsmsError):
    """A running plugin's hook raised, was too slow or rests; the message names both. The event is delivered again later."""


def nearest(word: str, words: list[str]) -> str:
    """`` (did you mean X?)`` when one of the words is near, else nothing."""
    found = get_close_matches(word, words, n=1, cutoff=0.6)
    return f" (did you mean {found[0]}?)" if found else ""
