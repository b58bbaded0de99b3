"""Where the keys of a fleet come from: one for all, a template, or a file."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from .plan import PlanError, fill

PasswordOf = Callable[[str, int], bytes | None]


def read_file(path: Path) -> dict[str, bytes]:
    """Lines of ``ID,PASSWORD`` (further columns, a heading and ``#`` comments are ignored); raises ``PlanError``."""
    found: dict[str, bytes] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if not row or row[0].startswith("#") or row[0] == "id":
                    continue
                if len(row) < 2:
                    raise PlanError(f"{path}, line {number}: expected ID,PASSWORD")
                found[row[0].strip()] = row[1].strip().encode()
    except (OSError, UnicodeDecodeError, csv.Error) as wrong:
        raise PlanError(f"cannot read {path}: {wrong}") from None
    return found


def passwords(*, one: str | None, template: str | None, file: Path | None) -> PasswordOf:
    """Which key a charger shows; at most one source may be given. A file must know every charger of the fleet."""
    if sum(source is not None for source in (one, template, file)) > 1:
        raise PlanError("only one of --password, --password-template and --password-file")
    if file is not None:
        known = read_file(file)

        def look_up(charger_id: str, n: int) -> bytes | None:
            if charger_id not in known:
                raise PlanError(f"{file} has no password for {charger_id}")
            return known[charger_id]

        return look_up
    if template is not None:
        return lambda charger_id, n: fill(template, id=charger_id, n=n).encode()
    return lambda charger_id, n: None if one is None else one.encode()
