"""The program that shows buckets as files: how it is called, and what it says of a bucket.

Credentials are in the environment of its own process only.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from intermodal.client.hiding import Hiding
from intermodal.driver.buckets.keeper import mounts_apart
from intermodal.plugins import LaunchRefused
from intermodal.plugins.bucket_tools import rclone
from intermodal.specs import BucketSpec

__all__ = ["check_bucket", "environment", "mount_command"]

_REMOTE = "BUCKET"
_SECONDS = 60.0
_NEEDED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_OPTIONS = {
    "AWS_ACCESS_KEY_ID": "ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY": "SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN": "SESSION_TOKEN",
    "AWS_REGION": "REGION",
}
_LIMITS = ("--contimeout=5s", "--timeout=30s", "--low-level-retries=3", "--retries=1")
_ABSENT = 3  # what rclone exits with where there is no such directory, that is: bucket
_FORBIDDEN = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "403")


def environment(bucket: BucketSpec, secret: Mapping[str, str]) -> dict[str, str]:
    """What the program finds its bucket with. Raises `LaunchRefused` where the secret lacks something."""
    missing = [name for name in _NEEDED if not secret.get(name)] if bucket.secret is not None else []
    if missing:
        raise LaunchRefused(f"the secret of the bucket {bucket.bucket!r} lacks {', '.join(missing)}")
    options = {
        "TYPE": "s3",
        "PROVIDER": "Other" if bucket.endpoint else "AWS",
        "REGION": "us-east-1",
        "NO_CHECK_BUCKET": "true",
        **({"ENDPOINT": bucket.endpoint} if bucket.endpoint else {}),
        **{option: secret[name] for name, option in _OPTIONS.items() if secret.get(name)},
    }
    # Of this process's variables only what has nothing to do with anybody's credentials.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    configured = {f"RCLONE_CONFIG_{_REMOTE}_{name}": value for name, value in options.items()}
    return {**kept, **proxies, "RCLONE_CONFIG": "/dev/null", **configured}


def mount_command(bucket: BucketSpec, directory: Path) -> list[str]:
    """Shows a bucket at `directory`/files, as `keeper` wants it."""
    return [
        str(rclone()),
        "mount",
        _place(bucket),
        str(directory / "files"),
        f"--cache-dir={directory / 'cache'}",
        "--vfs-cache-mode=writes",
        "--vfs-write-back=100ms",
        "--dir-cache-time=2s",
        "--poll-interval=0",
        # Containers of an ordinary user run as that user, for whom alone FUSE would have to trust it.
        *([] if mounts_apart() else ["--allow-other"]),
        "--umask=022",
        *(["--read-only"] if bucket.read_only else []),
        *_LIMITS,
    ]


async def check_bucket(bucket: BucketSpec, env: Mapping[str, str]) -> None:
    """List a bit of it. Raises `LaunchRefused` with what is wrong: credentials, the bucket, the way there."""
    process = await asyncio.create_subprocess_exec(
        str(rclone()),
        "lsf",
        _place(bucket),
        "--max-depth=1",
        *_LIMITS,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError:
        raise LaunchRefused(f"the bucket {bucket.bucket!r} did not answer within {_SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise LaunchRefused(_refusal(bucket, process.returncode, Hiding(env.values()).hide(said.decode())))


def _refusal(bucket: BucketSpec, code: int, said: str) -> str:
    where = f"the bucket {bucket.bucket!r}" + (f" of {bucket.endpoint}" if bucket.endpoint else "")
    if code == _ABSENT:
        return f"{where} cannot be mounted at {bucket.target}: there is no such bucket"
    reason = next((word for word in _FORBIDDEN if word in said), None)
    if reason is not None:
        whose = "Check the secret that was given" if bucket.secret is not None else "Give it a secret="
        return f"{where} cannot be mounted at {bucket.target}: {reason}. {whose}, and what it may do there"
    line = said.strip().splitlines()[-1] if said.strip() else f"rclone exited with {code}"
    return f"{where} cannot be mounted at {bucket.target}: {line[-500:]}"


def _place(bucket: BucketSpec) -> str:
    return f"{_REMOTE}:{bucket.bucket}/{bucket.prefix}".rstrip("/")
