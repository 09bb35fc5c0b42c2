"""Containers that are killed, run out of memory, fork without end, crash, or will not stop; readers that do not read.

Limits on time are far above what is usual (milliseconds): they tell slow from never.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import app_faults as m
import pytest
from workplace import Workplace

import intermodal as modal
from intermodal.exception import ContainerLostError, InputCancelledError, OutOfMemoryError
from processes import command_lines

PATIENCE = 60


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERMODAL_LOCAL_GPUS", "T4:1")
        with m.app.run():
            yield


def until(met: Callable[[], object]) -> None:
    """Wait until `met()` is true."""
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def running_with(word: str) -> list[int]:
    """Processes, in whatever container, that have `word` among their arguments."""
    return [pid for pid, line in command_lines() if word.encode() in line.split(b"\0")]


def parent_of(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1])


@pytest.mark.parametrize("victim", ["guest", "init", "zygote"])
def test_a_killed_container_is_seen_and_its_input_tried_again(victim: str) -> None:
    """1: kill -9 of the user's process, the container's first process, or the zygote it came from; nothing survives."""
    mark = f"9{os.getpid()}.{len(victim)}"
    with modal.Dict.ephemeral() as box:
        call = m.second_try.spawn(box, mark)
        until(lambda: running_with(mark))
        pid = parent_of(running_with(mark)[0])
        for _ in range(["guest", "init", "zygote"].index(victim)):
            pid = parent_of(pid)
        began = time.time()
        os.kill(pid, signal.SIGKILL)
        assert 0 <= call.get(timeout=PATIENCE) - began < 10
    assert running_with(mark) == []


def test_out_of_memory_is_a_typed_error_with_limit_and_peak() -> None:
    """13: and neither neighbours nor later inputs suffer."""
    assert m.take_memory.remote(10) == 10 << 20
    neighbour = m.double.spawn(4)
    with pytest.raises(OutOfMemoryError, match=r"limit 200 MiB, peak \d+ MiB"):
        m.take_memory.remote(2000)
    assert neighbour.get() == 8
    assert m.take_memory.remote(10) == 10 << 20


def test_a_fork_bomb_ends_with_its_container() -> None:
    """14: neighbours answer meanwhile, and a kill of its container is the end of all of it."""
    mark = f"7{os.getpid()}.5"
    with modal.Dict.ephemeral() as box:
        bomb = m.fork_bomb.spawn(box, mark)
        until(lambda: box.contains("on"))
        assert [m.double.remote(n) for n in range(200)] == [2 * n for n in range(200)]
        bomb.cancel(terminate_containers=True)
        with pytest.raises(InputCancelledError):
            bomb.get(timeout=PATIENCE)
    until(lambda: not running_with(mark))
    assert m.double.remote(1) == 2


def test_a_poisonous_input_ends_after_a_bounded_number_of_tries() -> None:
    """15: others of its map progress."""
    values = list(m.poison.map(range(6), return_exceptions=True))
    assert values[:3] + values[4:] == [0, 1, 2, 4, 5]
    assert isinstance(values[3], ContainerLostError)
    assert str(values[3]).endswith(": exit code 7")


def test_a_generator_waits_for_a_slow_reader() -> None:
    """17: it is ahead by a bounded number of items, and ends soon after its reader leaves."""
    with modal.Dict.ephemeral() as box:
        stream = m.produce.remote_gen(box)
        assert next(stream) == 0
        seen = -1
        while seen != (seen := box["produced"]):
            m.double.remote(1)
        assert seen < 1000
        stream.close()
        assert m.double.remote(2) == 4
        assert box["produced"] < 2000


def test_cancelling_what_will_not_stop_kills_its_whole_tree() -> None:
    """18: the call is over at once for its caller; after the grace period everything is gone and the GPU is free."""
    mark = f"8{os.getpid()}.5"
    with modal.Dict.ephemeral() as box:
        call = m.stubborn.spawn(box, mark)
        until(lambda: box.contains("up") and len(running_with(mark)) == 2)
        call.cancel()
        with pytest.raises(InputCancelledError):
            call.get(timeout=5)
        assert m.stubborn.remote(box, "") == "0"
        assert running_with(mark) == []
        again = m.stubborn.spawn(box, mark)
        until(lambda: len(running_with(mark)) == 2)
        again.cancel(terminate_containers=True)
        assert m.stubborn.remote(box, "") == "0"
        assert running_with(mark) == []


CRASHES = """
    import os, intermodal
    app = intermodal.App("crashes")

    @app.function()
    def f():
        return 1

    if not intermodal.is_local():
        {crash}
