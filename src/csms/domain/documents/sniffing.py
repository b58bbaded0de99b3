"""What a file is by what is in it, whatever its name or its sender says."""

from __future__ import annotations

import codecs

from .kinds import CSV, JPEG, PDF, PNG, TEXT, WEBP

HEAD_BYTES = 16
_ALLOWED_CONTROLS = frozenset("\t\n\r\f\ufeff")


class Sniffer:
    """Is shown a file piece by piece. ``kind()`` says what it is: a content type, or ``""`` for what nobody takes.

    Text is looked at whole: one byte that is no UTF-8, or a control character, and it is none.
    """

    def __init__(self) -> None:
        self._head = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True
        self._opening = ""

    def look(self, piece: bytes) -> None:
        """The next piece."""
        if len(self._head) < HEAD_BYTES:
            self._head += piece[: HEAD_BYTES - len(self._head)]
        if self._is_text:
            self._read(piece, last=False)

    def kind(self, name: str) -> str:
        """What it is, now that it is whole; its name only tells CSV from other text."""
        known = by_magic(self._head)
        if known or not self._head:
            return known
        if self._is_text:
            self._read(b"", last=True)
        if not self._is_text or self._opening.lstrip("\ufeff").lstrip().startswith("<"):
            return ""  # markup in any disguise
        return CSV if name.casefold().endswith((".csv", ".tsv")) else TEXT

    def _read(self, piece: bytes, *, last: bool) -> None:
        try:
            text = self._decoder.decode(piece, last)
        except UnicodeDecodeError:
            self._is_text = False
            return
        if any(each < " " or each == "\x7f" for each in set(text) - _ALLOWED_CONTROLS):
            self._is_text = False
        if not self._opening.strip("\ufeff \t\n\r\f"):
            self._opening = text[:1000]


def by_magic(head: bytes) -> str:
    """The content type that the first bytes of a file say; ``""`` for none that is known."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if head.startswith(b"%PDF-"):
        return PDF
    return ""
