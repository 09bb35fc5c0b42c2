"""An S3 server for the suite: the one that it is told of, or one that it starts; and buckets there, seen as others see
them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from intermodal.plugins.bucket_tools import rclone
from intermodal_conformance.s3_process import ACCESS_KEY, SECRET_KEY, running, server_program

__all__ = ["ADVICE", "TOLD", "Bucket", "buckets"]

#: The environment variable with a server's address; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go with it.
TOLD = "INTERMODAL_CONFORMANCE_S3_URL"
ADVICE = (
    "the backend states bucket.mount, and there is no S3 server to show it with: pip install "
    f"'intermodal-conformance[buckets]' brings one, or set {TOLD}, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)
_SECONDS = 60.0


@dataclass(frozen=True)
class Bucket:
    """A bucket of this run's own."""

    endpoint: str
    access_key: str
    secret_key: str
    name: str

    @property
    def credentials(self) -> dict[str, str]:
        """The variables that a secret for it has."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def put(self, key: str, content: str) -> None:
        """Another writer's object."""
        self._rclone("rcat", f"s3:{self.name}/{key}", content)

    def get(self, key: str) -> str:
        """What another reader gets; "" where there is nothing."""
        return self._rclone("cat", f"s3:{self.name}/{key}")

    def remove(self) -> None:
        """The bucket with all that is in it."""
        self._rclone("purge", f"s3:{self.name}")

    def _rclone(self, verb: str, place: str, stdin: str = "") -> str:
        settings = {
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_S3_TYPE": "s3",
            "RCLONE_CONFIG_S3_PROVIDER": "Other",
            "RCLONE_CONFIG_S3_REGION": os.environ.get("AWS_REGION", "us-east-1"),
            "RCLONE_CONFIG_S3_ENDPOINT": self.endpoint,
            "RCLONE_CONFIG_S3_ACCESS_KEY_ID": self.access_key,
            "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": self.secret_key,
        }
        done = subprocess.run(
            [str(rclone()), verb, place, "--retries=1", "--low-level-retries=2"],
            input=stdin,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode and verb != "cat":
            raise RuntimeError(f"rclone {verb}: {done.stderr[-500:]}")
        return done.stdout


@contextlib.contextmanager
def buckets() -> Iterator[Bucket | None]:
    """A bucket; None where there is neither a server nor one that could be started (`ADVICE` says what to do)."""
    with _server() as found:
        if found is None:
            yield None
            return
        found.put("made", "")
        try:
            yield found
        finally:
            found.remove()


@contextlib.contextmanager
def _server() -> Iterator[Bucket | None]:
    name = f"conformance-{uuid.uuid4().hex[:12]}"
    told, program = os.environ.get(TOLD), server_program()
    if told:
        yield Bucket(told, os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", ""), name)
    elif program is not None:
        with tempfile.TemporaryDirectory(prefix="conformance-s3-", ignore_cleanup_errors=True) as root:

            def answers(endpoint: str) -> None:
                Bucket(endpoint, ACCESS_KEY, SECRET_KEY, name).put("made", "")

            with running(program, Path(root), answers) as endpoint:
                yield Bucket(endpoint, ACCESS_KEY, SECRET_KEY, name)
    else:
        yield None
