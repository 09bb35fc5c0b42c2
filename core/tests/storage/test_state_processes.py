"""Queues and dicts between real processes: exactly once, woken at once, and nothing acknowledged is lost to a kill."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PEER = Path(__file__).with_name("peer.py")


class Peer:
    """An engine in a process of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PEER), str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._numbers = itertools.count()
        self._answers: dict[int, dict[str, Any]] = {}

    def start(self, method: str, *segments: bytes, **params: Any) -> int:
        number = next(self._numbers)
        asked = {"number": number, "method": method, "params": params, "segments": [part.hex() for part in segments]}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return number

    def finish(self, number: int) -> Any:
        while number not in self._answers:
            self.read()
        return self._answers.pop(number)

    def read(self) -> int | None:
        """The number of the next answer; None where the process has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            return None
        answer = json.loads(line)
        self._answers[answer["number"]] = answer
        return int(answer["number"])

    def ask(self, method: str, *segments: bytes, **params: Any) -> Any:
        return self.finish(self.start(method, *segments, **params))

    def create(self, kind: str, name: str = "shared") -> str:
        return str(self.ask(f"{kind}.create", name=name, create_if_missing=True)["value"]["id"])

    def stop(self) -> None:
        """End it in good order; again changes nothing."""
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.process.communicate()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Callable[[], Peer]]:
    with contextlib.ExitStack() as stack:

        def make() -> Peer:
            made = Peer(tmp_path)
            stack.callback(made.stop)
            return made

        yield make


def numbers(answer: Any) -> list[int]:
    return [int(bytes.fromhex(segment)) for segment in answer["segments"]]


def test_a_blocked_get_is_woken_by_another_process_at_once(peer: Callable[[], Peer]) -> None:
    """A put in one process ends the wait of a get in another at once; nobody looks again and again."""
    one, other = peer(), peer()
    queue = one.create("queue")
    other.create("queue")
    latencies = []
    for number in range(50):
        waiting = one.start("queue.get", id=queue)
        one.ask("queue.len", id=queue)  # answered after the get was tried: it waits now
        before = time.perf_counter()
        other.ask("queue.put", b"%d" % number, id=queue)
        assert numbers(one.finish(waiting)) == [number]
        latencies.append(time.perf_counter() - before)
    assert statistics.median(latencies) < 0.5  # 1-2 ms on an idle machine, two pipes of this test included


def test_a_blocked_put_is_woken_by_a_get_in_another_process(peer: Callable[[], Peer]) -> None:
    """Room made by one process lets another's put go on."""
    one, other = peer(), peer()
    queue = one.create("queue")
    one.ask("queue.put", *[b"0"] * 5_000, id=queue)
    waiting = one.start("queue.put", b"1", b"2", id=queue)
    one.ask("queue.len", id=queue)
    assert len(other.ask("queue.get", id=queue)["value"]) == 1
    assert len(other.ask("queue.get", id=queue)["value"]) == 1
    assert one.finish(waiting)["value"] == {"accepted": True}
    assert other.ask("queue.len", id=queue)["value"] == 5_000


def test_a_deleted_queue_ends_the_wait_of_other_processes(peer: Callable[[], Peer]) -> None:
    """A get that waits for a queue which another process deletes fails with NotFoundError."""
    one, other = peer(), peer()
    queue = one.create("queue")
    waiting = one.start("queue.get", id=queue)
    one.ask("queue.len", id=queue)
    other.ask("queue.delete", name="shared")
    assert one.finish(waiting)["error"] == "NotFoundError"


