"""The built-in plugin that keeps blobs and references where `storage` in the configuration says, unless another plugin
claims storage."""

from __future__ import annotations

from intermodal.exception import ConfigError
from intermodal.plugins import Config, Options, Storage, hookimpl
from intermodal.plugins.extras import needing
from intermodal.storage.directory import DirectoryStorage

__all__ = ["intermodal_addoption", "intermodal_storage"]

_S3 = "s3://"


@hookimpl
def intermodal_addoption(options: Options) -> None:
    """Where it is."""
    options.add(
        "storage", default="", help="Where blobs and references are kept: s3://BUCKET/PREFIX; else in data_dir."
    )
    options.add("s3.endpoint_url", help="The URL of an S3-compatible store; default: AWS_ENDPOINT_URL, or that of AWS.")
    options.add("s3.region", help="The bucket's region; default: AWS_REGION, or us-east-1.")


@hookimpl(trylast=True)
def intermodal_storage(config: Config) -> Storage:
    """Storage in `config.data_dir`, or in a bucket. Raises `ConfigError`."""
    place = config.get("storage")
    if not place:
        return DirectoryStorage(config.data_dir)
    if not place.startswith(_S3):
        raise ConfigError(
            f"storage = {place!r} from {config.origin('storage')} cannot be used: write s3://BUCKET/PREFIX, or "
            "leave it away to keep blobs in data_dir"
        )
    with needing("s3", f"storage = {place!r} from {config.origin('storage')}"):
        from intermodal.storage.s3 import S3Storage, connect
    return S3Storage(connect(config))
