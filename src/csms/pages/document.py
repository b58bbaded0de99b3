"""What a document is made of. Texts are for people already: amounts with their signs, instants in the reader's time zone."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

import attrs
import msgspec

LEFT, RIGHT, CENTER = "left", "right", "center"
ALIGNMENTS = (LEFT, RIGHT, CENTER)


def _align(default: str = LEFT) -> Any:
    return attrs.field(default=default, validator=attrs.validators.in_(ALIGNMENTS))


@attrs.frozen(slots=True)
class Heading:
    """A line that stands out; ``level`` 1 is the largest of 3."""

    block: ClassVar[str] = "heading"

    text: str
    level: int = attrs.field(default=1, validator=[attrs.validators.ge(1), attrs.validators.le(3)])
    align: str = _align()


@attrs.frozen(slots=True)
class Letterhead:
    """Who writes: a name and lines below it, with a logo (PNG or JPEG) opposite."""

    block: ClassVar[str] = "letterhead"

    name: str
    lines: tuple[str, ...] = ()
    logo: bytes | None = attrs.field(default=None, repr=False)


@attrs.frozen(slots=True)
class Facts:
    """Names with their values, in one or two columns."""

    block: ClassVar[str] = "facts"

    pairs: tuple[tuple[str, str], ...]
    columns: int = attrs.field(default=1, validator=attrs.validators.in_((1, 2)))


@attrs.frozen(slots=True)
class Columns:
    """Texts side by side, each with a title: the seller and the buyer."""

    block: ClassVar[str] = "columns"

    texts: tuple[tuple[str, tuple[str, ...]], ...] = attrs.field(
        validator=[attrs.validators.min_len(1), attrs.validators.max_len(4)]
    )


@attrs.frozen(slots=True)
class Column:
    """A column of a table; ``width`` is its share of the page, beside those of the others."""

    title: str
    width: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))
    align: str = _align()


@attrs.frozen(slots=True)
class Table:
    """Rows under titles, which are said again on every page. Cells that are too long are broken into lines."""

    block: ClassVar[str] = "table"

    columns: tuple[Column, ...] = attrs.field(validator=attrs.validators.min_len(1))
    rows: tuple[tuple[str, ...], ...]

    def __attrs_post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"every row of this table has {len(self.columns)} cells")


@attrs.frozen(slots=True)
class Totals:
    """Names with amounts at the right edge; the last is what it all comes to (``strong``)."""

    block: ClassVar[str] = "totals"

    rows: tuple[tuple[str, str], ...]
    strong: bool = True


@attrs.frozen(slots=True)
class Picture:
    """An image, PNG or JPEG."""

    block: ClassVar[str] = "picture"

    data: bytes = attrs.field(repr=False)
    width_mm: float = attrs.field(default=40.0, validator=[attrs.validators.gt(0), attrs.validators.le(190)])
    align: str = _align()


@attrs.frozen(slots=True)
class Code:
    """A QR code of a text, with what it is for beside it."""

    block: ClassVar[str] = "code"

    text: str = attrs.field(validator=[attrs.validators.min_len(1), attrs.validators.max_len(1500)])
    caption: str = ""
    size_mm: float = attrs.field(default=30.0, validator=[attrs.validators.ge(10), attrs.validators.le(100)])


@attrs.frozen(slots=True)
class Note:
    """A paragraph; ``small`` is small print."""

    block: ClassVar[str] = "note"

    text: str
    small: bool = False
    align: str = _align()


@attrs.frozen(slots=True)
class Rule:
    """A line across the page."""

    block: ClassVar[str] = "rule"


@attrs.frozen(slots=True)
class NewPage:
    """What follows begins on a new page."""

    block: ClassVar[str] = "new_page"


Block = Heading | Letterhead | Facts | Columns | Table | Totals | Picture | Code | Note | Rule | NewPage


@attrs.frozen(slots=True, kw_only=True)
class Document:
    """A document of A4 pages. ``footer`` stands at the foot of each, beside its number where ``numbered``: ``page_words`` is how that is
    said. ``made_at`` is an instant, kept in the file."""

    title: str
    made_at: int
    blocks: tuple[Block, ...]
    author: str = ""
    language: str = "en"
    footer: str = ""
    numbered: bool = True
    page_words: str = "Page {page} of {pages}"


def described(document: Document) -> bytes:
    """A document as JSON, as ``python -m csms.pages`` reads it: each block says in ``block`` what it is; bytes are Base64."""
    data = {field.name: getattr(document, field.name) for field in attrs.fields(Document) if field.name != "blocks"}
    blocks = [
        {"block": block.block} | attrs.asdict(block, value_serializer=lambda _, __, value: _text(value))
        for block in document.blocks
    ]
    return msgspec.json.encode({**data, "blocks": blocks})


def _text(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