def test_each_item_is_got_exactly_once_by_racing_processes(peer: Callable[[], Peer]) -> None:
    """Two producers and two consumers: no item is lost or got twice, and each producer's items stay in order."""
    producers, consumers = [peer(), peer()], [peer(), peer()]
    queue = producers[0].create("queue")
    each = 300
    got: list[list[int]] = [[], []]
    pending = [consumer.start("queue.get", id=queue, n=7) for consumer in consumers]
    for number in range(each):
        for index, producer in enumerate(producers):
            producer.start("queue.put", b"%d" % (2 * number + index), id=queue)
    while sum(map(len, got)) < 2 * each:
        for index, consumer in enumerate(consumers):
            answer = consumer.finish(pending[index])
            got[index] += numbers(answer)
            timeout = 0.05 if sum(map(len, got)) < 2 * each else 0
            pending[index] = consumer.start("queue.get", id=queue, n=7, timeout=timeout)
    assert sorted(got[0] + got[1]) == list(range(2 * each))
    for taken in got:
        for index in range(2):
            mine = [number for number in taken if number % 2 == index]
            assert mine == sorted(mine)


def test_one_of_many_racing_processes_wins_a_key(peer: Callable[[], Peer]) -> None:
    """put(skip_if_exists) is atomic across processes: one is told that it stored, and its value is there."""
    racers = [peer() for _ in range(3)]
    shared = racers[0].create("dict")
    for key in range(30):
        asked = [
            (index, racer, racer.start("dict.put", b"%d" % key, b"%d" % index, id=shared, skip_if_exists=True))
            for index, racer in enumerate(racers)
        ]
        winners = [index for index, racer, number in asked if racer.finish(number)["value"]]
        assert len(winners) == 1
        assert numbers(racers[0].ask("dict.get", b"%d" % key, id=shared)) == winners


@pytest.mark.parametrize("seed", range(5))
def test_a_killed_process_loses_nothing_it_acknowledged(peer: Callable[[], Peer], seed: int) -> None:
    """kill -9 amid puts: what was acknowledged is there, each put is there whole or not at all, once, in order."""
    random_ = random.Random(seed)
    victim, survivor = peer(), peer()
    queue = survivor.create("queue")
    waiting = survivor.start("queue.get", id=queue, partition="never")  # its wake-up must survive the kill as well
    for number in range(200):
        victim.start("queue.put", *[b"%d" % number] * 3, id=queue)
    acknowledged = random_.randrange(1, 150)
    for _ in range(acknowledged):
        victim.read()
    victim.process.kill()
    while victim.read() is not None:
        acknowledged += 1
    kept = numbers(survivor.ask("queue.get", id=queue, n=5_000, block=False))
    assert len(kept) >= 3 * acknowledged
    assert kept == [number for number in range(len(kept) // 3) for _ in range(3)]
    peer().ask("queue.put", b"7", id=queue, partition="never")
    assert numbers(survivor.finish(waiting)) == [7]


def test_what_a_killed_waiter_left_is_cleared_away(peer: Callable[[], Peer], tmp_path: Path) -> None:
    """A killed process that waited takes no item, and nothing of it is left once others work on the queue."""
    victim, survivor = peer(), peer()
    queue = survivor.create("queue")
    victim.start("queue.get", id=queue)
    victim.ask("queue.len", id=queue)
    assert len(list((tmp_path / "wake").iterdir())) == 2
    victim.process.kill()
    victim.process.wait()
    survivor.ask("queue.put", b"1", id=queue)
    assert numbers(survivor.ask("queue.get", id=queue)) == [1]
    peer().create("queue")
    assert len(list((tmp_path / "wake").iterdir())) == 2


def test_ephemeral_objects_belong_to_one_process(peer: Callable[[], Peer]) -> None:
    """Another engine does not know an ephemeral queue, so it ends with the process that has it, kill -9 included."""
    one, other = peer(), peer()
    queue = one.ask("queue.create", name=None)["value"]["id"]
    one.ask("queue.put", b"1", id=queue)
    assert other.ask("queue.get", id=queue)["error"] == "NotFoundError"


def test_named_objects_outlive_every_process(peer: Callable[[], Peer]) -> None:
    """What was put is there for a process that starts after all others have ended."""
    one = peer()
    one.ask("queue.put", b"1", b"2", id=one.create("queue"))
    one.ask("dict.put", b"3", b"4", id=one.create("dict"))
    one.stop()
    two = peer()
    assert numbers(two.ask("queue.get", id=two.create("queue"), n=5)) == [1, 2]
    assert numbers(two.ask("dict.get", b"3", id=two.create("dict"))) == [4]
