"""The driver's life with containers that refuse, break the protocol, hang, say what is not theirs, or leave."""

from __future__ import annotations

import asyncio
import os
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import intermodal
from intermodal.engine import Engine
from intermodal.exception import (
    ConnectionError,
    ContainerLostError,
    ContainerStartError,
    InputCancelledError,
    OutOfMemoryError,
    RemoteError,
    ResourceExhaustedError,
)
from intermodal.plugins.roles import ContainerExit, LaunchBusy, LaunchRefused

PATIENCE = 20.0


def body(*args: Any) -> Any:
    """Never runs: the test answers in its place."""


@pytest.fixture
def stage(plain: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The backend's side, from where the test plays the containers."""
    import scripted_backend

    monkeypatch.setenv("INTERMODAL_BACKEND", "scripted")
    made = scripted_backend.reset()
    yield made
    for peer in made.peers:
        peer.guest.close()
        assert peer.stream.fileno() == -1, "the driver left a stream open"


def make(**options: Any) -> tuple[intermodal.App, Any]:
    """An app with one function."""
    app = intermodal.App("scripted")
    return app, app.function(serialized=True, **{"max_containers": 1, **options})(body)


def free(stage: Any) -> bool:
    """Whether the GPU can be had."""

    async def look() -> bool:
        lease = await stage.gpus.acquire("T4", 1)
        if lease is not None:
            await stage.gpus.release(lease)
        return lease is not None

    return asyncio.run(look())


def test_a_call_goes_to_a_ready_container_and_its_result_comes_back(stage: Any) -> None:
    """The whole way, with the test as guest."""
    app, function = make()
    with app.run():
        call = function.spawn(7)
        peer = stage.next_ready()
        ((attempt, args),) = peer.inputs()
        assert args == (7,)
        peer.answer([attempt], ["seven"])
        assert call.get(timeout=PATIENCE) == "seven"
        peer.ends()


@pytest.mark.parametrize("where", ["receive", "next_deadline"])
def test_a_failure_of_the_engine_ends_what_waits(
    stage: Any, where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With an error that says so, at once and for whoever comes later; the app can still be left, and nothing stays."""

    def fails(*_: Any) -> None:
        raise KeyError("a bug")

    app, function = make()
    with app.run():
        call = function.spawn(7)
        with ThreadPoolExecutor(1) as pool:
            waits = pool.submit(lambda: list(function.map([1, 2, 3])))
            peer = stage.next_ready()
            ((attempt, _),) = peer.inputs()
            monkeypatch.setattr(Engine, where, fails)
            peer.answer([attempt], ["seven"])
            with pytest.raises(RemoteError, match=r"Intermodal itself has failed \(KeyError: 'a bug'\)"):
                waits.result(PATIENCE)
        with pytest.raises(RemoteError, match="please report it"):
            function.remote(8)
        if where == "receive":  # else its result had come before
            with pytest.raises(RemoteError, match="please report it"):
                call.get(timeout=PATIENCE)
    assert "a bug" in caplog.text


def test_a_busy_host_is_waited_for(stage: Any) -> None:
    """LaunchBusy: the same input is launched for again."""
    stage.answers += [LaunchBusy("full"), LaunchBusy("full")]
    app, function = make()
    with app.run():
        call = function.spawn(1)
        peer = stage.next_ready()
        ((attempt, _),) = peer.inputs()
        peer.answer([attempt], ["late"])
        assert call.get(timeout=PATIENCE) == "late"
        peer.ends()
    assert stage.arrived.qsize() == 3


@pytest.mark.parametrize("gpu", [None, "T4"])
@pytest.mark.parametrize(
    ("raised", "kind", "words", "launches"),
    [
        (LaunchRefused("the kernel forbids it: do this"), ContainerStartError, "the kernel forbids it: do this", 1),
        (RuntimeError("a bug of the launcher"), ContainerStartError, "a bug of the launcher", 3),
        (KeyError("id"), ContainerStartError, "id", 3),
        (OSError(28, "No space left on device"), ResourceExhaustedError, "no space is left on the disk", 1),
    ],
)
def test_a_launcher_that_raises_fails_the_calls_that_wait(
    stage: Any, gpu: str | None, raised: Exception, kind: type[Exception], words: str, launches: int
) -> None:
    """A refusal at once, anything else after a few tries; the GPU is free again, and other calls try anew."""
    stage.answers += [raised] * launches
    app, function = make(gpu=gpu)
    with app.run():
        with pytest.raises(kind, match=rf"^body: .*{words}"):
            function.remote(1)
        assert stage.arrived.qsize() == launches
        assert free(stage)
        call = function.spawn(2)
        peer = stage.next_ready()
        ((attempt, _),) = peer.inputs()
        peer.answer([attempt], ["fine"])
        assert call.get(timeout=PATIENCE) == "fine"
        peer.ends()


def _garbage(peer: Any) -> None:
    peer.guest.sendall(os.urandom(64).replace(b"\0", b"\1"))


def _oversized_header(peer: Any) -> None:
    peer.guest.sendall(struct.pack("<II", 1 << 31, 0))


def _oversized_segment(peer: Any) -> None:
    peer.guest.sendall(struct.pack("<IIQ", 2, 1, 1 << 60) + b"{}")


def _not_json(peer: Any) -> None:
    peer.guest.sendall(struct.pack("<II", 4, 0) + b"nope")


BREACHES: dict[str, Callable[[Any], None]] = {
    "garbage": _garbage,
    "oversized header": _oversized_header,
    "oversized segment": _oversized_segment,
    "header that is no JSON": _not_json,
    "unknown message": lambda peer: peer.send({"t": "hack"}),
    "missing field": lambda peer: peer.send({"t": "waiting"}),
    "wrong protocol": lambda peer: peer.send({"t": "hello", "protocol": 999}),
    "numbers that are none": lambda peer: peer.send({"t": "results", "row": ["x", "y"]}, [b"\0"]),
    "columns of wrong length": lambda peer: peer.send({"t": "results"}, [b"\0" * 7, b"\0", b"\0", b"\0"]),
    "payload of no form": lambda peer: peer.send({"t": "results", "row": [1, 0]}, [b"\xff"]),
    "shared memory that did not come": lambda peer: peer.send(
        {"t": "results", "row": [1, 0]}, [b'\1{"seg":1,"parts":[[0,10]]}']
    ),
    "descriptors that did not come": lambda peer: peer.send({"t": "log", "stream": 1, "fds": [1]}, [b"x\n"]),
    "a malformed call": lambda peer: peer.send(
        {"t": "submit", "call": "../x", "app": "a", "key": "k", "method": "", "closed": True}, [b""]
    ),
    "log without lines": lambda peer: peer.send({"t": "log", "stream": 1}),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_container_that_breaks_the_protocol_is_cut_off_and_its_input_runs_elsewhere(stage: Any, breach: str) -> None:
    """It is killed, and hurts nobody else."""
    app, function = make(gpu="T4")
    with app.run():
        call = function.spawn(1)
        peer = stage.next_ready()
        peer.inputs()
        BREACHES[breach](peer)
        assert peer.closed()
        second = stage.next_ready()
        assert peer.kills == 1
        ((attempt, _),) = second.inputs()
        second.answer([attempt], ["elsewhere"])
        assert call.get(timeout=PATIENCE) == "elsewhere"
        second.ends()


def test_a_container_that_never_says_hello_is_killed_at_its_startup_timeout(stage: Any) -> None:
    """Nothing waits for ever; the error names the limit."""
    app, function = make(startup_timeout=1, gpu="T4")
    with app.run(), pytest.raises(ContainerStartError, match=r"^body: .*1 s"):
        function.remote(1)
    assert [peer.kills for peer in stage.peers] == [1] * len(stage.peers)
    assert free(stage)


def test_results_of_attempts_that_are_not_its_own_are_ignored(stage: Any) -> None:
    """Fencing: late, foreign and invented attempts, and a second result of one, change nothing."""
    app, function = make(max_containers=2)
    with app.run():
        first, second = function.spawn(1), function.spawn(2)
        peers = {}
        for _ in range(2):
            peer = stage.next_ready()
            ((attempt, (n,)),) = peer.inputs()
            peers[n] = peer, attempt
        (one, mine), (two, theirs) = peers[1], peers[2]
        one.answer([theirs, 12345, 2**63], ["stolen", "invented", "invented"])
        one.answer([mine], ["mine"])
        one.answer([mine], ["twice"])
        assert first.get(timeout=PATIENCE) == "mine"
        two.answer([theirs], ["theirs"])
        assert second.get(timeout=PATIENCE) == "theirs"
        assert first.get(timeout=PATIENCE) == "mine"
        one.ends()
        two.ends()


@pytest.mark.parametrize("message", [{"t": "cancelcall"}, {"t": "grant", "items": 5}, {"t": "add", "closed": True}])
def test_a_container_cannot_touch_calls_that_it_did_not_make(stage: Any, message: dict[str, Any]) -> None:
    """Their ids help it nothing."""
    app, function = make()
    with app.run():
        call = function.spawn(1)
        peer = stage.next_ready()
        ((attempt, _),) = peer.inputs()
        peer.send({**message, "call": call.object_id})
        peer.answer([attempt], ["untouched"])
        assert call.get(timeout=PATIENCE) == "untouched"
        peer.ends()


def test_what_a_container_said_before_it_left_is_heard(stage: Any) -> None:
    """It answers and is gone at once, while the driver still writes to it."""
    app, function = make()
    with app.run():
        calls = [function.spawn(os.urandom(1 << 16)) for _ in range(40)]
        peer = stage.next_ready()
        ((attempt, _), *_) = peer.inputs()
        peer.answer([attempt], ["last words"])
        peer.prints(b"printed without an end")
        peer.ends(ContainerExit(cause="exited", code=0))
        assert calls[0].get(timeout=PATIENCE) == "last words"
        stage.next_ready().ends()
        for call in calls[1:]:
            call.cancel()


@pytest.mark.parametrize(
    ("ending", "kind", "words"),
    [
        (ContainerExit(cause="exited", code=3), ContainerLostError, r"ended \(exited\).*exit code 3"),
        (ContainerExit(cause="out_of_memory", code=137, detail="limit 1 MiB, peak 2 MiB"), OutOfMemoryError, "peak 2"),
        (ContainerExit(cause="lost", detail="its host is gone"), ContainerLostError, "its host is gone"),
        (ValueError("the launcher lost count"), ContainerLostError, "the launcher lost count"),
    ],
)
def test_a_container_that_dies_under_an_input_again_and_again(
    stage: Any, ending: ContainerExit | Exception, kind: type[Exception], words: str
) -> None:
    """A typed error after a bounded number of tries (retry.poison), also where the launcher itself fails."""
    app, function = make(gpu="T4")
    with app.run(), ThreadPoolExecutor() as pool:
        waiting = pool.submit(function.remote, 1)
        tries = 0
        while not waiting.done() and tries < 10:
            peer = stage.next_ready()
            peer.inputs()
            tries += 1
            peer.ends(ending)
            if tries == 3:
                break
        with pytest.raises(kind, match=rf"^body: .*{words}"):
            waiting.result(PATIENCE)
        assert free(stage)


def test_leaving_the_app_while_a_container_starts(stage: Any) -> None:
    """The launch is cancelled, the GPU is free, and the caller hears."""
    stage.answers.append(asyncio.CancelledError())
    app, function = make(gpu="T4")
    with app.run():
        call = function.spawn(1)
        container = stage.arrived.get(timeout=PATIENCE)
        assert not free(stage)
    assert stage.cancelled.get(timeout=PATIENCE) == container
    assert free(stage)
    with pytest.raises((ConnectionError, InputCancelledError)):
        call.get(timeout=PATIENCE)


def test_a_start_that_is_cancelled_when_its_container_runs_leaves_none(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the launch and the moment when this side lets go of the GPUs: it is ended, and the GPU is free."""
    monkeypatch.setenv("INTERMODAL_GRACE_S", "0")
    stage.releases_after_kill = True
    app, function = make(gpu="T4")
    with app.run():
        function.spawn(1)
        peer = stage.next()
        stage.releasing.get(timeout=PATIENCE)
    assert peer.kills == 1
    assert free(stage)


def test_leaving_the_app_in_the_middle_of_a_call(stage: Any) -> None:
    """Whoever waits in another thread gets an error, not silence; the container was asked to stop first."""
    app, function = make()
    failures: list[BaseException] = []

    def wait() -> None:
        try:
            function.remote(1)
        except BaseException as error:  # noqa: BLE001 - any end is an end
            failures.append(error)

    thread = threading.Thread(target=wait)
    with app.run():
        thread.start()
        peer = stage.next_ready()
        peer.inputs()
        threading.Thread(target=lambda: (peer.expect("stop"), peer.ends())).start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert len(failures) == 1
    assert isinstance(failures[0], intermodal.exception.Error)


def test_a_cancelled_caller_cancels_what_runs(stage: Any) -> None:
    """The async task that waited is cancelled: the container is told."""
    app, function = make()

    async def scenario() -> None:
        async with app.run():
            task = asyncio.create_task(function.remote.aio(1))
            peer = await asyncio.to_thread(stage.next_ready)
            ((attempt, _),) = await asyncio.to_thread(peer.inputs)
            task.cancel()
            header, _ = await asyncio.to_thread(peer.expect, "cancel")
            assert header["attempts"] == [attempt]
            peer.ends()

    asyncio.run(scenario())
