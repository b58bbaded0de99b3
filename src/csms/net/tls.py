"""TLS towards chargers: the server's certificates, the authorities behind client certificates, and reading both anew.

Security profiles 2 and 3 of the 1.6 security whitepaper (§2.4, §2.5), which OCPP 2.0.1 shares.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs
import structlog
import trio
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from csms.config import OcppConfig
from csms.core.ports import Blocking

T = TypeVar("T")

CIPHERS = "@SECLEVEL=2:ECDHE+AESGCM:AES128-GCM-SHA256:AES256-GCM-SHA384"
"""The four suites of A00.FR.317 and ECDHE with RSA, those with forward secrecy first; TLS 1.3 brings its own.

The two ``TLS_RSA`` ones (here without a prefix) have no forward secrecy, and Python leaves them out, but OpenSSL allows them at level 2, its
usual one: keys of at least 2048 bits, or 224 on a curve (A00.FR.502, A00.FR.503), and no SHA-1 signatures. At level 3, which the operating
system's policy may ask for, they would be gone, and chargers that know nothing else with them; so the level is named.
"""
READ_LIMIT_S = 30.0

log = structlog.get_logger("csms.net")


@attrs.frozen(slots=True)
class Loaded:
    """A server context, and a digest of the files it was made from."""

    context: ssl.SSLContext
    digest: bytes


class ChargerTls:
    """The server context for new connections, made anew when a file changes; connections that stand keep theirs.

    A change that cannot be used is logged, and what was in force stays. Raises ``OSError``, naming the file, when one cannot be used
    at start. ``blocking`` reads files in its threads; without one they are read at once.
    """

    def __init__(self, config: OcppConfig, blocking: Blocking | None = None, *, authorities: Sequence[str] = ()) -> None:
        self._config = config
        self._blocking = blocking
        self._authorities = tuple(authorities)
        self._loaded = load(config, self._authorities)
        self._trouble = ""
        self._lock = trio.Lock()

    @property
    def context(self) -> ssl.SSLContext:
        """What the next connection is served with."""
        return self._loaded.context

    async def trust(self, authorities: Sequence[str]) -> None:
        """Trust client certificates of these authorities (PEM texts), too, in place of those that were given before.

        They stand beside the files of ``ocpp.tls_client_ca``. Raises ``OSError`` when one cannot be used; then nothing changes.
        """
        async with self._lock:
            self._loaded = await self._read(load, self._config, tuple(authorities))
            self._authorities = tuple(authorities)

    async def reload(self) -> bool:
        """Look at the files now; True when changed ones are in force. What is wrong with them is logged once, and never raised."""
        async with self._lock:
            try:
                if await self._read(digest, self._config) == self._loaded.digest:
                    self._trouble = ""
                    return False
                self._loaded = await self._read(load, self._config, self._authorities)
            except OSError as error:
                self._told(str(error))
                return False
            except Exception as error:  # no file may end the server that was told to watch it
                self._told(repr(error), exc_info=error)
                return False
            self._trouble = ""
            log.info("tls.reloaded", certificate=self._config.tls_certificate)
            return True

    def _told(self, trouble: str, **more: Any) -> None:
        if trouble != self._trouble:
            log.error("tls.not_reloaded", reason=trouble, hint="the files read before stay in force", **more)
        self._trouble = trouble

    async def watch(self) -> None:
        """Look at the files every ``ocpp.tls_reload_s``, for ever."""
        while True:
            await trio.sleep(self._config.tls_reload_s)
            await self.reload()

    async def _read(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function that reads files. Raises ``OSError`` also when that takes too long."""
        if self._blocking is None:
            return function(*arguments)
        try:
            with trio.fail_after(READ_LIMIT_S):
                return await self._blocking.run("file", function, *arguments)
        except trio.TooSlowError:
            raise OSError(f"reading the TLS files took longer than {READ_LIMIT_S:g} s") from None


class TlsListener(trio.abc.Listener[trio.SSLStream[trio.SocketStream]]):
    """Accepts connections with the context of the moment; the handshake is left to whoever serves them."""

    def __init__(self, sockets: trio.SocketListener, tls: ChargerTls) -> None:
        self._sockets = sockets
        self._tls = tls

    async def accept(self) -> trio.SSLStream[trio.SocketStream]:
        """The next connection."""
        stream = await self._sockets.accept()
        return trio.SSLStream(stream, self._tls.context, server_side=True, https_compatible=True)

    async def aclose(self) -> None:
        """Close the listening socket."""
        await self._sockets.aclose()


# --- reading the files, in a thread ---------------------------------------------------------------------------------------------


def digest(config: OcppConfig) -> bytes:
    """A digest of every TLS file. Raises ``OSError`` when one cannot be read."""
    found = hashlib.sha256()
    for file in (*(each for pair in _pairs(config) for each in pair), *config.tls_client_ca):
        found.update(hashlib.sha256(Path(file).read_bytes()).digest())
    return found.digest()


def load(config: OcppConfig, authorities: Sequence[str] = ()) -> Loaded:
    """A server context for TLS 1.2 or later. Raises ``OSError``, naming the file, when one cannot be used."""
    # first: files that are written to meanwhile differ from it, and are read again
    read = digest(config)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(CIPHERS)
    kinds: dict[str, str] = {}
    for certificate, key in _pairs(config):
        try:
            context.load_cert_chain(certificate, key or None, password=_no_passphrase)
            kind = type(x509.load_pem_x509_certificates(Path(certificate).read_bytes())[0].public_key()).__name__
        except (OSError, ValueError, IndexError, UnsupportedAlgorithm) as error:
            raise OSError(f"TLS certificate {certificate!r} with key {key!r}: {error}") from error
        if kind in kinds:
            raise OSError(
                f"TLS certificates {kinds[kind]!r} and {certificate!r}: of two, one must have an ECDSA and one an RSA key"
            )
        kinds[kind] = certificate
    for file in config.tls_client_ca:
        try:
            context.load_verify_locations(cafile=file)
        except OSError as error:
            raise OSError(f"certificate authority {file!r}: {error}") from error
    for pem in authorities:
        try:
            context.load_verify_locations(cadata=pem)
        except (OSError, ValueError) as error:
            raise OSError(f"a certificate authority given as text: {error}") from error
    if config.tls_client_ca or authorities:
        # optional: chargers on profile 2 show none; what is shown and cannot be verified ends the handshake (A00.FR.403, A00.FR.407)
        context.verify_mode = ssl.CERT_OPTIONAL
        # an authority on the list is trusted even if another one has signed it
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return Loaded(context, read)


def _pairs(config: OcppConfig) -> list[tuple[str, str]]:
    pairs = [(config.tls_certificate, config.tls_key), (config.tls_second_certificate, config.tls_second_key)]
    return [pair for pair in pairs if pair[0]]


def _no_passphrase() -> str:
    """Asked by OpenSSL for the passphrase of a key file; it would otherwise ask on the terminal, and wait."""
    raise OSError("the key is encrypted: give it without a passphrase")
