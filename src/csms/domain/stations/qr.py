"""QR codes for connectors: the code on the sticker, the address that it leads to, and its pictures."""

from __future__ import annotations

import base64
import hashlib
import io

import segno

from csms.core.ports import Random

CODE_LENGTH = 10
_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def new_code(random: Random) -> str:
    """A code nobody can guess (50 bits), of digits and capitals that people do not mix up (Crockford's base 32)."""
    digest = hashlib.sha256(random.token(16).encode()).digest()
    return base64.b32encode(digest).decode().translate(_CROCKFORD)[:CODE_LENGTH]


def read_code(text: str) -> str:
    """A code as a person may write it down: small letters, dashes and spaces do not count, O is 0, I and L are 1."""
    plain = text.upper().replace("-", "").replace(" ", "")
    return plain.replace("O", "0").replace("I", "1").replace("L", "1")


def target(template: str, code: str) -> str:
    """Where a code leads."""
    return template.replace("{code}", code)


def _symbol(text: str) -> segno.QRCode:
    # Level Q stands a quarter of the symbol being scratched or dirty, which stickers outdoors are.
    return segno.make_qr(text, error="q", boost_error=False)


def svg(text: str, *, scale: int = 8) -> bytes:
    """A picture that prints sharp at any size."""
    out = io.BytesIO()
    _symbol(text).save(out, kind="svg", scale=scale, border=4, xmldecl=True)
    return out.getvalue()


def inline_svg(text: str) -> str:
    """A picture for a page of HTML, as large as its place."""
    return _symbol(text).svg_inline(border=4, omitsize=True)


def png(text: str, *, scale: int = 8) -> bytes:
    """A picture of ``scale`` pixels per module."""
    out = io.BytesIO()
    _symbol(text).save(out, kind="png", scale=scale, border=4)
    return out.getvalue()
