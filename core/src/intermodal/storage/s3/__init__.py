"""A `Storage` in a bucket of any S3-compatible store."""

from __future__ import annotations

from intermodal.storage.s3.connection import connect
from intermodal.storage.s3.storage import S3Storage

__all__ = ["S3Storage", "connect"]
