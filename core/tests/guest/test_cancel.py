"""Cancellation, and giving back what waits (conc.cancel)."""

from __future__ import annotations

from pathlib import Path

import pytest

from intermodal.specs import MethodSpec
from intermodal.specs.status import CANCELLED, OK

from .harness import Host

SLEEPER = """
    import time
    def f(path):
        open(path, "w").close()
        try:
            {wait}
        except Exception:
            return "an Exception"
        finally:
            print("cleaned up")
"""
WAITS = {
    "asleep": "time.sleep(60)",
    "computing": "count = 0\n            while True: count += 1",
    "printing": "\n            while True: print('x')",
}


@pytest.mark.parametrize("wait", list(WAITS))
def test_a_running_sync_input_is_interrupted(tmp_path: Path, wait: str) -> None:
    """It sees a BaseException at once, its `finally` runs, and the next input is not touched."""
    with Host(tmp_path, SLEEPER.format(wait=WAITS[wait]) + "\n    def g(x): return x") as host:
        host.start()
        (attempt,) = host.inputs(str(tmp_path / "flag"))
        host.wait_for_file(tmp_path / "flag")
        host.send({"t": "cancel", "attempts": [attempt]})
        assert host.result(attempt) == (CANCELLED, None)
        assert "cleaned up\n" in [text for _, _, text in host.logs]


def test_an_async_input_is_cancelled_alone(tmp_path: Path) -> None:
    """Its neighbours on the loop go on."""
    source = """
        import asyncio, os
        async def f(path):
            open(path + ".started", "w").close()
            while not os.path.exists(path):
                await asyncio.sleep(0.001)
            return path
    """
    with Host(tmp_path, source) as host:
        host.start(methods=(MethodSpec(is_async=True),), max_inputs=2)
        one, two = str(tmp_path / "one"), str(tmp_path / "two")
        first, second = host.inputs(one, two)
        host.wait_for_file(Path(one + ".started"))
        host.wait_for_file(Path(two + ".started"))
        host.send({"t": "cancel", "attempts": [first]})
        assert host.result(first) == (CANCELLED, None)
        Path(two).touch()
        assert host.result(second) == (OK, two)


def test_an_async_input_is_cancelled_before_its_first_step(tmp_path: Path) -> None:
    """The input and its cancellation come while another holds the loop up: it answers, too."""
    source = """
        import os, time
        async def f(path):
            if path:
                open(path + ".started", "w").close()
                while not os.path.exists(path): time.sleep(0.001)
    """
    with Host(tmp_path, source) as host:
        host.start(methods=(MethodSpec(is_async=True),), max_inputs=2)
        path = str(tmp_path / "one")
        (first,) = host.inputs(path)
        host.wait_for_file(Path(path + ".started"))
        (second,) = host.inputs("")
        host.send({"t": "cancel", "attempts": [second]})
        host.send({"t": "cancel", "attempts": [first]})
        Path(path).touch()
        assert host.result(second) == (CANCELLED, None)


def test_an_input_that_waits_is_dropped(tmp_path: Path) -> None:
    """One that is cancelled before it starts never runs."""
    source = """
        import os, time
        def f(path):
            print("ran", os.path.basename(path))
            while not os.path.exists(path): time.sleep(0.001)
    """
    with Host(tmp_path, source) as host:
        host.start()
        first, second = host.inputs(str(tmp_path / "one"), str(tmp_path / "two"))
        host.send({"t": "cancel", "attempts": [second]})
        host.expect("returned")  # the cancellation was read before
        (tmp_path / "one").touch()
        host.result(first)
        assert [text for _, _, text in host.logs] == ["ran one\n"]


def test_a_cancellation_never_reaches_the_next_input(tmp_path: Path) -> None:
    """Cancelling inputs that end at just that moment, many times over, harms no other."""
    with Host(tmp_path, "def f(n):\n    for _ in range(n): pass\n    return n") as host:
        host.start()
        victims, others = [], []
        for round_number in range(150):
            (victim,) = host.inputs(200_000 + 1000 * (round_number % 50))
            victims.append(victim)
            host.send({"t": "cancel", "attempts": [victim]})
            others += host.inputs(7, 8)
            if round_number % 10 == 0:
                host.result(victim)
        returned: set[int] = set()

        def all_answered() -> bool:
            returned.update(a for h, _ in host.seen if h["t"] == "returned" for a in h["attempts"])
            return all(each in host.results or each in returned for each in [*victims, *others])

        host.until(all_answered)
        for other in others:
            if other not in returned:
                assert host.result(other) in ((OK, 7), (OK, 8))
        for victim in victims:
            if victim not in returned:
                assert host.result(victim)[0] in (OK, CANCELLED)


@pytest.mark.parametrize(("kind", "is_async"), [("def", False), ("async def", True)])
def test_inputs_behind_a_slow_one_are_given_back(tmp_path: Path, kind: str, is_async: bool) -> None:
    """What was sent ahead and has not started goes back, so that another container can do it."""
    wait = "await __import__('asyncio').sleep(60)" if is_async else "time.sleep(60)"
    with Host(tmp_path, f"import time\n{kind} f(n):\n    {wait}") as host:
        host.start(methods=(MethodSpec(is_async=is_async),))
        _, *behind = host.inputs(1, 2, 3)
        header, _ = host.expect("returned")
        assert sorted(header["attempts"]) == behind
        host.process.kill()


def test_results_do_not_wait_behind_a_slow_input(tmp_path: Path) -> None:
    """Finished inputs are reported though a later one of the same frame takes for ever."""
    with Host(tmp_path, "import time\ndef f(n): time.sleep(n)") as host:
        host.start()
        *fast, _ = host.inputs(*[0] * 50, 60)
        host.until(lambda: all(attempt in host.results for attempt in fast))
        host.process.kill()
