"""Which part of a file a request asks for (RFC 9110 §14)."""

from __future__ import annotations

import re

_ONE = re.compile(r"bytes\s*=\s*([0-9]{0,19})\s*-\s*([0-9]{0,19})\s*", re.IGNORECASE)


class Unsatisfiable(ValueError):
    """The range begins behind the end of the file."""


def wanted(header: str, size: int) -> tuple[int, int] | None:
    """The first byte and the one after the last; None for the whole file.

    What is not understood is no range, as the RFC allows, and so are several ranges at once: a charger that resumes asks for one. Raises
    ``Unsatisfiable``.
    """
    found = _ONE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        last = min(int(found[2]), size)
        if not last:
            raise Unsatisfiable
        return size - last, size
    first = int(found[1])
    after = int(found[2]) + 1 if found[2] else size
    if found[2] and after <= first:
        return None
    if first >= size:
        raise Unsatisfiable
    return first, min(after, size)
