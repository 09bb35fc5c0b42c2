"""Large values go through shared memory whose pages come back (architecture, data plane)."""

from __future__ import annotations

import os
from pathlib import Path

from intermodal.specs import MethodSpec
from intermodal.specs.status import OK
from intermodal.wire.payload import SharedPayload, dumps

from .harness import Host

SIZE = 3 << 20


def test_large_values_echo_through_shared_memory(tmp_path: Path) -> None:
    """Both ways, and every segment that was lent is released again."""
    for head in ("def", "async def"):
        with Host(tmp_path, f"{head} f(data): return data") as host:
            host.start(methods=(MethodSpec(is_async=head != "def"),))
            for fill in (b"a", b"b", b"c"):
                payload = dumps(((fill * SIZE,), {}), host.arena)
                assert isinstance(payload, SharedPayload)
                segment = payload.segment
                (attempt,) = host.inputs(payloads=[payload])
                payload.drop()
                assert host.result(attempt) == (OK, fill * SIZE)
                host.until(lambda: not host.lent._held)
                assert host.arena.allocate(SIZE).id == segment.id
                segment.drop()
            assert host.stop() == 0


def test_a_guest_reuses_what_the_host_released(tmp_path: Path) -> None:
    """Many large results need few segments."""
    with Host(tmp_path, f"def f(n): return bytes({SIZE})") as host:
        host.start()
        for _ in range(20):
            (attempt,) = host.inputs(0)
            assert host.result(attempt)[0] == OK
            released = [list(each) for each in host.releases]
            host.releases.clear()
            host.send({"t": "release", "segments": released})
        segments = {seg for header, _ in host.seen for seg in header.get("fds", ())}
        assert len(segments) <= 3


def test_many_large_results_pass_more_descriptors_than_one_message_holds(tmp_path: Path) -> None:
    """A batch of hundreds of shared-memory results arrives whole."""
    from intermodal.specs import BatchPolicy

    methods = (MethodSpec(batching=BatchPolicy(max_size=300, wait_s=0.1)),)
    with Host(tmp_path, "def f(a): return [bytes(200_000) for _ in a]") as host:
        host.start(methods=methods)
        attempts = host.inputs(*range(260), batch=True)
        for attempt in attempts:
            assert host.result(attempt) == (OK, bytes(200_000))


def test_a_view_keeps_its_memory_until_it_is_gone(tmp_path: Path) -> None:
    """An array that user code keeps stays what it was, though the host sends more."""
    source = """
        kept = []
        def f(data):
            kept.append(data)
            return [bytes(each[:1]) for each in kept]
    """
    import pickle

    with Host(tmp_path, source) as host:
        host.start()
        for n, fill in enumerate((b"a", b"b", b"c"), 1):
            buffer = bytearray(fill * SIZE)
            payload = dumps(((pickle.PickleBuffer(buffer),), {}), host.arena)
            (attempt,) = host.inputs(payloads=[payload])
            del payload
            assert host.result(attempt) == (OK, [b"a", b"b", b"c"][:n])


def test_without_descriptor_passing_large_values_go_inline(tmp_path: Path) -> None:
    """A guest over stdio, as on a remote engine."""
    with Host(tmp_path, "def f(data):\n    print('x')\n    return data", stdio=True) as host:
        host.arena = None  # type: ignore[assignment]
        host.start()
        data = os.urandom(1 << 20)
        (attempt,) = host.inputs((data,))
        assert host.result(attempt) == (OK, data)
        assert host.logs == [(1, attempt, "x\n")]
        assert host.stop() == 0
