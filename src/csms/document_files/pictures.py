"""Looks at images that strangers sent: in a process of its own, with little memory and time, so that a bomb goes off there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import msgspec

from csms.core.errors import Invalid

from . import thumbnailer

LIMIT_S = 20.0
NO_IMAGE = 3
"""What the thumbnailer ends with when it is the image that is wrong."""


@attrs.frozen(slots=True, kw_only=True)
class Seen:
    """An image's size, and its thumbnail as WebP."""

    width: int
    height: int
    thumbnail: bytes


def look(content: bytes, most_pixels: int) -> Seen:
    """Have an image looked at. Raises ``Invalid`` for what is none, is too large or takes too long; ``OSError`` when nobody can look."""
    command = [sys.executable, "-I", str(Path(thumbnailer.__file__)), str(most_pixels)]
    try:
        ended = subprocess.run(command, input=content, capture_output=True, timeout=LIMIT_S, check=False, env={})  # noqa: S603
    except subprocess.TimeoutExpired:
        raise Invalid("the image takes too long to read") from None
    if ended.returncode == NO_IMAGE:
        raise Invalid(f"not an image that can be kept: {ended.stderr.decode('utf-8', 'replace').strip()[:200]}")
    if ended.returncode < 0:
        raise Invalid("the image takes too much to read")
    head, _, thumbnail = ended.stdout.partition(b"\n")
    if ended.returncode or not thumbnail:
        raise OSError(f"the thumbnailer failed: {ended.stderr.decode('utf-8', 'replace').strip()[-300:]}")
    return Seen(**msgspec.json.decode(head), thumbnail=thumbnail)
