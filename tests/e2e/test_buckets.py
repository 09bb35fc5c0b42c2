"""Buckets of a real S3 server as files in containers (bucket.mount)."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import obstore
import pytest

import intermodal
from intermodal.exception import ContainerStartError, Error
from s3_server import FaultyWay, S3Server

APP = Path(__file__).with_name("app_buckets.py")

pytestmark = pytest.mark.skipif(
    not os.access("/dev/fuse", os.R_OK | os.W_OK) or shutil.which("fusermount3") is None,
    reason="mounting buckets into containers needs FUSE",
)


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server) -> Iterator[str]:
    """A bucket with some files, and the environment of who may use it."""
    bucket = s3_server.bucket()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**s3_server.variables, "TEST_S3": s3_server.endpoint, "TEST_BUCKET": bucket}.items():
            patch.setenv(name, value)
        client = s3_server.client(bucket)
        for key in ("a/one", "deep/er/two"):
            obstore.put(client, key, key.encode())
        yield bucket


@pytest.fixture(scope="module")
def program(bucket: str) -> Iterator[ModuleType]:
    """The app, running."""
    spec = importlib.util.spec_from_file_location("app_buckets", APP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["app_buckets"] = module
    spec.loader.exec_module(module)
    with module.app.run(show_output=False):
        yield module


def in_bucket(server: S3Server, bucket: str, key: str) -> bytes | None:
    try:
        return bytes(obstore.get(server.client(bucket), key).bytes())
    except FileNotFoundError:
        return None


def eventually(condition: Callable[[], bool]) -> None:
    """It comes true."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "this did not come true within a minute"
        time.sleep(0.05)


def mounts() -> list[str]:
    """Every mount of a bucket on this host."""
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if "fuse.rclone" in line]


def test_a_bucket_is_read_listed_and_written(program: ModuleType, s3_server: S3Server, bucket: str) -> None:
    """What a container writes is in the bucket soon after the file was closed."""
    assert program.whole.remote("a") == ["a/one"]
    assert program.whole.remote("new/file", "content") == ["new/file"]
    eventually(lambda: in_bucket(s3_server, bucket, "new/file") == b"content")


def test_a_prefix_and_a_mount_that_is_read_only(program: ModuleType) -> None:
    """Only what is below the prefix is seen; writing is an error at once. Two mounts in one container."""
    names, said = program.parts.remote()
    assert names == ["two"]
    assert "Read-only file system" in said


def test_credentials_are_nowhere_in_the_container(program: ModuleType, s3_server: S3Server) -> None:
    """Neither in its environment nor in any command line; on the host in no command line."""
    known = program.told.remote()
    assert "fuse.rclone" in known
    assert s3_server.secret_key not in known
    assert s3_server.access_key not in known
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert s3_server.secret_key not in command.read_text()
        except OSError:
            continue


def test_wrong_credentials_and_an_absent_bucket_are_refused_before_user_code_starts(program: ModuleType) -> None:
    """The error names the bucket and what to check, and nothing secret."""
    with pytest.raises(Error, match=r"bucket.*Check the secret") as caught:
        program.refused.remote()
    assert "user code" not in str(caught.value)
    assert "hush-hush" not in str(caught.value)
    with pytest.raises(Error, match=r"'not-there-at-all'.*no such bucket"):
        program.absent.remote()


def start(data: Path, function: str, word: str, **more: str) -> subprocess.Popen[str]:
    """`intermodal run` of a function, with a data directory of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "intermodal.cli", "run", f"{APP}::{function}", "--path", word],
        env={**os.environ, "INTERMODAL_DATA_DIR": str(data), **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_what_was_written_is_in_the_bucket_when_the_run_has_ended(
    s3_server: S3Server, bucket: str, tmp_path: Path, backend: str
) -> None:
    """On every backend: the end waits for it, and nothing is left of the mount."""
    words = ["run", "--backend", backend, f"{APP}::whole", "--path", f"last/{backend}", "--content", "x" * 9_999]
    done = subprocess.run(
        [sys.executable, "-m", "intermodal.cli", *words],
        env={**os.environ, "INTERMODAL_DATA_DIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert in_bucket(s3_server, bucket, f"last/{backend}") == b"x" * 9_999
    assert s3_server.secret_key not in done.stdout + done.stderr
    assert not [line for line in mounts() if str(tmp_path) in line]
    assert list((tmp_path / "buckets").iterdir()) == []


@pytest.mark.parametrize("whom", ["client", "rclone"])
def test_after_a_kill_nothing_is_left(s3_server: S3Server, bucket: str, tmp_path: Path, whom: str) -> None:
    """Of the program, or of what mounts the bucket; then the program ends by an error, or is ended by hand."""
    run = start(tmp_path, "waits", f"here-{whom}")
    eventually(lambda: in_bucket(s3_server, bucket, f"here-{whom}") == b"here")
    if whom == "client":
        run.kill()
    else:
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            words = command.read_bytes().split(b"\0")
            if words[1:2] == [b"mount"] and any(str(tmp_path).encode() in word for word in words):
                os.kill(int(command.parent.name), 9)
        run.terminate()
    run.communicate(timeout=60)
    eventually(lambda: not [line for line in mounts() if str(tmp_path) in line])
    eventually(lambda: list((tmp_path / "buckets").iterdir()) == [])


def helpers(data: Path) -> list[int]:
    """The processes on this host that look after what is mounted for a data directory: keepers, and what they run."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if any(word.startswith(os.fsencode(data / "buckets")) for word in command.read_bytes().split(b"\0")):
                found.append(int(command.parent.name))
    return found


