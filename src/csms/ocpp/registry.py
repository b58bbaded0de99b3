"""Which OCPP versions there are: a subprotocol picks its dialect once, at the handshake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from . import v16, v201
from .codec import codec_for
from .dialect import Dialect

_DIALECTS = {dialect.subprotocol: dialect for dialect in (v201.DIALECT, v16.DIALECT)}

SUBPROTOCOLS: tuple[str, ...] = tuple(_DIALECTS)
"""The subprotocols we speak, the newest first."""


COMMANDS_OF: Mapping[str, frozenset[str]] = {name: dialect.can_say for name, dialect in _DIALECTS.items()}
"""The names of the commands that each version has."""


def dialect_for(subprotocol: str) -> Dialect:
    """The dialect of a subprotocol, in any case, with its schemas compiled. Raises ``LookupError`` when there is none."""
    dialect = _DIALECTS.get(subprotocol.strip().casefold())
    if dialect is None:
        raise LookupError(f"no dialect for subprotocol {subprotocol!r}; there are {', '.join(SUBPROTOCOLS)}")
    codec_for(dialect)
    return dialect


def choose(offered: Iterable[str], allowed: Sequence[str]) -> str | None:
    """The subprotocol to speak: the first of ``allowed`` (ours, the preferred one first) that was offered, or None.

    The answer is spelt as it was offered, for a client compares it with what it sent; ``dialect_for`` takes either spelling.
    """
    spelt = {name.strip().casefold(): name.strip() for header in offered for name in header.split(",")}
    return next((spelt[ours] for name in allowed if (ours := name.casefold()) in spelt and ours in _DIALECTS), None)
