"""How a noun is declared that is made for every message: frozen for the type checker, plain to build.

A frozen attrs class sets each field through ``object.__setattr__``, which makes building it three times as slow; a message builds about a
dozen (docs/adr/002-nouns-of-the-message-path.md). Everything else is declared with ``attrs.frozen``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from attrs import frozen as noun
else:
    noun = partial(attrs.define, slots=True, unsafe_hash=True, on_setattr=None)

__all__ = ["noun"]
