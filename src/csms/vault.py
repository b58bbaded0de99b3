"""Encrypts secrets that the store keeps: AES-256-GCM under keys that can be changed while the server runs."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from csms.config import Config
from csms.core.errors import CsmsError
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Ports, Random, ReadTx, Tx
from csms.core.vault import NoKey

KEY_BYTES = 32
NONCE_BYTES = 12
"""GCM's own (NIST SP 800-38D §8.2.1); random, so that one key may seal 2**32 secrets."""
PREFIX = "v1"
PAGE = 100

log = structlog.get_logger("csms.vault")


@attrs.frozen(slots=True)
class SealedColumn:
    """A column that holds sealed text, of a table with an integer ``id``."""

    table: str
    column: str
    id: str = "id"


SEALED: tuple[SealedColumn, ...] = (
    SealedColumn("users", "totp_sealed"),
    SealedColumn("tenants", "bank_sealed"),
    SealedColumn("erasures", "sealed"),
    SealedColumn("bulk_commands", "sealed"),
    SealedColumn("webhooks", "secret"),
    SealedColumn("webhooks", "previous_secret"),
    SealedColumn("messages", "secrets"),
    SealedColumn("payment_gateways", "key_sealed"),
    SealedColumn("payment_gateways", "webhook_sealed"),
    SealedColumn("saved_methods", "sealed"),
)
"""Every sealed column: what is encrypted anew after a change of keys. A slice that seals adds its own."""


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def name_of(key: bytes) -> str:
    """A key's name: what sealed text says it needs. It tells nothing about the key."""
    return hashlib.sha256(b"csms vault key " + key).hexdigest()[:8]


class KeyedVault:
    """``core.ports.Vault`` with keys in memory."""

    def __init__(self, keys: list[bytes]) -> None:
        self.use(keys)

    def use(self, keys: list[bytes]) -> None:
        """Take these keys from now on, the first for sealing. Raises ``ValueError`` for none, or one that is no key."""
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a key has {KEY_BYTES} bytes, and there must be one")
        self._ciphers = {name_of(key): AESGCM(key) for key in reversed(keys)}
        self._current = name_of(keys[0])

    @property
    def current(self) -> str:
        """The name of the key that seals."""
        return self._current

    def seal(self, text: str, /) -> str:
        """Encrypt; the result says by its beginning which key opens it."""
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._ciphers[self._current]
        head = f"{PREFIX}.{self._current}"
        return f"{head}.{_text(nonce + cipher.encrypt(nonce, text.encode(), head.encode()))}"

    def open(self, sealed: str, /) -> str:
        """Decrypt. Raises ``NoKey`` where its key is not here any more, or where it was altered."""
        head, _, rest = sealed.rpartition(".")
        cipher = self._ciphers.get(head.removeprefix(f"{PREFIX}."))
        if cipher is None:
            raise NoKey("a secret was encrypted with a key that is not configured any more ([secrets] keys)")
        try:
            data = _decoded(rest)
            return cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], head.encode()).decode()
        except (InvalidTag, ValueError):
            raise NoKey("a secret in the store does not open: it was altered") from None

    def is_current(self, sealed: str, /) -> bool:
        """Whether it is sealed with the key that seals now."""
        return sealed.startswith(f"{PREFIX}.{self._current}.")


@attrs.define(slots=True, eq=False)
class FileKeys:
    """The keys of a file, looked at again when it changed."""

    file: Path
    vault: KeyedVault
    seen: tuple[int, int] = (0, 0)

    async def look(self, ports: Ports) -> None:
        """Take changed keys; a file that cannot be read leaves things as they are."""
        try:
            stat = self.file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if stamp == self.seen:
                return
            keys = await ports.blocking.run("file", read_keys, self.file)
            if self.seen != (0, 0):
                self.vault.use(keys)
                log.info("vault.keys_changed", keys=len(keys))
            self.seen = stamp
        except (OSError, ValueError) as error:
            log.error("vault.keys_unreadable", file=self.file.name, reason=str(error))


