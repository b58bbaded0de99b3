"""``csms diagnostics``: diagnostics and security logs of chargers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import click
import trio

from csms.config import Config
from csms.core.errors import NotFound
from csms.core.ports import ReadTx
from csms.domain.upkeep.model import LogFile
from csms.domain.upkeep.model.uploads import DIAGNOSTICS, SECURITY, UploadsQuery
from csms.domain.upkeep.service.uploads import need_detail, need_upload
from csms.domain.upkeep.store import uploads as store
from csms.files import place_of, safe_name

from . import show
from .exits import Exit, Failure
from .options import Invocation, common, examples
from .send import ask, close, exit_code, words
from .server import segment, server_option
from .store import read
from .when import INSTANT

COLUMNS = ["id", "charger_id", "kind", "state", "status", "files", "size_bytes", "note", "created_at"]
FILE_COLUMNS = ["id", "file_name", "size_bytes", "sha256", "address", "received_at"]
LOOK_AGAIN_S = 0.5
PIECE_BYTES = 1024 * 1024


@click.group()
def diagnostics() -> None:
    """Diagnostics and security logs of chargers."""


@examples(
    "csms diagnostics get C1",
    "csms diagnostics get C1 --from 24h --wait 600",
    "csms diagnostics get C1 --security",
    "csms diagnostics get C1 --location ftp://user:password@files.example.org/logs/",
)
@diagnostics.command()
@click.argument("charger_id")
@click.option("--security", is_flag=True, help="The security log instead of diagnostics.")
@click.option("--from", "oldest_at", type=INSTANT, metavar="INSTANT", help="Nothing older: 2026-01-31, 24h, 7d.")
@click.option("--to", "latest_at", type=INSTANT, metavar="INSTANT", help="Nothing newer.")
@click.option("--location", default="", metavar="URL", help="Where the charger shall send it [default: here].")
@click.option("--retries", type=click.IntRange(0, 1000), help="How often the charger may try again.")
@click.option("--retry-interval", "retry_interval_s", type=click.IntRange(0, 86_400), metavar="SECONDS", help="Wait between tries.")
@click.option("--wait", "wait_s", type=click.FloatRange(0, 86_400), default=0.0, metavar="SECONDS", help="Wait until it is there.")
@server_option
@common
def get(call: Invocation, charger_id: str, security: bool, wait_s: float, server: str | None, **wish: Any) -> None:
    """Ask a charger for its diagnostics, through the running server.

    What came of it: `csms diagnostics list`. Exit code 4 means that the charger said no, 5 that it gave no answer.
    """
    body = {"kind": SECURITY if security else DIAGNOSTICS, **wish}
    answer = ask(call, server, "POST", f"chargers/{segment(charger_id)}/log-uploads", body)
    code, upload = exit_code(answer), answer["upload"]
    if wait_s and upload["closed_at"] is None:
        upload = trio.run(_arrived, call.config, upload["id"], wait_s)
        answer["upload"] = upload
        code = Exit.DONE if upload["state"] == "uploaded" else Exit.CHARGER_SILENT
    close(call, answer, f"{words(charger_id, upload['asked_by'], answer)}; upload {upload['id']}: {upload['state']}", code)


async def _arrived(config: Config, upload_id: int, wait_s: float) -> dict[str, Any]:
    until = trio.current_time() + wait_s
    while True:
        upload = await trio.to_thread.run_sync(lambda: attrs.asdict(read(config, lambda tx: need_upload(tx, upload_id))))
        if upload["closed_at"] is not None or trio.current_time() >= until:
            return upload
        await trio.sleep(LOOK_AGAIN_S)


@examples("csms diagnostics list", "csms diagnostics list --charger C1 --json")
@diagnostics.command("list")
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only what one charger was asked for.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@common
def list_some(call: Invocation, charger_id: str | None, limit: int) -> None:
    """List what was asked for, the newest first."""

    query = partial(store.list_uploads, query=UploadsQuery(charger_id=charger_id), limit=limit)
    found = [attrs.asdict(each) for each in read(call.config, query)]
    show.rows(call.json, found, COLUMNS, empty="There are none: csms diagnostics get CHARGER_ID")


@examples("csms diagnostics show 5")
@diagnostics.command("show")
@click.argument("upload_id", type=int)
@common
def show_one(call: Invocation, upload_id: int) -> None:
    """Show what was asked for, and the files that came."""
    facts = attrs.asdict(read(call.config, partial(need_detail, upload_id=upload_id)))
    files = facts.pop("files")
    if call.json:
        show.as_json(facts | {"files": files})
        return
    show.record(False, facts)
    if files:
        click.echo("\nFiles")
        show.rows(False, files, FILE_COLUMNS, empty="")


@examples(
    "csms diagnostics save 5                      under the name that the charger gave it",
    "csms diagnostics save 5 c1.zip",
    "csms diagnostics save 5 - | zcat | less",
)
@diagnostics.command()
@click.argument("upload_id", type=int)
@click.argument("target", required=False)
@click.option("--file", "file_id", type=int, metavar="ID", help="This file of it [default: the newest].")
@common
def save(call: Invocation, upload_id: int, target: str | None, file_id: int | None) -> None:
    """Write a file that came to TARGET; - is standard output. Needs the folder of the file server."""

    def query(tx: ReadTx) -> list[LogFile]:
        need_upload(tx, upload_id)
        return list(store.files_of(tx, upload_id))

    found = read(call.config, query)
    chosen = [each for each in found if file_id in (None, each.id)]
    if not chosen:
        raise NotFound(f"upload {upload_id} has no {'file' if file_id is None else f'file {file_id}'}")
    file = chosen[-1]
    if target == "-":
        for piece in _pieces(call.config, file):
            sys.stdout.buffer.write(piece)
        return
    place = Path(target or safe_name(file.file_name) or f"upload-{upload_id}")
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failure(f"{place} is there already; name another file") from None
    with os.fdopen(descriptor, "wb") as written:
        for piece in _pieces(call.config, file):
            written.write(piece)
    show.done(
        call.json, f"Saved {place} ({file.size_bytes} bytes)", path=str(place), size_bytes=file.size_bytes, sha256=file.sha256
    )


def _pieces(config: Config, file: LogFile) -> Iterator[bytes]:
    with place_of(config.folder / config.files.folder, file.file).open("rb") as opened:
        while piece := opened.read(PIECE_BYTES):
            yield piece
