"""Draws a described document with fpdf2, in fonts that have every currency's sign, and Devanagari."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import Any

import segno
from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout, XPos, YPos

FONT, DEVANAGARI = "DejaVu", "Lohit"
MARGIN_MM, FOOT_MM = 15.0, 15.0
INK, GREY, SHADE = (20, 20, 20), (110, 110, 110), (240, 242, 245)
ALIGN = {"left": "L", "right": "R", "center": "C"}
HEADING_PT = {1: 17, 2: 13, 3: 10.5}
TEXT_PT, SMALL_PT, LINE_MM, SMALL_MM = 9.0, 7.5, 4.8, 3.9
LOGO_MM = 22.0
TOTAL_NAME, TOTAL_AMOUNT = 45.0, 40.0

IN_DEVANAGARI = re.compile("[\u0900-\u097f]")

Facts = Mapping[str, Any]


class Paper(FPDF):
    """Pages with a footer and their number."""

    def __init__(self, document: Facts) -> None:
        super().__init__(format="A4")
        self._footer = str(document["footer"])
        self._words = str(document["page_words"]) if document["numbered"] else ""
        for style, name in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
            with as_file(files("csms") / "fonts" / name) as path:
                self.add_font(FONT, style, path)
        self.is_mixed = any(IN_DEVANAGARI.search(text) for text in _texts(document))
        if self.is_mixed:
            self._write_devanagari()
        self.alias_nb_pages("{pages}")
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(True, FOOT_MM + 5)
        self.set_title(document["title"])
        self.set_author(document["author"])
        self.set_lang(document["language"])
        self.set_creator("csms")
        self.set_producer("csms")
        self.set_creation_date(datetime.fromtimestamp(document["made_at"] / 1000, UTC))
        self.add_page()
        self.plain()

    def _write_devanagari(self) -> None:
        """Names and addresses in Hindi or Marathi: another font for what the usual one lacks. Their signs stand before, above and below
        each other, which takes shaping; other documents do without, and stay as they are."""
        with as_file(files("csms") / "fonts" / "Lohit-Devanagari.ttf") as path:
            self.add_font(DEVANAGARI, "", path)
        self.set_fallback_fonts([DEVANAGARI], exact_match=False)
        self.set_text_shaping(True)

    def _render_styled_text_line(self, *line: Any, **more: Any) -> Any:
        """fpdf2 2.8 sets a page's font within the first line's own graphics state where that line begins in the other font, and takes it to
        be set afterwards: so it is set before, here and where a line begins a page."""
        self._set_font()
        return super()._render_styled_text_line(*line, **more)

    def _perform_page_break(self) -> None:
        super()._perform_page_break()
        self._set_font()

    def _set_font(self) -> None:
        if self.is_mixed and self.current_font is not None and not self.current_font_is_set_on_page:
            self._out(self._set_font_for_page(self.current_font, self.font_size_pt))

    def plain(self, size: float = TEXT_PT, style: str = "", colour: Sequence[int] = INK) -> None:
        """The font from here on."""
        self.set_font(FONT, style, size)
        self.set_text_color(*colour)

    def line_of(self, text: str, *, height: float = LINE_MM, align: str = "left", width: float = 0) -> None:
        """A text over the whole width, broken into lines, with what follows below it."""
        self.multi_cell(width, height, text, align=ALIGN[align], new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def footer(self) -> None:
        """What stands at the foot of each page."""
        self.set_y(-FOOT_MM)
        self.plain(SMALL_PT, colour=GREY)
        if self._footer:
            self.cell(0, SMALL_MM, self._footer, align="L")
        if self._words:
            self.set_x(MARGIN_MM)
            self.cell(0, SMALL_MM, self._words.replace("{page}", str(self.page_no())), align="R")
        self.plain()


def _texts(said: Any) -> Iterator[str]:
    """Every text in a description."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping):
        for each in said.values():
            yield from _texts(each)
    elif isinstance(said, Sequence):
        for each in said:
            yield from _texts(each)


def drawn(document: Facts) -> bytes:
    """The document as PDF. Raises ``KeyError`` or ``ValueError`` for a description that is none."""
    paper = Paper(document)
    for block in document["blocks"]:
        DRAW[block["block"]](paper, block)
        paper.plain()
    return bytes(paper.output())


def _heading(paper: Paper, block: Facts) -> None:
    size = HEADING_PT[block["level"]]
    paper.ln(1.5)
    paper.plain(size, "B")
    paper.line_of(block["text"], height=size * 0.45, align=block["align"])
    paper.ln(1.5)


def _letterhead(paper: Paper, block: Facts) -> None:
    top = paper.get_y()
    bottom = top
    width = 0.0
    if block["logo"]:
        image = io.BytesIO(base64.b64decode(block["logo"]))
        width = paper.epw - 3 * LOGO_MM
        paper.image(image, x=paper.w - MARGIN_MM - 2 * LOGO_MM, y=top, w=2 * LOGO_MM, h=LOGO_MM, keep_aspect_ratio=True)
        bottom = top + LOGO_MM
    paper.plain(12, "B")
    paper.line_of(block["name"], height=5.6, width=width)
    paper.plain(SMALL_PT, colour=GREY)
    for line in block["lines"]:
        paper.line_of(line, height=SMALL_MM, width=width)
    paper.set_y(max(paper.get_y(), bottom) + 2)
    _rule(paper, {})


