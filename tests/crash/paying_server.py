"""A server with the plugin of Razorpay, as a process that a test kills: ``python paying_server.py FOLDER PORT``. Its rounds are hurried."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import attrs
import trio

import csms_razorpay
from csms import app
from csms.config import ApiConfig, LimitsConfig, LogConfig
from csms.domain.payments.service import timing
from csms.plugins import Installed
from csms.telemetry import configure_logging
from csms.testing.server import config_for

KEY = "operator-key-of-a-test"


async def main(folder: Path, port: int) -> None:
    config = config_for(
        folder,
        api=ApiConfig(port=port, key=KEY),
        log=LogConfig(level="info", format="json"),
        limits=LimitsConfig(address_per_min=0, caller_per_min=0, tenant_per_min=0, auth_per_min=0),
    )
    configure_logging(config.log)  # to standard error: who started us waits for one line on the other
    settings = {"razorpay": {"allowed_hosts": ["127.0.0.1"], "timeout_s": 5.0}}
    plugins = attrs.evolve(config.plugins, enabled=("razorpay",), settings=settings)
    available = {"razorpay": Installed("razorpay", "1.0", lambda: csms_razorpay)}
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(app.run, attrs.evolve(config, plugins=plugins), available=available))
        sys.stdout.write("ready\n")
        sys.stdout.flush()


if __name__ == "__main__":
    timing.LEASE_MS = timing.FIRST_LOOK_MS = timing.FIRST_RETRY_MS = 700
    timing.REFUND_LOOK_MS = 700
    trio.run(main, Path(sys.argv[1]), int(sys.argv[2]))
