"""``python -m csms.pages``: a document as JSON from standard input, as PDF to standard output."""

from __future__ import annotations

import gc
import sys

import msgspec

UNHURRIED = (100_000, 20, 100)
"""Container allocations before garbage is looked for: a third of a page's time is Python's looking for it in what is imported."""


def main() -> None:
    """Read the description, write the file."""
    gc.set_threshold(*UNHURRIED)
    from .drawing import drawn

    sys.stdout.buffer.write(drawn(msgspec.json.decode(sys.stdin.buffer.read())))
    gc.freeze()


if __name__ == "__main__":
    main()