def _facts(paper: Paper, block: Facts) -> None:
    columns, pairs = block["columns"], block["pairs"]
    width = paper.epw / columns
    for first in range(0, len(pairs), columns):
        top, bottom = paper.get_y(), paper.get_y()
        for place, (name, value) in enumerate(pairs[first : first + columns]):
            x = MARGIN_MM + place * width
            paper.set_xy(x, top)
            paper.plain(colour=GREY)
            paper.cell(width * 0.35, LINE_MM, name)
            paper.plain()
            paper.multi_cell(width * 0.65 - 2, LINE_MM, value, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            bottom = max(bottom, paper.get_y())
        paper.set_y(bottom)
    paper.ln(2)


def _columns(paper: Paper, block: Facts) -> None:
    texts = block["texts"]
    width = paper.epw / len(texts)
    top = bottom = paper.get_y()
    for place, (title, lines) in enumerate(texts):
        paper.set_xy(MARGIN_MM + place * width, top)
        paper.plain(SMALL_PT, "B", GREY)
        paper.multi_cell(width - 4, SMALL_MM, title, align="L", new_x=XPos.LEFT, new_y=YPos.NEXT)
        paper.plain()
        for line in lines:
            paper.multi_cell(width - 4, LINE_MM, line, align="L", new_x=XPos.LEFT, new_y=YPos.NEXT)
        bottom = max(bottom, paper.get_y())
    paper.set_xy(MARGIN_MM, bottom + 2)


def _table(paper: Paper, block: Facts) -> None:
    paper.plain(8)
    paper.set_draw_color(*SHADE)
    with paper.table(
        col_widths=tuple(each["width"] for each in block["columns"]),
        text_align=tuple(ALIGN[each["align"]] for each in block["columns"]),
        line_height=LINE_MM,
        padding=(0.4, 1),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="BOLD", fill_color=SHADE),
    ) as table:
        table.row([each["title"] for each in block["columns"]])
        for row in block["rows"]:
            table.row(row)
    paper.set_draw_color(*INK)
    paper.ln(2)


def _totals(paper: Paper, block: Facts) -> None:
    rows = block["rows"]
    for number, (name, amount) in enumerate(rows, 1):
        last = block["strong"] and number == len(rows)
        if paper.will_page_break(LINE_MM + 1):
            paper.add_page()
        x = paper.w - MARGIN_MM - TOTAL_NAME - TOTAL_AMOUNT
        if last:
            paper.line(x, paper.get_y(), paper.w - MARGIN_MM, paper.get_y())
        paper.set_x(x)
        paper.plain(10 if last else TEXT_PT, "B" if last else "")
        paper.cell(TOTAL_NAME, LINE_MM + 1, name, align="R")
        paper.cell(TOTAL_AMOUNT, LINE_MM + 1, amount, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    paper.ln(2)


def _picture(paper: Paper, block: Facts) -> None:
    width = min(block["width_mm"], paper.epw)
    x = {"left": MARGIN_MM, "right": paper.w - MARGIN_MM - width, "center": (paper.w - width) / 2}[block["align"]]
    paper.image(io.BytesIO(base64.b64decode(block["data"])), x=x, w=width)
    paper.ln(2)


def _code(paper: Paper, block: Facts) -> None:
    size = block["size_mm"]
    if paper.will_page_break(size):
        paper.add_page()
    image = io.BytesIO()
    segno.make_qr(block["text"], error="m").save(image, kind="png", scale=8, border=2)
    top = paper.get_y()
    paper.image(image, x=MARGIN_MM, y=top, w=size, h=size)
    if block["caption"]:
        paper.set_xy(MARGIN_MM + size + 3, top + 3)
        paper.plain(SMALL_PT, colour=GREY)
        paper.multi_cell(paper.epw - size - 3, SMALL_MM, block["caption"], align="L")
    paper.set_xy(MARGIN_MM, top + size + 2)


def _note(paper: Paper, block: Facts) -> None:
    small = block["small"]
    paper.plain(SMALL_PT if small else TEXT_PT, colour=GREY if small else INK)
    paper.line_of(block["text"], height=SMALL_MM if small else LINE_MM, align=block["align"])
    paper.ln(1.5)


def _rule(paper: Paper, block: Facts) -> None:
    paper.set_draw_color(*GREY)
    paper.line(MARGIN_MM, paper.get_y(), paper.w - MARGIN_MM, paper.get_y())
    paper.set_draw_color(*INK)
    paper.ln(2.5)


def _new_page(paper: Paper, block: Facts) -> None:
    paper.add_page()


DRAW: Mapping[str, Callable[[Paper, Facts], None]] = {
    "heading": _heading,
    "letterhead": _letterhead,
    "facts": _facts,
    "columns": _columns,
    "table": _table,
    "totals": _totals,
    "picture": _picture,
    "code": _code,
    "note": _note,
    "rule": _rule,
    "new_page": _new_page,
}
"""How each block is drawn; the names are those of ``document``."""
