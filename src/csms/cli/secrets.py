"""``csms secrets``: the keys that encrypt what the store keeps secret, and changing them while the server runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from csms.config import Config
from csms.core.ports import ReadTx
from csms.outside import SystemEntropy
from csms.vault import KEY_BYTES, SEALED, key_file, name_of, read_keys, stale, used_keys, write_keys

from . import show
from .exits import Exit, Failure
from .options import Invocation, common, examples
from .store import read


@click.group()
def secrets() -> None:
    """Keys that encrypt secrets in the database.

    \b
    Changing the key while the server runs:
      csms secrets rotate      a new key seals from now on; within a minute the server encrypts everything anew
      csms secrets status      which keys are still needed
      csms secrets forget      takes away the keys that are not
    With keys in the configuration or in CSMS_SECRETS_KEYS put a new one (csms secrets key) before the old ones and restart.
    """


def _file(config: Config) -> Path:
    if config.secrets.keys:
        raise Failure("the keys are in the configuration ([secrets] keys): change them there", Exit.USAGE)
    return key_file(config)


def _keys(file: Path) -> list[bytes]:
    try:
        return read_keys(file)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise Failure(f"the key file {file} cannot be read: {error}", Exit.FAILED) from None


def _needed(config: Config) -> Counter[str]:
    """How many secrets each key sealed, by the key's name."""

    def query(tx: ReadTx) -> Counter[str]:
        found: Counter[str] = Counter()
        for column in SEALED:
            after = 0
            while rows := stale(tx, column, after):
                after = rows[-1][0]
                found.update(used_keys(sealed for _, sealed in rows))
        return found

    return read(config, query)


@examples("csms secrets key")
@secrets.command()
@common
def key(call: Invocation) -> None:
    """Print a fresh key, for [secrets] keys or CSMS_SECRETS_KEYS."""
    fresh = SystemEntropy().token(KEY_BYTES)
    show.done(call.json, fresh, key=fresh)


@examples("csms secrets rotate")
@secrets.command()
@common
def rotate(call: Invocation) -> None:
    """Put a fresh key before the others in the key file."""
    file = _file(call.config)
    _keys(file)
    kept = file.read_text(encoding="ascii").split() if file.exists() else []
    write_keys(file, [SystemEntropy().token(KEY_BYTES), *kept])
    current = name_of(read_keys(file)[0])
    show.done(
        call.json,
        f"Key {current} seals from now on. A running server takes it within a minute and encrypts everything anew; "
        "then: csms secrets forget",
        key=current,
        keys=len(kept) + 1,
    )


@examples("csms secrets status", "csms secrets status --json")
@secrets.command()
@common
def status(call: Invocation) -> None:
    """Show the keys, and how many secrets each has sealed."""
    keys = _keys(_file(call.config))
    needed = _needed(call.config)
    names = [name_of(each) for each in keys]
    listed = [
        {"key": name, "use": "seals" if number == 0 else "opens", "secrets": needed.get(name, 0)}
        for number, name in enumerate(names)
    ]
    listed += [{"key": name, "use": "missing", "secrets": count} for name, count in needed.items() if name not in names]
    show.rows(call.json, listed, ["key", "use", "secrets"], empty="no key yet: csms init makes one")


@examples("csms secrets forget")
@secrets.command()
@common
def forget(call: Invocation) -> None:
    """Take away the keys that no secret needs any more."""
    file = _file(call.config)
    keys = _keys(file)
    texts = file.read_text(encoding="ascii").split() if keys else []
    needed = _needed(call.config)
    kept = [text for number, (text, each) in enumerate(zip(texts, keys, strict=True)) if number == 0 or needed.get(name_of(each))]
    if len(kept) < len(texts):
        write_keys(file, kept)
    show.done(call.json, f"Took away {len(texts) - len(kept)} keys, kept {len(kept)}", forgotten=len(texts) - len(kept))
