"""What is behind the port ``Documents``: a folder or a bucket, signed links, and pictures looked at in a process of their own."""

from __future__ import annotations

from csms.config import Config, make_files_key
from csms.core.documents import Documents
from csms.core.ports import Blocking, Random
from csms.files import LocalFiles

from .bucket import BucketDocuments, open_bucket
from .folder import FolderDocuments
from .links import LinkSigner

__all__ = ["BucketDocuments", "FolderDocuments", "LinkSigner", "open_documents"]


def open_documents(config: Config, blocking: Blocking, random: Random) -> Documents:
    """The documents port of a configuration. Makes the signing key on first start. Raises ``OSError``."""
    section = config.documents
    signer = LinkSigner(make_files_key(config, random.token(32)).encode())
    files = LocalFiles(
        config.folder / section.folder, b"", blocking=blocking, random=random, reserve_bytes=config.files.reserve_bytes
    )
    folder = FolderDocuments(files, signer, blocking, most_pixels=section.max_image_pixels)
    return BucketDocuments(folder, open_bucket(section), blocking) if section.bucket else folder
