"""The command line of the SMTP stub."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import trio

from simulators.options import GroupedCommand, in_group, option
from simulators.serving import serve

from .server import SmtpStub

HELP = "A mail server of one's own: nothing is sent."
EPILOG = """\b
Examples:
  python -m simulators.smtp --smtp-port 8025 --port 8804 --folder mails
  curl http://127.0.0.1:8804/stub/outbox
"""
FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)


@click.command("simulators.smtp", cls=GroupedCommand, help=HELP, epilog=EPILOG)
@in_group(
    "Where",
    option("--host", default="127.0.0.1", show_default=True, help="address to listen on"),
    option("--smtp-port", default=8025, show_default=True, type=click.IntRange(0, 65535), help="port for SMTP, 0 for any"),
    option("--port", default=8804, show_default=True, type=click.IntRange(0, 65535), help="port for the outbox, 0 for any"),
    option("--folder", type=FOLDER, help="folder for the mails, as .eml files"),
)
@in_group(
    "Who may send",
    option("--user", default="", help="a user who must log in"),
    option("--password", default="", envvar="SMTP_PASSWORD", help="the user's password"),
    option("--starttls", type=FOLDER, help="offer STARTTLS; a folder for its key and certificate (smtp.pem, to be trusted)"),
    option("--require-tls", is_flag=True, help="take nothing without it"),
)
def command(
    host: str,
    smtp_port: int,
    port: int,
    folder: Path | None,
    user: str,
    password: str,
    starttls: Path | None,
    require_tls: bool,
) -> int:
    """Serve until a signal comes."""

    async def start(nursery: trio.Nursery) -> None:
        stub = SmtpStub(folder=folder, user=user, password=password, tls=starttls, require_tls=require_tls)
        await nursery.start(partial(stub.serve_tcp, port, smtp_port=smtp_port, host=host))
        print(f"listening on smtp://{host}:{stub.smtp_port} and http://{host}:{stub.web.port}", flush=True)

    return serve(start)
