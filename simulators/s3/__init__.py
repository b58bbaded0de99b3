"""A stub of an S3-compatible service: buckets are folders, objects are files."""

from .server import S3Stub

__all__ = ["S3Stub"]
