"""bucket.mount: a bucket of a real S3 server, seen as files by functions and sandboxes."""

from __future__ import annotations

import pytest

from intermodal import App, CloudBucketMount, Sandbox, Secret
from intermodal.exception import CapabilityNotSupported, Error
from intermodal_conformance.apps.common import SMALL
from intermodal_conformance.apps.volumes import no_bucket
from intermodal_conformance.buckets import ADVICE, Bucket
from intermodal_conformance.marks import refusal, requirement
from intermodal_conformance.target import Target


def of(target: Target) -> Bucket:
    """The run's bucket."""
    assert target.bucket is not None, ADVICE
    return target.bucket


def mount(bucket: Bucket, credentials: dict[str, str] | None = None, prefix: str | None = None) -> CloudBucketMount:
    """All of it to write to, or what is below a prefix to read."""
    return CloudBucketMount(
        bucket.name,
        bucket.endpoint,
        secret=Secret.from_dict(credentials or bucket.credentials),
        key_prefix=prefix,
        read_only=prefix is not None,
    )


def look(own: str) -> dict[str, str]:
    """What a container sees of the bucket; it writes a file, and tries to where that is not allowed."""
    import os
    from pathlib import Path

    Path("/all", own).write_text("written inside")
    try:
        Path("/below/new").write_text("")
        said = "written"
    except OSError as error:
        said = os.strerror(error.errno or 0)
    return {
        "names": " ".join(sorted(os.listdir("/below"))),
        "content": Path("/all/given/one").read_text(),
        "said": said,
        "environment": repr(dict(os.environ)),
    }


@requirement("bucket.mount")
def test_a_function_sees_a_bucket_as_files(target: Target) -> None:
    """Reads, lists, writes; only what is below a prefix; nothing of the credentials. The end waits for the writes."""
    bucket = of(target)
    bucket.put("given/one", "1")
    app = App("conformance-bucket")
    volumes = {"/all": mount(bucket), "/below": mount(bucket, prefix="given/")}
    function = app.function(serialized=True, **SMALL, volumes=volumes)(look)
    with app.run():
        seen = function.remote("from-function")
    assert (seen["names"], seen["content"], seen["said"]) == ("one", "1", "Read-only file system")
    assert bucket.secret_key not in seen["environment"]
    assert bucket.get("from-function") == "written inside"


@requirement("bucket.mount")
def test_a_sandbox_sees_a_bucket_as_files(target: Target) -> None:
    """What it wrote is there when its end is told; a backend without sandboxes refuses them."""
    bucket = of(target)
    bucket.put("given/two", "2")
    app = App("conformance-bucket")
    with app.run():
        if "exec" not in target.supported:
            with pytest.raises(CapabilityNotSupported, match="exec"):
                Sandbox.create(app=app, volumes={"/all": mount(bucket)})
            return
        sandbox = Sandbox.create(app=app, volumes={"/all": mount(bucket)})
        process = sandbox.exec("sh", "-c", "cat /all/given/two; printf 3 > /all/from-sandbox")
        assert process.stdout.read() == "2"
        assert process.wait() == 0
        sandbox.terminate()
        assert bucket.get("from-sandbox") == "3"


@requirement("bucket.mount")
def test_a_bucket_that_cannot_be_read_is_an_error_before_user_code(target: Target) -> None:
    """It names the bucket, and nothing of the credentials."""
    bucket = of(target)
    wrong = {"AWS_ACCESS_KEY_ID": "nobody-at-all", "AWS_SECRET_ACCESS_KEY": "nothing-that-is-right"}
    app = App("conformance-bucket")
    volumes = {"/all": mount(bucket, wrong), "/below": mount(bucket, wrong, "given/")}
    function = app.function(serialized=True, **SMALL, volumes=volumes)(look)
    with app.run(), pytest.raises(Error) as caught:
        function.remote("from-nobody")
    assert bucket.name in str(caught.value)
    assert wrong["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)


@refusal("bucket.mount", capability="bucket.mount")
def test_a_bucket_that_cannot_be_mounted_is_refused(target: Target) -> None:
    """By name, when the function is called."""
    with pytest.raises(CapabilityNotSupported, match=r"bucket\.mount"):
        no_bucket.remote()