def read_keys(file: Path) -> list[bytes]:
    """The keys of a file, one a line. Raises ``OSError`` or ``ValueError``."""
    return [_decoded(line.strip()) for line in file.read_text(encoding="ascii").splitlines() if line.strip()]


def write_keys(file: Path, keys: list[str]) -> None:
    """Replace a key file in one step, with mode 0600. Raises ``OSError``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write("".join(f"{key}\n" for key in keys))
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)


def key_file(config: Config) -> Path:
    """Where the keys are kept that the configuration does not name."""
    return config.folder / config.secrets.key_file


def open_vault(config: Config, random: Random) -> KeyedVault:
    """The vault of a configuration; makes the key file on first start. Raises ``CsmsError`` for keys that are none."""
    file = key_file(config)
    try:
        if config.secrets.keys:
            return KeyedVault([_decoded(key) for key in config.secrets.keys])
        if not file.exists():
            write_keys(file, [_text(hashlib.sha256(random.token(KEY_BYTES).encode()).digest())])  # whatever a token looks like
        return KeyedVault(read_keys(file))
    except ValueError as error:
        raise CsmsError(f"the keys of [secrets] cannot be used: {error}") from None


# --- after a change of keys -----------------------------------------------------------------------------------------------------


def stale(tx: ReadTx, column: SealedColumn, after: int) -> list[tuple[int, str]]:
    """Some rows of a sealed column, by id."""
    rows = tx.system("secrets of all tenants are encrypted anew").all(
        f"SELECT {column.id} AS id, {column.column} AS sealed FROM {column.table}"  # noqa: S608 (names from the table above)
        f" WHERE {column.column} <> '' AND {column.id} > :after ORDER BY {column.id} LIMIT :limit",
        after=after,
        limit=PAGE,
    )
    return [(row["id"], row["sealed"]) for row in rows]


def used_keys(sealed: Iterable[str]) -> Iterator[str]:
    """The names of the keys that sealed these."""
    for each in sealed:
        yield each.split(".")[1] if each.startswith(f"{PREFIX}.") else ""


def replace(tx: Tx, column: SealedColumn, anew: list[tuple[int, str, str]]) -> None:
    """Put secrets in the place of the same ones; one that changed meanwhile stays."""
    tx.system("secrets of all tenants are encrypted anew").many(
        f"UPDATE {column.table} SET {column.column} = :anew WHERE {column.id} = :id AND {column.column} = :before",  # noqa: S608
        [{"id": row, "before": before, "anew": after} for row, before, after in anew],
    )


async def reseal(vault: KeyedVault, ports: Ports) -> int:
    """Encrypt anew what an older key sealed; how many secrets. What no key opens is left as it is, and said."""
    done = 0
    for column in SEALED:
        after = 0
        while rows := await ports.database.read(stale, column, after, tenant=DEFAULT_TENANT):
            after = rows[-1][0]
            anew = []
            for row, sealed in rows:
                if not vault.is_current(sealed):
                    try:
                        anew.append((row, sealed, vault.seal(vault.open(sealed))))
                    except NoKey as error:
                        log.error("vault.unreadable", table=column.table, id=row, reason=str(error))
            if anew:
                await ports.database.write(replace, column, anew, tenant=DEFAULT_TENANT)
                done += len(anew)
    if done:
        log.info("vault.sealed_anew", secrets=done)
    return done


@attrs.define(slots=True, eq=False)
class Rotation:
    """The job that follows changes of the key file: new keys are taken, and what older ones sealed is encrypted anew."""

    vault: KeyedVault
    keys: FileKeys | None
    settled: str = ""
    """The key under which everything was sealed when it was looked at last."""

    async def turn(self, ports: Ports) -> None:
        """One look."""
        if self.keys is not None:
            await self.keys.look(ports)
        if self.settled != self.vault.current:
            current = self.vault.current
            await reseal(self.vault, ports)
            self.settled = current


def rotation(config: Config, ports: Ports) -> Rotation | None:
    """The job of a server whose vault has keys of ours."""
    if not isinstance(ports.vault, KeyedVault):
        return None
    return Rotation(ports.vault, None if config.secrets.keys else FileKeys(key_file(config), ports.vault))
