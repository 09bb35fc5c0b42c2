"""`CloudBucketMount`: an S3 bucket shown as files (bucket.mount)."""

from __future__ import annotations

import re

from intermodal.client.checking import checked_class
from intermodal.client.shown import shown
from intermodal.definitions.secrets import Secret
from intermodal.exception import InvalidError
from intermodal.specs import BucketSpec

__all__ = ["CloudBucketMount"]

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")


@checked_class
class CloudBucketMount:
    """An S3 bucket shown as files: give it to a function as `volumes={"/bucket": CloudBucketMount(...)}`.

    Args:
        bucket_name: the bucket.
        bucket_endpoint_url: of an S3-compatible store; default: AWS.
        key_prefix: only what is below it is seen; it ends with "/".
        secret: has AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and perhaps AWS_SESSION_TOKEN and AWS_REGION; without
            one only public buckets can be read. The container does not get its values.
        read_only: nothing can be written.

    Raises:
        InvalidError: something of it cannot be used.
    """

    def __init__(
        self,
        bucket_name: str,
        bucket_endpoint_url: str | None = None,
        *,
        key_prefix: str | None = None,
        secret: Secret | None = None,
        read_only: bool = False,
    ) -> None:
        if _BUCKET.fullmatch(bucket_name) is None:
            raise InvalidError(f"CloudBucketMount: {shown(bucket_name)} is no name of a bucket: write it without s3://")
        if key_prefix is not None and (not key_prefix.endswith("/") or key_prefix.startswith("/")):
            raise InvalidError(
                f"CloudBucketMount: key_prefix={shown(key_prefix)} has to end with '/', and not to begin so"
            )
        if bucket_endpoint_url is not None and not bucket_endpoint_url.startswith(("http://", "https://")):
            raise InvalidError(
                f"CloudBucketMount: bucket_endpoint_url={shown(bucket_endpoint_url)} has to begin with https:// or http://"
            )
        self.bucket_name = bucket_name
        self.bucket_endpoint_url = bucket_endpoint_url
        self.key_prefix = key_prefix
        self.secret = secret
        self.read_only = read_only

    def mounted(self, path: str, secret: str | None) -> BucketSpec:
        """The spec of this bucket mounted at `path`; `secret` is what the secret is called there."""
        return BucketSpec(
            target=path,
            bucket=self.bucket_name,
            endpoint=self.bucket_endpoint_url or "",
            prefix=self.key_prefix or "",
            secret=secret,
            read_only=self.read_only,
        )

    def __repr__(self) -> str:
        return f"CloudBucketMount({self.bucket_name!r})"
