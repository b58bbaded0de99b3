"""A server that prices, settles and takes payments, as a process that a test kills: ``settling_server.py FOLDER API OCPP STORE``.

Its rounds are hurried, so that everything comes to its end within seconds."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import attrs
import trio

import csms_razorpay
import csms_tariff
from csms import app
from csms.config import ApiConfig, DatabaseConfig, LimitsConfig, LogConfig, OcppConfig
from csms.domain.payments.service import timing
from csms.plugins import Installed
from csms.telemetry import configure_logging
from csms.testing.server import config_for

KEY = "operator-key-of-a-test"
PLUGINS = {"tariff": csms_tariff, "razorpay": csms_razorpay}


async def main(folder: Path, api: int, ocpp: int, store: str) -> None:
    config = config_for(
        folder,
        api=ApiConfig(port=api, key=KEY),
        ocpp=OcppConfig(port=ocpp, authentication=False, unknown_chargers="accepted"),
        database=DatabaseConfig(url=store, pool_size=4),
        log=LogConfig(level="info", format="json"),
        limits=LimitsConfig(address_per_min=0, caller_per_min=0, tenant_per_min=0, auth_per_min=0),
    )
    configure_logging(config.log)  # to standard error: who started us waits for one line on the other
    settings = {"razorpay": {"allowed_hosts": ["127.0.0.1"], "timeout_s": 5.0}}
    plugins = attrs.evolve(config.plugins, enabled=tuple(PLUGINS), settings=settings)
    available = {name: Installed(name, "1.0", partial(_same, plugin)) for name, plugin in PLUGINS.items()}
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(app.run, attrs.evolve(config, plugins=plugins), available=available))
        sys.stdout.write("ready\n")
        sys.stdout.flush()


def _same(plugin: object) -> object:
    return plugin


if __name__ == "__main__":
    timing.LEASE_MS = timing.FIRST_LOOK_MS = timing.FIRST_RETRY_MS = 700
    timing.REFUND_LOOK_MS = 700
    trio.run(main, Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
