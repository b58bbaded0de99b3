"""The peer: python-ocpp on ``websockets`` with empty handlers and no storage."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sys
from collections.abc import Callable
from typing import Any

import websockets
from ocpp import routing
from ocpp.v16 import ChargePoint, call_result

from . import proc

Handler = Callable[..., Any]
on: Callable[[str], Callable[[Handler], Handler]] = routing.on  # the package has no types
NOW = "2026-01-31T12:00:00Z"
TRANSACTION_IDS = itertools.count(1)


class EmptyHandlers(ChargePoint):  # type: ignore[misc]
    """Answers everything and keeps nothing."""

    @on("BootNotification")
    def on_boot(self, **_: Any) -> Any:
        """Accept."""
        return call_result.BootNotification(current_time=NOW, interval=300, status="Accepted")

    @on("Heartbeat")
    def on_heartbeat(self, **_: Any) -> Any:
        """Tell the time."""
        return call_result.Heartbeat(current_time=NOW)

    @on("StatusNotification")
    def on_status(self, **_: Any) -> Any:
        """Acknowledge."""
        return call_result.StatusNotification()

    @on("MeterValues")
    def on_meter_values(self, **_: Any) -> Any:
        """Acknowledge."""
        return call_result.MeterValues()

    @on("StartTransaction")
    def on_start(self, **_: Any) -> Any:
        """Accept."""
        return call_result.StartTransaction(transaction_id=next(TRANSACTION_IDS), id_tag_info={"status": "Accepted"})

    @on("StopTransaction")
    def on_stop(self, **_: Any) -> Any:
        """Acknowledge."""
        return call_result.StopTransaction()


async def handle(connection: Any) -> None:
    """One charger."""
    charge_point = EmptyHandlers(connection.request.path.rpartition("/")[2], connection)
    with contextlib.suppress(websockets.ConnectionClosed):
        await charge_point.start()


async def main() -> None:
    """Serve until killed; the first line on standard output is the port."""
    logging.disable(logging.CRITICAL)
    proc.allow_many_files()
    async with websockets.serve(
        handle, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol("ocpp1.6")], ping_interval=None, compression=None, backlog=4096
    ) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
