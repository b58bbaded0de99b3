"""Keys of the server's own: where the command line and the server find the same ones."""

from __future__ import annotations

import os
from pathlib import Path

from .sections import Config


def operator_key(config: Config) -> str:
    """The key that opens the management API: ``api.key``, else what ``api.key_file`` holds, else ``""``.

    Raises ``OSError`` when the file is there and cannot be read.
    """
    if config.api.key:
        return config.api.key
    return _kept(config.folder / config.api.key_file)


def make_operator_key(config: Config, fresh: str) -> str:
    """The operator key; when there was none, ``fresh``, kept in ``api.key_file`` with mode 0600.

    Of two processes that start at once, one makes the file and the other reads it. Raises ``OSError`` when it cannot be written.
    """
    return operator_key(config) or _made(config.folder / config.api.key_file, fresh)


def make_files_key(config: Config, fresh: str) -> str:
    """The key that signs links to files, kept in ``files.key_file``; when there was none, ``fresh``. Raises ``OSError``."""
    file = config.folder / config.files.key_file
    return _kept(file) or _made(file, fresh)


def make_identity_key(config: Config, fresh: str) -> str:
    """The secret that signs access tokens: ``identity.key``, else what ``identity.key_file`` keeps, else ``fresh``. Raises ``OSError``."""
    if config.identity.key:
        return config.identity.key
    file = config.folder / config.identity.key_file
    return _kept(file) or _made(file, fresh)


def _kept(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _made(file: Path, fresh: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists():
        file.unlink()  # it was empty: left by a crash or a full disk
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept(file) or fresh
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(fresh + "\n")
    return fresh
