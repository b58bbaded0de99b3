"""``python -m csms.pages``: a document as JSON from standard input, as PDF to standard output."""

from __future__ import annotations

import sys

import msgspec

from .drawing import drawn


def main() -> None:
    """Read the description, write the file."""
    sys.stdout.buffer.write(drawn(msgspec.json.decode(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
