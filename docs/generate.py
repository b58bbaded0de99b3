"""Writes the pages that are made from the code: ``python docs/generate.py``; with ``--check`` it only says which are not fresh."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from csms import api_pages, hooks_page
from csms.config.reference import reference_page, reference_toml

ROOT = Path(__file__).parents[1]

PAGES: dict[str, Callable[[], str]] = {
    "config/reference.toml": reference_toml,
    "docs/config.md": reference_page,
    "docs/hooks.md": hooks_page.page,
    "docs/openapi.json": api_pages.openapi_page,
    "docs/permissions.md": api_pages.permissions_page,
}
"""Each generated file and what makes it."""


def stale() -> list[str]:
    """The pages that are missing or differ from what the code says now."""
    return [
        name for name, make in PAGES.items() if not (ROOT / name).is_file() or (ROOT / name).read_text(encoding="utf-8") != make()
    ]


def main(arguments: list[str]) -> int:
    """Write every stale page, or with ``--check`` name them and fail."""
    found = stale()
    if "--check" in arguments:
        for name in found:
            sys.stdout.write(f"{name} is not fresh: run python docs/generate.py\n")
        return 1 if found else 0
    for name in found:
        (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stdout.write(f"wrote {name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
