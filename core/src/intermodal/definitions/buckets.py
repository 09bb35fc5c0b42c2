"""`CloudBucketMount`: named here so that files which use it load; refused when an app mounts one."""

from __future__ import annotations

from intermodal.definitions.secrets import Secret

__all__ = ["CloudBucketMount"]


class CloudBucketMount:
    """An S3 bucket shown as files (bucket.mount). This version cannot mount one: an app that does is refused."""

    def __init__(
        self,
        bucket_name: str,
        bucket_endpoint_url: str | None = None,
        *,
        key_prefix: str | None = None,
        secret: Secret | None = None,
        read_only: bool = False,
    ) -> None:
        self.bucket_name = bucket_name
        self.bucket_endpoint_url = bucket_endpoint_url
        self.key_prefix = key_prefix
        self.secret = secret
        self.read_only = read_only

    def __repr__(self) -> str:
        return f"CloudBucketMount({self.bucket_name!r})"
