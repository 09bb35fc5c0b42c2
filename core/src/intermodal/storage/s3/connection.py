"""Where a bucket is, and with which credentials it is reached: from the configuration and the usual AWS_* variables."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from obstore.store import S3Store

from intermodal.exception import ConfigError
from intermodal.plugins import Config
from intermodal.storage.s3.objects import Objects

if TYPE_CHECKING:
    from obstore.store import RetryConfig

__all__ = ["S3Address", "connect"]

_SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PART = re.compile(r"[A-Za-z0-9!_.'()=-]+")
#: What the client finds by itself, without a file: any of these says where credentials are.
_OWN_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


@dataclass(frozen=True, slots=True)
class S3Address:
    """A bucket, and the prefix below which everything is; it may be empty."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str, origin: str) -> S3Address:
        """What `s3://BUCKET/PREFIX` means. Raises `ConfigError` naming `origin`."""
        bucket, _, prefix = text.removeprefix(_SCHEME).partition("/")
        prefix = prefix.strip("/")
        parts = prefix.split("/") if prefix else []
        if _BUCKET.fullmatch(bucket) is None:
            raise _refused(text, origin, f"{bucket!r} is no name of a bucket")
        if any(part in (".", "..") or _PART.fullmatch(part) is None for part in parts):
            raise _refused(text, origin, "the prefix has letters, digits and !_.'()=- between its slashes")
        return cls(bucket, prefix)

    def __str__(self) -> str:
        return f"{_SCHEME}{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def connect(config: Config) -> Objects:
    """The objects that `storage` in the configuration names. Nothing is asked of the store yet.

    Raises `ConfigError` where that cannot be used.
    """
    address = S3Address.parse(config.get("storage"), config.origin("storage"))
    endpoint = config.get("s3.endpoint_url") or _variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    options: dict[str, Any] = {
        "prefix": address.prefix or None,
        "region": config.get("s3.region") or _variable("AWS_REGION", "AWS_DEFAULT_REGION") or "us-east-1",
        "client_options": {
            "allow_http": bool(endpoint and endpoint.startswith("http://")),
            "connect_timeout": timedelta(seconds=5),
            "read_timeout": timedelta(seconds=30),
            "timeout": timedelta(hours=1),
        },
        **shared_credentials(os.environ),
    }
    if endpoint:
        options["endpoint"] = endpoint
    retries: RetryConfig = {
        "max_retries": 10,
        "retry_timeout": timedelta(seconds=60),
        "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=5), "base": 2},
    }
    store = S3Store(address.bucket, retry_config=retries, **options)
    once = S3Store(address.bucket, retry_config={"max_retries": 0}, **options)
    return Objects(store, once, str(address))


def shared_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Those of `AWS_PROFILE` in `~/.aws/credentials`, where no variable says of others; the client does not read it."""
    if any(environ.get(name) for name in _OWN_CREDENTIALS):
        return {}
    path = Path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    profile = environ.get("AWS_PROFILE") or "default"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path)
    except (configparser.Error, UnicodeDecodeError):
        raise ConfigError(
            f"{path} is no file of AWS credentials: it has sections [NAME] with lines NAME = VALUE"
        ) from None
    if not parser.has_section(profile):
        if environ.get("AWS_PROFILE"):
            raise ConfigError(f"AWS_PROFILE = {profile!r}: {path} has no such section")
        return {}
    section = parser[profile]
    names = {
        "access_key_id": "aws_access_key_id",
        "secret_access_key": "aws_secret_access_key",
        "session_token": "aws_session_token",
    }
    return {option: section[name] for option, name in names.items() if section.get(name)}


def _variable(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _refused(text: str, origin: str, why: str) -> ConfigError:
    return ConfigError(
        f"storage = {text!r} from {origin} cannot be used: {why}. Write s3://BUCKET or s3://BUCKET/PREFIX"
    )
