"""Objects as files: a folder for each bucket, the key as the path."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

FRESH = ".fresh-"
"""What is being written begins with this; no key may."""
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")


@attrs.frozen(slots=True)
class Kept:
    """An object."""

    key: str
    path: Path
    size: int
    modified: float

    @property
    def etag(self) -> str:
        """As S3 makes it of what was put in one piece."""
        return f'"{hashlib.md5(self.path.read_bytes(), usedforsecurity=False).hexdigest()}"'


class Shelf:
    """See the module. Keys that are no path inside their bucket's folder raise ``ValueError``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, bucket: str, key: str) -> Path:
        """Where an object is, or would be."""
        parts = key.split("/")
        if _BUCKET.fullmatch(bucket) is None or not all(parts):
            raise ValueError(f"no place for files: {bucket!r}, {key!r}")
        if any(part in (".", "..") or part.startswith(FRESH) or "\0" in part for part in parts):
            raise ValueError(f"no key for a file: {key!r}")
        return self.folder / bucket / key

    def put(self, bucket: str, key: str, data: bytes) -> Kept:
        """Keep an object: whole or not at all."""
        place = self.place(bucket, key)
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(FRESH + place.name)
        fresh.write_bytes(data)
        os.replace(fresh, place)
        return self._kept(key, place)

    def get(self, bucket: str, key: str) -> Kept | None:
        """An object."""
        place = self.place(bucket, key)
        return self._kept(key, place) if place.is_file() else None

    def delete(self, bucket: str, key: str) -> None:
        """Forget an object, and folders that are empty then."""
        place = self.place(bucket, key)
        place.unlink(missing_ok=True)
        for parent in place.parents:
            if parent == self.folder / bucket or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()

    def all(self, bucket: str, prefix: str) -> Iterator[Kept]:
        """Every object whose key begins so, in the order of keys."""
        if _BUCKET.fullmatch(bucket) is None:
            raise ValueError(f"no bucket for files: {bucket!r}")
        top = self.folder / bucket
        found = (place for place in top.rglob("*") if place.is_file() and not place.name.startswith(FRESH)) if top.is_dir() else ()
        keys = sorted((place.relative_to(top).as_posix(), place) for place in found)
        return (self._kept(key, place) for key, place in keys if key.startswith(prefix))

    def _kept(self, key: str, place: Path) -> Kept:
        stat = place.stat()
        return Kept(key, place, stat.st_size, stat.st_mtime)
