"""Signed links to documents: what they show and until when, and the proof that we made them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct

from csms.core.documents import DocumentLink
from csms.core.ids import TenantId

_SAID = struct.Struct(">BIQI")
"""Whether it is the thumbnail, the tenant, the document, and the second it expires."""
_MAC_BYTES = 19
_TOKEN = re.compile(r"[A-Za-z0-9_-]{48}")


class LinkSigner:
    """Makes tokens of links and reads them again; the proof (HMAC-SHA-256) is the whole credential."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"csms document link\x00" + key).digest()

    def token(self, link: DocumentLink) -> str:
        """48 unreserved characters."""
        said = _SAID.pack(link.thumbnail, link.tenant, link.document_id, link.expires_at // 1000)
        return base64.urlsafe_b64encode(said + self._proof(said)).decode()

    def read(self, token: str) -> DocumentLink | None:
        """The link of a token; None where the proof is wrong. The comparison takes the same time for any wrong one."""
        if not _TOKEN.fullmatch(token):
            return None
        raw = base64.urlsafe_b64decode(token)
        said, shown = raw[: _SAID.size], raw[_SAID.size :]
        if not hmac.compare_digest(self._proof(said), shown):
            return None
        thumbnail, tenant, document_id, expires_s = _SAID.unpack(said)
        return DocumentLink(
            tenant=TenantId(tenant), document_id=document_id, thumbnail=bool(thumbnail), expires_at=expires_s * 1000
        )

    def _proof(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")[:_MAC_BYTES]
