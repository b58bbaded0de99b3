"""The command line of the S3 stub."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import trio

from simulators.options import GroupedCommand, in_group, option
from simulators.serving import serve

from .server import ACCESS_KEY, S3Stub

HELP = "An S3-compatible service of one's own: buckets are folders."
EPILOG = """\b
Examples:
  python -m simulators.s3 --port 8805 --folder buckets
"""


@click.command("simulators.s3", cls=GroupedCommand, help=HELP, epilog=EPILOG)
@in_group(
    "Where",
    option("--host", default="127.0.0.1", show_default=True, help="address to listen on"),
    option("--port", default=8805, show_default=True, type=click.IntRange(0, 65535), help="port to listen on, 0 for any"),
    option("--folder", required=True, type=click.Path(file_okay=False, exists=True, path_type=Path), help="where buckets are"),
    option("--access-key-id", default=ACCESS_KEY, show_default=True, help="who may ask; any secret will do"),
)
def command(host: str, port: int, folder: Path, access_key_id: str) -> int:
    """Serve until a signal comes."""

    async def start(nursery: trio.Nursery) -> None:
        stub = S3Stub(folder, access_key_id=access_key_id)
        await nursery.start(partial(stub.serve_tcp, port, host=host))
        print(f"listening on http://{host}:{stub.web.port}", flush=True)

    return serve(start)
