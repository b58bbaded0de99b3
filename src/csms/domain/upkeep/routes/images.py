"""Firmware images over HTTP: uploaded and downloaded piece by piece, or kept at a location of somebody else's."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import attrs
import trio
from attrs import validators

from csms.api import bulk
from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import Raw, Reply, Routes, Streamed
from csms.core.errors import NotFound, StoreUnavailable
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.upkeep.flows import images as flows
from csms.domain.upkeep.model.firmware import FirmwareImage, FirmwareImageDetail, Image, ImagesQuery, image_key, shown
from csms.domain.upkeep.model.settings import FileSettings
from csms.domain.upkeep.service import images as service
from csms.domain.upkeep.store import firmware as store

STREAM = "application/octet-stream"
UPLOAD_LIMIT_S = 3600.0
UPLOADS_AT_ONCE = 2
"""Further uploads wait, for a moment: the disk is the chargers', too."""
WAIT_FOR_A_PLACE_S = 10.0
CERTIFICATE, SIGNATURE = "signing_certificate", "signature"
"""What a form says before its file."""


@attrs.frozen(slots=True, kw_only=True)
class ImageFacts:
    """What a firmware image is: ``version`` is what chargers of that kind say at boot when they run it, ``model`` ``""`` every model.

    ``untrusted`` takes a signing certificate that no manufacturer's root of the library vouches for.
    """

    vendor: str = attrs.field(validator=[validators.min_len(1), validators.max_len(255)])
    model: str = attrs.field(default="", validator=validators.max_len(255))
    version: str = attrs.field(validator=[validators.min_len(1), validators.max_len(255)])
    note: str = attrs.field(default="", validator=validators.max_len(1000))
    untrusted: bool = False


@attrs.frozen(slots=True, kw_only=True)
class UploadedImage(ImageFacts):
    """What the firmware in the body is; ``file_name`` is what it is called, if the form that it comes in does not say."""

    file_name: str = attrs.field(default="", validator=validators.max_len(255))


@attrs.frozen(slots=True, kw_only=True)
class LocatedImage(ImageFacts):
    """Firmware that chargers fetch from a location of somebody else's, with the manufacturer's certificate and signature if it has any."""

    location: str = attrs.field(validator=[validators.min_len(1), validators.max_len(service.LONGEST_LOCATION)], repr=False)
    file_name: str = attrs.field(default="", validator=validators.max_len(255))
    signing_certificate: str = attrs.field(default="", validator=validators.max_len(service.LONGEST_CERTIFICATE))
    signature: str = attrs.field(default="", validator=validators.max_len(service.LONGEST_CERTIFICATE))


def routes(settings: FileSettings) -> Routes:
    """Routes of firmware images."""
    made = Routes("firmware_images", "Firmware that is kept for chargers.", tag="Firmware")
    _list(made)
    _add(made, settings)
    return made


def _list(made: Routes) -> None:
    @made.get("/firmware-images", needs="upkeep:read", reach="list")
    async def list_(call: Call, query: ImagesQuery) -> Page[FirmwareImage]:
        """Firmware images."""
        return await call.read(store.page_of_images, query)

    @made.get("/firmware-images/<int:image_id>", needs="upkeep:read", reach="list")
    async def show(call: Call, image_id: int) -> FirmwareImageDetail:
        """One firmware image."""
        return await call.read(service.need_shown, image_id)

    @made.get(
        "/firmware-images/<int:image_id>/content",
        needs="upkeep:read",
        produces=STREAM,
        errors={404: "there is no such image, or it is kept elsewhere", 416: "the range begins behind the end of the file"},
    )
    async def download(call: Call, image_id: int) -> Raw | Streamed:
        """The file of an image, or a part of it (`Range`)."""
        image = await call.read(service.need_image, image_id)
        if not image.file:
            raise NotFound(f"firmware image {image_id} is not kept here, but at its location")
        try:
            return await bulk.sent(
                call.request,
                partial(call.ports.files.read, image.file),
                size=image.size_bytes or 0,
                content_type=STREAM,
                name=image.file_name or f"firmware-{image_id}",
                sha256=image.sha256,
                inline=False,
            )
        except OSError as error:
            raise StoreUnavailable("the file cannot be read at the moment") from error

    @made.delete("/firmware-images/<int:image_id>", needs="upkeep:write", errors={409: "an update or a campaign uses it"})
    async def remove(call: Call, image_id: int) -> None:
        """Remove an image and its file."""
        removed = await call.write(service.remove_image, image_id, keys=(image_key(call.tenant),), of=_subject(image_id))
        if removed.file:
            await call.ports.files.remove(removed.file)