"""


@pytest.mark.parametrize(
    ("crash", "words"),
    [
        ("os._exit(9)", ["ContainerStartError", "ended (exited) before it was ready: exit code 9"]),
        ("raise KeyError('no such setting')", ["crashes.py", "KeyError: 'no such setting'"]),
        ("os.kill(os.getpid(), 11)", ["ContainerStartError", "ended (killed) before it was ready: signal 11"]),
    ],
)
def test_a_crash_while_the_users_file_is_imported_ends_in_a_typed_error(
    place: Workplace, crash: str, words: list[str]
) -> None:
    """15: after a bounded number of starts, with the exit code or the user's own error."""
    place.write(
        "crashes.py",
        CRASHES.format(crash=crash)
        + "\n    if __name__ == '__main__':\n        with app.run():\n            f.remote()\n",
    )
    done = place.run("crashes.py")
    assert done.returncode == 1
    for word in words:
        assert word in done.stderr


LARGE = """
    import resource, sys, intermodal
    app = intermodal.App("large")

    @app.function()
    def echo(data):
        assert len(data) == 1 << 30
        return data

    if __name__ == "__main__":
        with app.run():
            data = bytes(1 << 30)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            size = len(echo.remote(data))
            more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            print(size, more // 1024)
"""


@pytest.mark.one_user
def test_a_gibibyte_travels_both_ways_in_bounded_memory(place: Workplace) -> None:
    """16: the argument once in shared memory, the result once in it and once as bytes: no more copies than that."""
    place.write("large.py", LARGE)
    done = place.run("large.py")
    assert done.returncode == 0, done.stderr
    size, mebibytes = map(int, done.stdout.split())
    assert size == 1 << 30
    assert mebibytes < 3 * 1024 + 200


TALKS = """
    import sys, app_faults
    from app_faults import app, chatter

    @app.local_entrypoint()
    def main(lines: int = 20000):
        chatter.remote(lines)
        open("said", "w").close()
"""


def _talks(place: Workplace) -> list[str]:
    source = Path(m.__file__).read_text()
    place.write("app_faults.py", source)
    place.write("talks.py", TALKS)
    return ["-m", "intermodal.cli", "run", "-q", "talks.py"]


def test_output_waits_for_a_slow_reader_and_none_is_lost(place: Workplace) -> None:
    """17, log.lines: 40 MB through a pipe that is read late."""
    process = place.start(*_talks(place), stderr=sys.stderr)
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 0
    said = [line.partition(" | ")[2] for line in lines]
    assert [line for line in said if line.startswith("python")] == [f"python {n} {'x' * 1000}" for n in range(20_000)]
    assert [line for line in said if line.startswith("child")] == [f"child {'y' * 1000}"] * 20_000


@pytest.mark.one_user
def test_output_that_nobody_reads_is_dropped_with_a_mark(place: Workplace) -> None:
    """17: the work ends meanwhile, and what was dropped is counted where it was."""
    process = place.start(*_talks(place), "--lines", "60000", stderr=subprocess.STDOUT)
    until((place.directory / "said").exists)
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 0
    marks = [
        int(found[1]) for line in lines if (found := re.search(r"\[(\d+) lines of output were dropped here", line))
    ]
    assert marks
    assert sum(marks) + len(lines) - len(marks) == 2 * 60_000


@pytest.mark.one_user
def test_a_reader_that_leaves_does_not_stop_the_work(place: Workplace) -> None:
    """17: as with `| head -1`."""
    process = place.start(*_talks(place), stderr=sys.stderr)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.wait(timeout=PATIENCE)
    assert (place.directory / "said").exists()


def test_nobody_reads_and_the_user_gives_up(place: Workplace) -> None:
    """17: a full pipe never keeps Ctrl-C from ending everything."""
    process = place.start(*_talks(place))
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    place.leftovers.nothing_within(10)
    assert process.wait(timeout=PATIENCE) == 130
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.close()
