"""PDF documents out of a description: blocks such as tables and totals, drawn in a process of its own.

    made = await printed(Document(title="Receipt", made_at=now, blocks=(Heading("Receipt"), Facts((("Paid", "₹5.00"),)))))

``python -m csms.pages`` reads the same as JSON (``described``) and writes the PDF. The same description gives the same bytes.
"""

from __future__ import annotations

from .document import (
    Block,
    Code,
    Column,
    Columns,
    Document,
    Facts,
    Heading,
    Letterhead,
    NewPage,
    Note,
    Picture,
    Rule,
    Table,
    Totals,
    described,
)
from .press import NotPrinted, printed

__all__ = [
    "Block",
    "Code",
    "Column",
    "Columns",
    "Document",
    "Facts",
    "Heading",
    "Letterhead",
    "NewPage",
    "NotPrinted",
    "Note",
    "Picture",
    "Rule",
    "Table",
    "Totals",
    "described",
    "printed",
]
