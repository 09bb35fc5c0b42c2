"""GPUs of build steps: who waits for whom, what is said meanwhile, and how it ends (image.resources)."""

from __future__ import annotations

import queue
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import intermodal
from intermodal.definitions.lowering import lower_image
from intermodal.exception import CapabilityNotSupported, InvalidError, ResourceExhaustedError
from intermodal.specs import SandboxSpec, to_json
from intermodal.specs.status import ERROR
from intermodal.wire import columns
from intermodal.wire.payload import dumps, loads

PATIENCE = 60.0
RECORDER = """
import queue
from intermodal.plugins import hookimpl
lines = queue.Queue()

@hookimpl
def intermodal_image_output(events):
    for event in events:
        lines.put(event.line)
"""


def body(*args: Any) -> Any:
    """Never runs: the test answers in its place."""


def other_body(*args: Any) -> Any:
    """The same, of another pool."""


@pytest.fixture
def stage(plain: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The side of a backend with one T4, whose containers and build steps are the test's."""
    import scripted_backend

    monkeypatch.setenv("INTERMODAL_BACKEND", "scripted")
    monkeypatch.setenv("INTERMODAL_GRACE_S", "0")
    made = scripted_backend.reset()
    yield made
    for peer in made.peers:
        peer.guest.close()


@pytest.fixture
def lines(stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[queue.Queue[str]]:
    """What builds print."""
    name = f"lines_{tmp_path.name}".replace("-", "_")
    (tmp_path / "site" / f"{name}.py").write_text(RECORDER)
    monkeypatch.setenv("INTERMODAL_PLUGINS", name)
    yield __import__(name).lines
    del sys.modules[name]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """For calls that wait."""
    with ThreadPoolExecutor() as pool:
        yield pool


def needing(gpu: Any = "T4") -> intermodal.Image:
    """An image with one step, which needs devices."""
    return intermodal.Image.debian_slim().run_commands("train", gpu=gpu)


def apps() -> tuple[intermodal.App, Any, Any]:
    """An app with a function that holds the GPU, and one whose image needs it."""
    app = intermodal.App("building")
    holder = app.function(serialized=True, gpu="T4", name="holder", max_containers=1)(body)
    built = app.function(serialized=True, image=needing(), name="built", max_containers=1)(other_body)
    return app, holder, built


def step(stage: Any) -> Any:
    """The next that runs."""
    return stage.steps.get(timeout=PATIENCE)


def finish(stage: Any, call: Future[Any], value: str) -> None:
    """The next container answers the call."""
    peer = stage.next_ready()
    ((attempt, _),) = peer.inputs()
    peer.answer([attempt], [value])
    assert call.result(PATIENCE) == value
    peer.ends()


def test_a_step_has_the_devices_while_it_runs(stage: Any, threads: ThreadPoolExecutor) -> None:
    """They are leased like a container's, and are free for the container itself afterwards."""
    app = intermodal.App("building")
    function = app.function(serialized=True, gpu="T4", image=needing())(body)
    with app.run():
        call = threads.submit(function.remote, 1)
        running = step(stage)
        assert [device.kind for device in running.gpus.devices] == ["T4"]
        assert dict(running.gpus.env)["CUDA_VISIBLE_DEVICES"] == "0"
        running.over.set()
        peer = stage.next_ready()
        assert peer.gpus.devices == running.gpus.devices
        ((attempt, _),) = peer.inputs()
        peer.answer([attempt], ["done"])
        assert call.result(PATIENCE) == "done"
        peer.ends()


def test_a_step_waits_for_who_holds_the_device_and_says_so(
    stage: Any, lines: queue.Queue[str], threads: ThreadPoolExecutor
) -> None:
    """By name of function and container; it runs when that has ended."""
    app, holder, built = apps()
    with app.run():
        threads.submit(holder.remote, 1)
        peer = stage.next_ready()
        ((attempt, _),) = peer.inputs()
        call = threads.submit(built.remote, 1)
        said = lines.get(timeout=PATIENCE)
        assert said == f"waiting for GPU T4: in use by holder (container {peer.id})"
        assert stage.steps.empty()
        peer.answer([attempt], ["over"])
        peer.ends()
        step(stage).over.set()
        finish(stage, call, "built")


def test_a_step_gives_up_after_a_bounded_time(
    stage: Any, monkeypatch: pytest.MonkeyPatch, threads: ThreadPoolExecutor
) -> None:
    """The error names who holds the device and what to do; the next call tries again."""
    monkeypatch.setenv("INTERMODAL_BUILD_GPU_WAIT_S", "0.3")
    app, holder, built = apps()
    with app.run():
        held = threads.submit(holder.remote, 1)
        peer = stage.next_ready()
        ((attempt, _),) = peer.inputs()
        with pytest.raises(ResourceExhaustedError, match=r"built: step 2 .* T4.* holder \(container .*BUILD_GPU_WAIT"):
            built.remote(1)
        peer.answer([attempt], ["over"])
        assert held.result(PATIENCE) == "over"
        peer.ends()
        call = threads.submit(built.remote, 1)
        step(stage).over.set()
        finish(stage, call, "built after all")


def test_a_nested_call_that_waits_for_its_callers_own_device_fails_at_once(
    stage: Any, threads: ThreadPoolExecutor
) -> None:
    """Not after the time that a build may wait, which is minutes; the caller hears why and goes on."""
    app, holder, built = apps()
    with app.run():
        call = threads.submit(holder.remote, 1)
        peer = stage.next_ready()
        ((attempt, _),) = peer.inputs()
        target = {"app": app.name, "key": built._target.key, "method": "", "parent": attempt}
        peer.send({"t": "submit", "call": "fc-nested-call", "closed": True, **target}, [b"", dumps(((1,), {}), None)])
        header, segments = peer.expect("outputs")
        (_, statuses), (payload,) = columns.read(header, columns.OUTPUTS, segments)
        assert list(statuses) == [ERROR]
        with pytest.raises(ResourceExhaustedError, match="holder-1 → built-2"):
            raise loads(payload)
        peer.answer([attempt], ["went on"])
        assert call.result(PATIENCE) == "went on"
        peer.ends()


def test_a_sandbox_that_waits_for_its_makers_own_device_fails_at_once(stage: Any, threads: ThreadPoolExecutor) -> None:
    """As a nested call does; the build that nobody waits for any more gets the device when it is free."""
    app, holder, _ = apps()
    with app.run():
        call = threads.submit(holder.remote, 1)
        peer = stage.next_ready()
        ((attempt, _),) = peer.inputs()
        spec = SandboxSpec(app=app.name or "", image=lower_image(needing()).spec)
        params = {"spec": to_json(spec), "env": {}, "blobs": [], "build_secrets": {}, "bucket_secrets": {}}
        peer.send({"t": "request", "id": 1, "method": "sandbox.create", "params": params})
        header, _ = peer.expect("reply")
        assert (header["ok"], header["error"]) == (False, "ResourceExhaustedError")
        assert "the function that makes it" in header["message"]
        peer.answer([attempt], ["went on"])
        assert call.result(PATIENCE) == "went on"
        peer.ends()
        step(stage).over.set()


def test_a_list_moves_on_and_what_is_not_there_is_refused(
    stage: Any, monkeypatch: pytest.MonkeyPatch, threads: ThreadPoolExecutor
) -> None:
    """As with containers: at once where a choice is not there, and only a busy one is waited for."""
    monkeypatch.setenv("INTERMODAL_GPU_WAIT_S", "3600")
    app = intermodal.App("building")
    listed = app.function(serialized=True, image=needing(["H100", "T4"]), name="listed")(body)
    absent = app.function(serialized=True, image=needing("H100:2"), name="absent")(other_body)
    with app.run():
        with pytest.raises(ResourceExhaustedError, match=r"absent: step 2 .* H100:2 .* T4:1"):
            absent.remote(1)
        call = threads.submit(listed.remote, 1)
        step(stage).over.set()
        finish(stage, call, "listed")


def test_leaving_the_app_ends_the_wait(stage: Any, lines: queue.Queue[str], threads: ThreadPoolExecutor) -> None:
    """The build is cancelled, and nothing runs in it."""
    app, holder, built = apps()
    with app.run():
        threads.submit(holder.remote, 1)
        stage.next_ready().inputs()
        threads.submit(built.remote, 1)
        lines.get(timeout=PATIENCE)
    stage.cancelled_builds.get(timeout=PATIENCE)
    assert stage.steps.empty()


def test_a_backend_that_cannot_is_told_by_name(plain: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is built."""
    monkeypatch.setenv("INTERMODAL_PLAIN_SUPPORTS", "image.run_commands")
    app = intermodal.App("building")
    function = app.function(serialized=True, image=needing())(body)
    with app.run(), pytest.raises(CapabilityNotSupported) as caught:
        function.remote(1)
    assert caught.value.capability == "image.gpu"


def test_a_wrong_request_is_refused_at_definition() -> None:
    """With the method's name."""
    with pytest.raises(InvalidError, match=r"Image\.run_commands: there is no GPU named 'H101'"):
        needing("H101")
