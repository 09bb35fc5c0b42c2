"""`Volume` and `CloudBucketMount`: named here so that files which use them load; refused when an app mounts one."""

from __future__ import annotations

from typing import NoReturn

from intermodal.definitions.naming import check_name
from intermodal.definitions.secrets import Secret
from intermodal.exception import CapabilityNotSupported

__all__ = ["CloudBucketMount", "Volume"]


class Volume:
    """A named directory that lasts. This version cannot mount one: an app that does is refused when it starts."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def from_name(
        cls,
        name: str,
        *,
        environment_name: str | None = None,
        create_if_missing: bool = False,
        version: int | None = None,
    ) -> Volume:
        """The volume of this name."""
        return cls(check_name("a volume", name))

    def commit(self) -> NoReturn:
        """Publish what this container wrote (volume.commit)."""
        self._refuse("commit")

    def reload(self) -> NoReturn:
        """See what others have published (volume.reload)."""
        self._refuse("reload")

    def _refuse(self, method: str) -> NoReturn:
        raise CapabilityNotSupported(f"volume.{method}", hint=f"Volume {self.name!r}: this version has no volumes")

    def __repr__(self) -> str:
        return f"Volume({self.name!r})"


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
