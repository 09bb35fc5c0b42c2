"""An app that mounts a bucket of the tests' S3 server."""

from __future__ import annotations

import os
from pathlib import Path

import intermodal

app = intermodal.App("buckets")
secret = intermodal.Secret.from_local_environ(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])


def bucket(**more):
    """The bucket that the environment names."""
    place = {"secret": secret, "bucket_endpoint_url": os.environ.get("TEST_S3", "http://127.0.0.1:1"), **more}
    return intermodal.CloudBucketMount(os.environ.get("TEST_BUCKET", "none"), **place)


HERE = Path("/bucket")


@app.function(volumes={"/bucket": bucket()})
def whole(path: str, content: str | None = None) -> list[str]:
    """Write a file, where there is content; all files below `path`."""
    place = HERE / path
    if content is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        place = place.parent
    return sorted(str(each.relative_to(HERE)) for each in place.rglob("*") if each.is_file())


@app.function(volumes={"/below": bucket(key_prefix="deep/er/"), "/fixed": bucket(read_only=True)})
def parts() -> tuple[list[str], str]:
    """What is seen below a prefix, and what writing to a mount that is read-only says."""
    try:
        Path("/fixed/x").write_text("x")
    except OSError as error:
        return sorted(os.listdir("/below")), str(error)
    return sorted(os.listdir("/below")), "written"


@app.function(volumes={"/bucket": bucket()})
def told() -> str:
    """All that this container and its processes know of credentials."""
    known = [repr(dict(os.environ)), Path("/proc/self/mountinfo").read_text()]
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                known.append((process / name).read_text())
            except OSError:
                continue
    return "\n".join(known)


@app.function(
    volumes={
        "/bucket": bucket(
            secret=intermodal.Secret.from_dict(
                {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "hush-hush-hush"}
            )
        )
    }
)
def refused() -> None:
    """Never started."""
    raise AssertionError("user code ran")


@app.function(
    volumes={
        "/bucket": intermodal.CloudBucketMount(
            "not-there-at-all", os.environ.get("TEST_S3", "http://127.0.0.1:1"), secret=secret
        )
    }
)
def absent() -> None:
    """Never started."""
    raise AssertionError("user code ran")


@app.function(volumes={"/bucket": bucket()})
def waits(path: str) -> None:
    """Says that it runs, by a file; for ever."""
    import time

    (HERE / path).write_text("here")
    while True:
        time.sleep(0.1)


@app.function(volumes={"/bucket": bucket()})
def outlives(path: str) -> None:
    """Reads until the bucket is gone, then goes on writing to a file that is open."""
    with (HERE / "never-written").open("w") as file:
        file.write("begun")
        (HERE / path).write_text("here")
        try:
            while True:
                (HERE / "a/one").read_bytes()
        except OSError as error:
            print("gone:", type(error).__name__)
        file.write("ended")
