"""``csms firmware``: images, and the updates that bring them to chargers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs
import click
import trio

from csms.config import Config
from csms.core.errors import Invalid
from csms.core.ports import Ports
from csms.db import StoreDatabase
from csms.domain.upkeep.flows.images import add_image, remove_image
from csms.domain.upkeep.model import Image
from csms.domain.upkeep.model.firmware import ImagesQuery, UpdatesQuery, shown
from csms.domain.upkeep.service.images import need_shown
from csms.domain.upkeep.store import firmware as store
from csms.outside import SystemClock, SystemEntropy, Threads
from csms.transfers import kept_files

from . import show
from .firmware_campaign import campaign
from .options import Invocation, common, examples
from .pages import EVERY
from .send import ask, close, words
from .server import segment, server_option
from .store import TENANT, in_database, read
from .when import INSTANT

COLUMNS = ["id", "vendor", "model", "version", "file_name", "size_bytes", "signed", "location", "created_at"]
UPDATE_COLUMNS = ["id", "charger_id", "version", "previous_version", "state", "status", "campaign_id", "note", "updated_at"]
PIECE_BYTES = 1024 * 1024


def ports_of(database: StoreDatabase, config: Config) -> Ports:
    """The ports that flows need which speak to no charger and ask no plugin."""
    blocking, random = Threads(), SystemEntropy()
    nobody: Any = None
    return Ports(
        database=database,
        chargers=nobody,
        decisions=nobody,
        clock=SystemClock(),
        random=random,
        blocking=blocking,
        http=nobody,
        files=kept_files(config, blocking, random),
    )


@click.group()
def firmware() -> None:
    """Firmware images, and the updates that bring them to chargers."""


firmware.add_command(campaign)


@examples(
    "csms firmware add ac22-1.4.0.bin --vendor Acme --model AC22 --version 1.4.0",
    "csms firmware add ac22.bin --vendor Acme --version 1.4.0 --signing-certificate acme.pem --signature ac22.sig",
    "csms firmware add ftp://acme.example.org/ac22.bin --vendor Acme --version 1.4.0         fetched from there by the chargers",
)
@firmware.command()
@click.argument("source", metavar="FILE_OR_URL")
@click.option("--vendor", required=True, help="As chargers say it at boot.")
@click.option("--model", default="", help="As chargers say it at boot [default: every model of the vendor].")
@click.option("--version", required=True, help="What chargers say at boot when they run it.")
@click.option("--signing-certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM file.")
@click.option(
    "--signature", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with the signature in base64."
)
@click.option("--untrusted", is_flag=True, help="Take a signing certificate that no manufacturer's root vouches for.")
@click.option("--note", default="", help="What people should know of it.")
@common
def add(
    call: Invocation,
    source: str,
    vendor: str,
    model: str,
    version: str,
    signing_certificate: Path | None,
    signature: Path | None,
    untrusted: bool,
    note: str,
) -> None:
    """Keep a firmware image.

    FILE is copied to where the file server has its files, and chargers fetch it by signed links. A signed image is checked against its
    signature.
    """
    elsewhere = "://" in source
    file = Path(source)
    if not elsewhere and not file.is_file():
        raise Invalid(f"there is no file {source}")
    image = Image(
        vendor=vendor,
        model=model,
        version=version,
        file_name=Path(unquote(urlsplit(source).path)).name if elsewhere else file.name,
        size_bytes=None if elsewhere else file.stat().st_size,
        location=source if elsewhere else "",
        signing_certificate=signing_certificate.read_text(encoding="ascii", errors="replace") if signing_certificate else "",
        signature="".join(signature.read_text(encoding="ascii", errors="replace").split()) if signature else "",
        note=note,
    )

    async def keep(database: StoreDatabase) -> Image:
        return await add_image(
            ports_of(database, call.config), TENANT, image, None if elsewhere else _pieces(file), untrusted=untrusted
        )

    added = in_database(call.config, keep)
    facts = shown(added)
    show.done(call.json, f"Added firmware image {facts.id}: {facts.name}", **attrs.asdict(facts))


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    async with await trio.open_file(file, "rb") as opened:
        while piece := await opened.read(PIECE_BYTES):
            yield piece


@examples("csms firmware list", "csms firmware list --json")
@firmware.command("list")
@common
def list_all(call: Invocation) -> None:
    """List firmware images."""

    query = partial(store.list_images, query=ImagesQuery(), limit=EVERY)
    found = [attrs.asdict(each) for each in read(call.config, query)]
    show.rows(call.json, found, COLUMNS, empty="There are no firmware images: csms firmware add FILE --vendor ... --version ...")


@examples("csms firmware show 3", "csms firmware show 3 --json")
@firmware.command("show")
@click.argument("image_id", type=int)
@common
def show_one(call: Invocation, image_id: int) -> None:
    """Show everything about one image."""
    show.record(call.json, attrs.asdict(read(call.config, partial(need_shown, image_id=image_id))))


@examples("csms firmware remove 3")
@firmware.command()
@click.argument("image_id", type=int)
@common
def remove(call: Invocation, image_id: int) -> None:
    """Remove an image and its file."""

    async def work(database: StoreDatabase) -> Image:
        return await remove_image(ports_of(database, call.config), TENANT, image_id)

    removed = shown(in_database(call.config, work))
    show.done(call.json, f"Removed firmware image {image_id}: {removed.name}", **attrs.asdict(removed))


@examples(
    "csms firmware update C1 3",
    "csms firmware update C1 3 --at 2026-12-31T02:00Z --retries 3 --retry-interval 300",
    "csms firmware update C1 3 --unsigned          for a charger that knows nothing of signatures",
)
@firmware.command()
@click.argument("charger_id")
@click.argument("image_id", type=int)
@click.option("--at", "retrieve_at", type=INSTANT, metavar="INSTANT", help="Not to be fetched before [default: now].")
@click.option("--install-at", type=INSTANT, metavar="INSTANT", help="Not to be installed before (signed firmware only).")
@click.option("--retries", type=click.IntRange(0, 1000), help="How often the charger may try again.")
@click.option("--retry-interval", "retry_interval_s", type=click.IntRange(0, 86_400), metavar="SECONDS", help="Wait between tries.")
@click.option("--unsigned", is_flag=True, help="Send a signed image without its signature.")
@click.option("--force", is_flag=True, help="Also to a charger that the image is not for, or that has it already.")
@server_option
@common
def update(call: Invocation, charger_id: str, image_id: int, unsigned: bool, server: str | None, **wish: Any) -> None:
    """Ask a charger to update its firmware, through the running server.

    How it goes on: `csms firmware updates`. Exit code 4 means that the charger said no, 5 that it gave no answer.
    """
    body = {"image_id": image_id, "signed": not unsigned, **wish}
    answer = ask(call, server, "POST", f"chargers/{segment(charger_id)}/firmware-updates", body)
    begun = answer["update"]
    close(call, answer, f"{words(charger_id, 'UpdateFirmware', answer)}; update {begun['id']}: {begun['state']}")


@examples("csms firmware updates", "csms firmware updates --charger C1", "csms firmware updates --open --json")
@firmware.command()
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only those of one charger.")
@click.option("--open/--closed", "is_open", default=None, help="Only those under way, or that are over.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@common
def updates(call: Invocation, charger_id: str | None, is_open: bool | None, limit: int) -> None:
    """List firmware updates, the newest first."""

    query = partial(store.list_updates, query=UpdatesQuery(charger_id=charger_id, open=is_open), limit=limit)
    found = [attrs.asdict(each) for each in read(call.config, query)]
    show.rows(call.json, found, UPDATE_COLUMNS, empty="There are no such firmware updates")
