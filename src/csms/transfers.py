"""The file server of a running system: the files it keeps, where it listens, and what it counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import trio

from csms.api.files import Desk, FileServer, hypercorn_config
from csms.api.serving import serve
from csms.config import Config, make_files_key
from csms.core.files import Files, NoFiles
from csms.core.ports import Blocking, Ports, Random
from csms.files import LocalFiles
from csms.telemetry import Reading, Telemetry

SEND_LIMIT_S = 120.0
"""A charger on a mobile network may take a while for a piece of a file."""
SPARE_CONNECTIONS = 50
"""Connections besides those with a transfer: to be told to come again."""


def open_files(config: Config, blocking: Blocking, random: Random) -> Files:
    """The files port of a configuration. Makes the signing key on first start. Raises ``OSError``."""
    if not config.files.enabled:
        return NoFiles()
    return LocalFiles(
        config.folder / config.files.folder,
        make_files_key(config, random.token(32)).encode(),
        blocking=blocking,
        random=random,
        reserve_bytes=config.files.reserve_bytes,
        url=config.files.public_url,
    )


def kept_files(config: Config, blocking: Blocking, random: Random) -> LocalFiles:
    """The folder alone, for who makes no links: the command line beside a running server."""
    folder = config.folder / Path(config.files.folder)
    return LocalFiles(folder, b"", blocking=blocking, random=random, reserve_bytes=config.files.reserve_bytes)


async def run(
    config: Config,
    ports: Ports,
    desk: Desk,
    telemetry: Telemetry,
    *,
    stopping: Callable[[], Awaitable[None]],
    done: trio.Event,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until ``stopping`` returns, then let transfers finish for the grace of a shutdown; ``done`` tells that it is over.

    Starts with the URL, "" where it is off. Raises ``OSError`` when it cannot listen.
    """
    files = ports.files
    try:
        if not isinstance(files, LocalFiles):
            task_status.started("")
            return
        server = FileServer(config.files, files, desk, ports.clock)
        _show(telemetry, server)
        async with trio.open_nursery() as nursery:
            (url, *_) = await nursery.start(_serve, server, config, stopping)
            files.url = config.files.public_url or url
            task_status.started(url)
    finally:
        done.set()


async def _serve(
    server: FileServer,
    config: Config,
    stopping: Callable[[], Awaitable[None]],
    *,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    await serve(
        server,
        hypercorn_config(config.files),
        host=config.files.host,
        port=config.files.port,
        grace_s=config.shutdown_grace_s,
        stopping=stopping,
        most_connections=config.files.max_transfers + SPARE_CONNECTIONS,
        send_limit_s=SEND_LIMIT_S,
        task_status=task_status,
    )


def _show(telemetry: Telemetry, server: FileServer) -> None:
    """Have ``/metrics`` read the server's own counters."""
    tally = server.tally
    for name, help, read, kind in (
        ("csms_files_open", "Transfers of files under way", lambda: tally.open, "gauge"),
        ("csms_files_fetched", "Files that chargers fetched", lambda: tally.fetched, "counter"),
        ("csms_files_sent_bytes", "Bytes of files sent to chargers", lambda: tally.sent_bytes, "counter"),
        ("csms_files_received", "Files that chargers sent and that were stored", lambda: tally.received, "counter"),
        ("csms_files_received_bytes", "Bytes of files received from chargers", lambda: tally.received_bytes, "counter"),
        ("csms_files_broken", "Transfers that chargers broke off", lambda: tally.broken, "counter"),
    ):
        telemetry.add(Reading(name, help, (), lambda read=read: [((), read())], kind))  # type: ignore[misc]  # bound as it is now

    def refused() -> Iterator[tuple[tuple[str, ...], float]]:
        for status, count in list(tally.refused.items()):
            yield (status,), count

    telemetry.add(Reading("csms_files_refused", "Requests for files that were refused", ("status",), refused, "counter"))