@pytest.mark.one_user
def test_helpers_that_were_stopped_clean_up(s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    """From outside, by SIGSTOP; then the program is killed."""
    run = start(tmp_path, "waits", "here-stopped")
    eventually(lambda: in_bucket(s3_server, bucket, "here-stopped") == b"here")
    stopped = helpers(tmp_path)
    assert len(stopped) == 2
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    run.kill()
    run.communicate(timeout=60)
    eventually(lambda: not helpers(tmp_path))
    eventually(lambda: list((tmp_path / "buckets").iterdir()) == [])
    assert not [line for line in mounts() if str(tmp_path) in line]


@pytest.mark.one_user
def test_a_bucket_that_goes_away_is_an_error_and_no_endless_wait(
    s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    """User code gets an error of input and output; at the end the files that could not be written are named."""
    way = FaultyWay(s3_server)
    run = start(tmp_path, "outlives", "here-outlives", TEST_S3=way.endpoint)
    eventually(lambda: in_bucket(s3_server, bucket, "here-outlives") == b"here")
    way.close()
    said, _ = run.communicate(timeout=180)
    assert run.returncode == 0, said
    assert "gone: OSError" in said
    assert "could not be written to the bucket" in said
    assert "never-written" in said
    assert not [line for line in mounts() if str(tmp_path) in line]
    assert list((tmp_path / "buckets").iterdir()) == []


def test_what_can_never_be_is_refused_at_once() -> None:
    """Names, prefixes and addresses that cannot be."""
    for given in ({"bucket_name": "s3://x"}, {"key_prefix": "a"}, {"key_prefix": "/a/"}, {"bucket_endpoint_url": "x"}):
        with pytest.raises(intermodal.exception.InvalidError, match="CloudBucketMount"):
            intermodal.CloudBucketMount(**{"bucket_name": "fine", **given})


def test_a_sandbox_has_a_bucket(s3_server: S3Server, bucket: str, backend: str) -> None:
    """On every backend: read, written out before anybody hears of its end, with no credentials inside; wrong ones are
    an error before anything starts."""
    secret = intermodal.Secret.from_local_environ(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
    wrong = intermodal.Secret.from_dict({"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "hush-hush-hush"})
    mount = {"bucket_name": bucket, "bucket_endpoint_url": s3_server.endpoint}
    volumes = {
        "/bucket": intermodal.CloudBucketMount(**mount, secret=secret),
        "/fixed": intermodal.CloudBucketMount(**mount, secret=secret, key_prefix="deep/", read_only=True),
    }
    app = intermodal.App("bucket-sandboxes")
    with app.run(backend=backend):
        sandbox = intermodal.Sandbox.create(app=app, volumes=volumes)
        script = "cat /bucket/a/one /fixed/er/two; printf s > /bucket/of-$0; echo x > /fixed/x"
        process = sandbox.exec("sh", "-c", script, backend)
        assert process.stdout.read() == "a/onedeep/er/two"
        assert "Read-only file system" in process.stderr.read()
        known = "cat /proc/self/mountinfo /proc/[0-9]*/environ /proc/[0-9]*/cmdline"
        known = sandbox.exec("sh", "-c", known, text=False).stdout.read()
        assert b"fuse.rclone" in known
        assert s3_server.secret_key.encode() not in known
        assert s3_server.access_key.encode() not in known
        sandbox.terminate()
        assert in_bucket(s3_server, bucket, f"of-{backend}") == b"s"
        with pytest.raises(ContainerStartError, match=r"bucket.*Check the secret") as caught:
            intermodal.Sandbox.create(app=app, volumes={"/x": intermodal.CloudBucketMount(**mount, secret=wrong)})
        assert "hush-hush" not in str(caught.value)
