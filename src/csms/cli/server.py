"""The running server, as the command line talks to it: its management API with the operator key."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote

import attrs
import click
import httpx
import msgspec

from csms.config import Config, operator_key
from csms.config.checks import is_local
from csms.core.units import iso, parse_instant

from .exits import Exit, Failure

F = TypeVar("F", bound=Callable[..., Any])

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0
DOWNLOAD_TIMEOUT_S = 300.0
QUIET_TIMEOUT_S = 60.0
"""Longest silence of a live feed; the server says that it is still there every 15 s."""


class Unreachable(Failure):
    """No server answers where the configuration says it listens."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"no server answers at {url}: {why} (`csms serve` starts one; --server URL names another)", Exit.NO_SERVER)


def server_option(function: F) -> F:
    """Add ``--server``."""
    return click.option(
        "--server", metavar="URL", envvar="CSMS_SERVER", help="The running server's API [default: as configured; env CSMS_SERVER]."
    )(function)


def segment(text: str) -> str:
    """A charger id (or anything) as one segment of a path."""
    return quote(text, safe="")


@attrs.frozen
class Event:
    """One server-sent event, its data decoded. ``id`` is the last id that was told; one without ``kind`` tells nothing else."""

    kind: str
    data: Any
    id: str = ""


class Server:
    """A client of one server; the key is sent to no other."""

    def __init__(self, config: Config, url: str | None = None) -> None:
        self.url = (url or url_of(config)).rstrip("/")
        self._key = operator_key(config)
        self._verify: ssl.SSLContext | bool = trust(config) if url is None and config.api.tls_certificate else True

    def call(
        self, method: str, path: str, body: Any = None, *, timeout_s: float = ANSWER_TIMEOUT_S, accept: frozenset[int] = frozenset()
    ) -> Any:
        """One request; the JSON of its answer.

        Raises ``Unreachable`` when nobody answers, ``Failure`` with the server's words for a status of 400 and above, unless it is
        among ``accept``.
        """
        with self._client(timeout_s) as client, self._reached():
            content = None if body is None else msgspec.json.encode(_instants(body, _as_written))
            response = client.request(method, path, content=content, headers={"Content-Type": "application/json"} if body else {})
            self._check(response, accept)
            return _instants(_json(response.content), _as_number)

    def download(self, method: str, path: str, into: BinaryIO, *, timeout_s: float = DOWNLOAD_TIMEOUT_S) -> int:
        """What a request answers, written to a file as it comes; how many bytes. Raises like ``call``."""
        size = 0
        with self._client(timeout_s) as client, self._reached(), client.stream(method, path) as response:
            if response.status_code >= 400:
                response.read()
            self._check(response, frozenset())
            for piece in response.iter_bytes():
                size += into.write(piece)
        return size

    def events(self, path: str, parameters: dict[str, str]) -> Iterator[Event]:
        """A live feed, until the server ends it. Raises like ``call``."""
        with (
            self._client(QUIET_TIMEOUT_S) as client,
            self._reached(),
            client.stream("GET", path, params=parameters, headers={"Accept": "text/event-stream"}) as response,
        ):
            if response.status_code >= 400:
                response.read()
            self._check(response, frozenset())
            yield from parsed(response.iter_lines())

    def _client(self, timeout_s: float) -> httpx.Client:
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            verify=self._verify,
            trust_env=False,
        )

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ReadTimeout, httpx.WriteTimeout):
            raise Failure(f"the server at {self.url} took too long to answer", Exit.NO_SERVER) from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise Unreachable(self.url, re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__) from None
        except httpx.TransportError as error:
            raise Failure(f"lost the server at {self.url}: {error or type(error).__name__}", Exit.NO_SERVER) from None

    def _check(self, response: httpx.Response, accept: frozenset[int]) -> None:
        if response.status_code < 400 or response.status_code in accept:
            return
        if response.status_code in (401, 403):
            raise Failure(
                f"the server at {self.url} does not take our operator key: is this its configuration (--config, CSMS_API_KEY)?",
                Exit.NO_SERVER,
            )
        raise Failure(_problem(response), Exit.USAGE if response.status_code == 422 else Exit.FAILED)


def _json(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content) if content else None
    except msgspec.DecodeError:
        raise Failure("the answer is not of a csms server: no JSON", Exit.NO_SERVER) from None


def _instants(data: Any, convert: Callable[[Any], Any], name: str = "") -> Any:
    """Data with its instants converted: the API writes them in ISO 8601, the command line reckons in milliseconds."""
    if isinstance(data, dict):
        return {key: _instants(value, convert, key) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_instants(value, convert) for value in data]
    return convert(data) if name == "at" or name.endswith("_at") else data


def _as_written(value: Any) -> Any:
    return iso(value) if type(value) is int else value


def _as_number(value: Any) -> Any:
    try:
        return parse_instant(value)[0] if isinstance(value, str) else value
    except ValueError:
        return value


def _problem(response: httpx.Response) -> str:
    """What a problem document (RFC 9457) says, in one line."""
    try:
        page = msgspec.json.decode(response.content)
        words = str(page.get("detail") or page["title"])
        fields = [f"{error['field']}: {error['message']}" for error in page.get("errors", []) if error.get("field")]
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return f"the server answered {response.status_code} {response.reason_phrase}"
    return "; ".join([words, *fields])


def parsed(lines: Iterator[str]) -> Iterator[Event]:
    """Server-sent events (WHATWG HTML §9.2.6) out of lines; comments are skipped, and so is an event that is cut off."""
    kind, last, told = "message", "", ""
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield Event(kind, _json("\n".join(data).encode()), last)
            elif last != told:
                yield Event("", None, last)
            kind, data, told = "message", [], last
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif name == "id":
            last = value


def url_of(config: Config) -> str:
    """Where the configured server's API is reached from this machine. Raises ``Failure`` when the configuration does not say."""
    host, port = config.api.host, config.api.port
    if port == 0:
        raise Failure("api.port is 0, any free port: say with --server URL where the server listens", Exit.USAGE)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound: a listener on all is reached by loopback
    scheme = "https" if config.api.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def trust(config: Config) -> ssl.SSLContext:
    """Trust the server's own certificate, as configured, besides the usual authorities.

    On this machine its name need not match: nobody is in between, and the certificate itself is the one we know.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=config.api.tls_certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    host = config.api.host
    if is_local(host) or host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        context.check_hostname = False
    return context
