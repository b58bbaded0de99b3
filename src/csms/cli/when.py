"""Instants as people write them on a command line."""

from __future__ import annotations

import re
from typing import Any

import click

from csms.core.units import parse_instant
from csms.outside import SystemClock

_FROM_NOW = re.compile(r"([+-]?)(\d+)\s*([smhd])")
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Instant(click.ParamType[int]):
    """``2026-12-31``, ``2026-12-31T18:30Z``, ``90m``, ``24h`` or ``7d`` ago, ``+30m`` from now. Without a zone it is UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds since 1970."""
        if isinstance(value, int):
            return value
        text = str(value).strip()
        if text == "now":
            return SystemClock().now()
        if found := _FROM_NOW.fullmatch(text):
            sign = 1 if found[1] == "+" else -1
            return SystemClock().now() + sign * int(found[2]) * _UNIT_MS[found[3]]
        try:
            return parse_instant(f"{text}T00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text)[0]
        except ValueError:
            self.fail(
                f"{text!r} is no instant: write 2026-12-31, 2026-12-31T18:30Z, 24h for a day ago, or +2h from now", param, ctx
            )


INSTANT = Instant()
