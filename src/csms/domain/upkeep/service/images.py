"""Firmware images, as operators keep them."""

from __future__ import annotations

import re

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ports import ReadTx, Tx
from csms.domain.security import service as security
from csms.domain.upkeep.model.firmware import FirmwareImageDetail, Image, image_key, shown
from csms.domain.upkeep.store import firmware as store

_LOCATION = re.compile(r"[a-z][a-z0-9+.-]*://[^\s]+", re.IGNORECASE)
LONGEST_LOCATION, LONGEST_CERTIFICATE = 512, 5500
"""Characters that every charger can be told (1.6 security whitepaper, FirmwareType)."""


def check_location(location: str) -> str:
    """A location of somebody else's, if a charger can be told it. Raises ``Invalid``."""
    if len(location) > LONGEST_LOCATION or not _LOCATION.fullmatch(location) or not location.isascii():
        raise Invalid(f"a location is a URL of at most {LONGEST_LOCATION} characters, such as ftp://host/file", field="location")
    return location


def check_image(image: Image) -> Image:
    """An image's facts, without what is around them. Raises ``Invalid``."""
    texts = {
        name: getattr(image, name).strip() for name in ("vendor", "model", "version", "note", "signing_certificate", "signature")
    }
    for name in ("vendor", "version"):
        if not texts[name]:
            raise Invalid(f"an image needs a {name}", field=name)
    if len(texts["signing_certificate"]) > LONGEST_CERTIFICATE:
        raise Invalid(f"a signing certificate has at most {LONGEST_CERTIFICATE} characters", field="signing_certificate")
    for name, longest in (("vendor", 255), ("model", 255), ("version", 255), ("note", 1000)):
        if len(texts[name]) > longest or not texts[name].isprintable():
            raise Invalid(f"{name}: at most {longest} printable characters", field=name)
    if bool(texts["signing_certificate"]) != bool(texts["signature"]):
        raise Invalid("a signature needs its signing certificate, and the other way round", field="signature")
    if image.location:
        check_location(image.location)
    return attrs.evolve(image, **texts)


def add_image(tx: Tx, image: Image, untrusted: bool = False) -> Image:
    """Keep an image whose file, if it has one, is on disk.

    Raises ``Invalid``; ``Refused`` where no manufacturer's root vouches for its signing certificate, unless ``untrusted`` ones will do;
    ``Conflict`` when its version is there already.
    """
    image = check_image(image)
    tx.claim(image_key(tx.tenant))
    if image.signed and not untrusted and (why := security.trusts_firmware_certificate(tx, image.signing_certificate)):
        raise Refused(f"the signing certificate is not trusted: {why}")
    image_id = store.insert_image(tx, attrs.evolve(image, created_at=tx.now))
    if image_id is None:
        raise Conflict(f"there is firmware {image.version} for {image.vendor} {image.model or '(every model)'} already")
    return need_image(tx, image_id)


def need_image(tx: ReadTx, image_id: int) -> Image:
    """An image that is not removed. Raises ``NotFound``."""
    found = store.image(tx, image_id)
    if found is None or found.removed_at is not None:
        raise NotFound(f"there is no firmware image {image_id}")
    return found


def need_shown(tx: ReadTx, image_id: int) -> FirmwareImageDetail:
    """An image, as it may be shown. Raises ``NotFound``."""
    return shown(need_image(tx, image_id))


def remove_image(tx: Tx, image_id: int) -> Image:
    """Remove an image; its file is the caller's to remove. Raises ``NotFound``, or ``Refused`` while it is used."""
    tx.claim(image_key(tx.tenant))
    image = need_image(tx, image_id)
    if store.image_in_use(tx, image_id):
        raise Refused(f"firmware image {image_id} is used by an update or a campaign that is not over")
    store.IMAGES.save(tx, image, attrs.evolve(image, removed_at=tx.now))
    return image