def _add(made: Routes, settings: FileSettings) -> None:
    places = trio.Semaphore(UPLOADS_AT_ONCE)

    @made.post(
        "/firmware-images",
        needs="upkeep:write",
        status=201,
        tells=FirmwareImageDetail,
        raw_body=f"{STREAM}, multipart/form-data",
        most_body_bytes=settings.max_image_bytes,
        limit_s=UPLOAD_LIMIT_S,
        errors={
            409: "there is this version already, its certificate is not trusted, or this server keeps no files",
            413: "it is too large",
        },
    )
    async def upload(call: Call, query: UploadedImage) -> Reply:
        """Upload a firmware image.

        The image is the body, what it is stands in the query: `curl -T ac22.bin '.../firmware-images?vendor=Acme&version=1.4.0'`. Signed
        firmware comes as a form (`multipart/form-data`), with the PEM in `signing_certificate` and the base64 in `signature`, both before
        the `file`: `curl -F 'signing_certificate=<acme.pem' -F 'signature=<ac22.sig' -F file=@ac22.bin ...`. It is checked against its
        signature before it is kept.
        """
        with trio.move_on_after(WAIT_FOR_A_PLACE_S) as waited:
            await places.acquire()
        if waited.cancelled_caught:
            raise Problem(503, "Service Unavailable", "too many uploads at the moment; try again")
        try:
            added = await _receive(call, query, settings.max_image_bytes)
        finally:
            places.release()
        return _added(added)

    @made.post(
        "/firmware-images/elsewhere",
        needs="upkeep:write",
        status=201,
        tells=FirmwareImageDetail,
        example={"vendor": "Acme", "model": "AC22", "version": "1.4.0", "location": "ftp://acme.example.org/ac22.bin"},
        errors={409: "there is this version already, or its certificate is not trusted"},
    )
    async def locate(call: Call, body: LocatedImage) -> Reply:
        """Keep note of firmware that chargers fetch from a location of somebody else's."""
        image = Image(
            vendor=body.vendor,
            model=body.model,
            version=body.version,
            file_name=body.file_name,
            location=body.location,
            signing_certificate=body.signing_certificate,
            signature="".join(body.signature.split()),
            note=body.note,
        )
        said = {"vendor": body.vendor, "model": body.model, "version": body.version}
        of = Subject("firmware_image", body.version)
        added = await call.write(service.add_image, image, body.untrusted, keys=(image_key(call.tenant),), of=of, detail=said)
        return _added(added)


async def _receive(call: Call, query: UploadedImage, most_bytes: int) -> Image:
    """The body of the present request as an image. Raises ``Problem``, ``Invalid``, ``Conflict``, ``Refused`` or ``StoreUnavailable``."""
    upload = bulk.Upload(call.request, most_bytes, keep_fields=True)
    async with aclosing(upload.pieces()) as pieces:
        beginning = await anext(pieces, b"")  # what a form says before its file is known by then
        return await _keep(call, query, upload, beginning, pieces)


async def _keep(
    call: Call, query: UploadedImage, upload: bulk.Upload, beginning: bytes, pieces: AsyncGenerator[bytes, None]
) -> Image:
    if not beginning:
        raise Problem(422, "Invalid Input", "the body is empty: it should be the firmware")
    said = dict(upload.fields)
    if unknown := said.keys() - {CERTIFICATE, SIGNATURE}:
        raise Problem(422, "Invalid Input", f"the form has fields that nobody knows: {', '.join(sorted(unknown))[:200]}")

    async def source() -> AsyncGenerator[bytes, None]:
        yield beginning
        async for piece in pieces:
            yield piece
        if upload.fields != said:
            raise Problem(422, "Invalid Input", f"{CERTIFICATE} and {SIGNATURE} come before the file")

    image = Image(
        vendor=query.vendor,
        model=query.model,
        version=query.version,
        file_name=query.file_name or _fitting(upload.name),
        size_bytes=upload.length,
        signing_certificate=said.get(CERTIFICATE, ""),
        signature="".join(said.get(SIGNATURE, "").split()),
        note=query.note,
    )
    detail = {"vendor": query.vendor, "model": query.model, "version": query.version}
    try:
        async with call.noting(Subject("firmware_image", ""), detail) as noted, aclosing(source()) as whole:
            added = await flows.add_image(call.ports, call.tenant, image, whole, untrusted=query.untrusted)
            noted.of = Subject("firmware_image", str(added.id))
            noted.detail["sha256"] = added.sha256
    except OSError as error:
        raise StoreUnavailable(f"the image could not be stored: {error.strerror or error}") from error
    return added


def _fitting(name: str) -> str:
    """A name out of a form, as far as it can be one."""
    return "".join(each for each in name if each.isprintable()).strip()[-200:].strip()


def _added(image: Image) -> Reply:
    return Reply(body=shown(image), status=201, headers={"Location": f"/api/v1/firmware-images/{image.id}"})


def _subject(image_id: int) -> Subject:
    def view(tx: ReadTx) -> FirmwareImageDetail:
        return service.need_shown(tx, image_id)

    return Subject("firmware_image", str(image_id), view)
