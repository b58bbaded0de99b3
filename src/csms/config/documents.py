"""The section ``[documents]``: documents and images that people upload."""

from __future__ import annotations

import attrs

from .rules import Between, Pattern
from .setting import setting

BUCKET = Pattern(r"|s3://[a-z0-9][a-z0-9.-]{1,62}(/[A-Za-z0-9._/-]*)?", 's3://BUCKET or s3://BUCKET/PREFIX, or ""')
ENDPOINT = Pattern(r"|https?://[A-Za-z0-9.:\[\]_-]+", 'http(s)://HOST, with a port if need be, or ""')


@attrs.frozen(slots=True, kw_only=True)
class DocumentsConfig:
    """Documents and images that people upload: in a folder of this machine, or in a bucket that speaks S3."""

    folder: str = setting("documents", "where documents are kept, or on their way to the bucket", path=True)
    bucket: str = setting("", 's3://BUCKET/PREFIX keeps documents there; "" keeps them in the folder', validator=BUCKET)
    endpoint: str = setting("", 'address of a service that speaks S3; "" is the one of AWS', validator=ENDPOINT)
    region: str = setting("us-east-1", "region of the bucket")
    access_key_id: str = setting("", "key id for the bucket", secret=True, env=("AWS_ACCESS_KEY_ID",))
    secret_access_key: str = setting("", "secret key for the bucket", secret=True, env=("AWS_SECRET_ACCESS_KEY",))
    max_bytes: int = setting(15_728_640, "largest document", validator=Between(1024, 1_073_741_824))
    max_image_pixels: int = setting(50_000_000, "largest image, width times height", validator=Between(10_000, 1_000_000_000))
    max_uploads: int = setting(8, "most uploads at a time; others wait a little", validator=Between(1, 256))
    most_per_subject: int = setting(
        100, "most documents of one tenant, station, charger, driver or ticket", validator=Between(1, 100_000)
    )
    tenant_bytes: int = setting(10_737_418_240, "most bytes of all documents of a tenant", validator=Between(1024, 2**50))
    link_s: int = setting(900, "how long a signed link shows a document, at least", validator=Between(60, 604_800))
    expiring_days: int = setting(30, "how long before its end a document counts as expiring", validator=Between(0, 365))
