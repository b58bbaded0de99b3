"""What real firmware gets wrong: a name for each fault. Those that bend payloads are in ``bends``, the others where they happen."""

from __future__ import annotations

from .catalogue import QUIRKS, Quirk, bend

__all__ = ["QUIRKS", "Quirk", "bend"]
