"""``csms serve``: the server."""

from __future__ import annotations

import attrs
import click

from .exits import Exit, Failure
from .options import Invocation, common, examples


@examples(
    "csms serve",
    "csms serve --demo                          simulated chargers, to look around",
    "csms serve --config /etc/csms/csms.toml",
    "CSMS_OCPP_HOST=0.0.0.0 csms serve          chargers of other machines, too",
)
@click.command()
@click.option("--demo", is_flag=True, help="Fill an empty database with an example and run simulated chargers against the server.")
@common
def serve(call: Invocation, demo: bool) -> None:
    """Run the server.

    It runs until it is told to stop (Ctrl+C, SIGTERM). Without configuration it keeps its data in csms.db in the working folder, and listens on this machine only: chargers on
    ws://127.0.0.1:9000/ocpp/CHARGER-ID, the API on http://127.0.0.1:8080. Migrations are applied on start. With --json the log is in JSON.
    """
    config = call.config
    if demo and config.profile == "production":
        raise Failure("--demo is not for production: choose another profile", Exit.USAGE)
    if call.json:
        config = attrs.evolve(config, log=attrs.evolve(config.log, format="json"))
    from csms import app

    app.serve(config, demo=demo)
