"""Instants as people write them on a command line."""

from __future__ import annotations

import re
from typing import Any

import click

from csms.core.units import parse_instant
from csms.outside import SystemClock

_AGO = re.compile(r"(\d+)\s*([smhd])")
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Instant(click.ParamType[int]):
    """``2026-12-31``, ``2026-12-31T18:30Z``, or for the past ``90m``, ``24h``, ``7d`` ago. Without a zone it is UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds since 1970."""
        if isinstance(value, int):
            return value
        text = str(value).strip()
        if ago := _AGO.fullmatch(text):
            return SystemClock().now() - int(ago[1]) * _UNIT_MS[ago[2]]
        try:
            return parse_instant(f"{text}T00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text)[0]
        except ValueError:
            self.fail(f"{text!r} is no instant: write 2026-12-31, 2026-12-31T18:30Z, or 24h for a day ago", param, ctx)


INSTANT = Instant()
