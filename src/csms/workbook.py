"""Makes a workbook: ``python -m csms.workbook`` reads rows as JSON and writes XLSX, in a process of its own."""

from __future__ import annotations

import io
import sys
from typing import Any

import msgspec
import xlsxwriter

WIDEST = 60
LONGEST_TITLE = 31
"""What a sheet may be called (ECMA-376 and every spreadsheet program)."""


def workbook(title: str, rows: list[dict[str, Any]]) -> bytes:
    """A workbook of one sheet: a header that stays in sight, text as text, numbers as numbers."""
    data = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(data, options) as book:
        sheet = book.add_worksheet("".join(each for each in title if each not in "[]:*?/\\")[:LONGEST_TITLE])
        bold = book.add_format({"bold": True})
        columns = list(dict.fromkeys(name for row in rows for name in row))
        for number, name in enumerate(columns):
            sheet.write_string(0, number, name, bold)
            longest = max([len(name), *(len(str(row.get(name, ""))) for row in rows)])
            sheet.set_column(number, number, min(longest + 1, WIDEST))
        for line, row in enumerate(rows, 1):
            for number, name in enumerate(columns):
                value = row.get(name)
                if isinstance(value, bool):
                    sheet.write_boolean(line, number, value)
                elif isinstance(value, (int, float)):
                    sheet.write_number(line, number, value)
                elif value not in (None, ""):
                    sheet.write_string(line, number, str(value))
        sheet.freeze_panes(1, 0)
        if columns:
            sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)
    return data.getvalue()


def main() -> None:
    """Read the work from standard input, write the file to standard output."""
    work = msgspec.json.decode(sys.stdin.buffer.read())
    sys.stdout.buffer.write(workbook(work["title"], work["rows"]))


if __name__ == "__main__":
    main()
