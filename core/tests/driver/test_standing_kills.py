"""kill -9 of processes that use a named queue and dict, at any moment (queue.*, dict.*; faults 1 and 3).

What holds: an acknowledged put is there, whole and in its producer's order, until somebody gets it. No item is given
twice. An item that a process had taken when it was killed, and nobody heard of, is gone with it: at most one for each
killed getter.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

WORKER = """
import itertools, json, sys
import intermodal

me, role = int(sys.argv[1]), sys.argv[2]
line = intermodal.Queue.from_name("line", create_if_missing=True)
box = intermodal.Dict.from_name("box", create_if_missing=True)

def say(*what):
    print(json.dumps(what), flush=True)

say("ready", 0)
for n in itertools.count():
    if role == "put":
        line.put_many([(me, n, half) for half in (0, 1)], timeout=600)
        box[me] = n
        say("put", n)
    else:
        say("got", line.get(timeout=600))
"""
REST = """
import json
import intermodal

line = intermodal.Queue.from_name("line", create_if_missing=True)
line.put(("alive", 0, 0))
left = []
while not left or left[-1][0] != "alive":
    left.append(line.get(timeout=60))
print(json.dumps([left, list(intermodal.Dict.from_name("box").items())]))
"""


class Worker:
    """A process that puts or gets until it is killed."""

    def __init__(self, number: int, role: str, env: dict[str, str]) -> None:
        self.number, self.role = number, role
        self.heard: list[Any] = []
        command = [sys.executable, "-c", WORKER, str(number), role]
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)

    def hear(self) -> bool:
        """Wait for one line; False where it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line.endswith("\n"):
            self.heard.append(json.loads(line))
        return line.endswith("\n")

    def kill(self) -> None:
        """Kill it, and hear what it had still said."""
        self.process.kill()
        while self.hear():
            pass
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def said(self, what: str) -> list[Any]:
        """What it acknowledged."""
        return [value for kind, value in self.heard if kind == what]


@pytest.mark.parametrize("seed", range(2))
def test_what_was_acknowledged_survives_and_nothing_comes_twice(tmp_path: Path, seed: int) -> None:
    """Two putters and two getters at a time, each killed after as many operations as chance wills, then replaced."""
    draw = random.Random(seed)
    env = {**os.environ, "INTERMODAL_DATA_DIR": str(tmp_path)}
    workers: list[Worker] = []
    for number in range(6):
        workers.append(Worker(number, "put" if number % 2 == 0 else "get", env))
        alive = [worker for worker in workers if worker.process.returncode is None]
        if number >= 3:
            victim = draw.choice(alive[:-1])
            for _ in range(draw.randrange(1, 60)):
                victim.hear()
            victim.kill()
    for worker in sorted(workers, key=lambda each: each.role):  # getters first: putters keep them busy to the end
        if worker.process.returncode is None:
            worker.kill()
    done = subprocess.run(
        [sys.executable, "-c", REST], env=env, capture_output=True, text=True, timeout=120, check=True
    )
    left, entries = json.loads(done.stdout)

    taken = [item for worker in workers for item in worker.said("got")]
    seen = Counter(map(tuple, [*taken, *left]))
    assert max(seen.values()) == 1
    missing = 0
    for worker in workers:
        if worker.role == "put":
            for n in range(len(worker.said("put"))):
                missing += sum((worker.number, n, half) not in seen for half in (0, 1))
            mine = [item for item in left if item[0] == worker.number]
            assert mine == sorted(mine)
            last = dict(entries).get(worker.number, -1)
            assert last - len(worker.said("put")) + 1 in (0, 1)
    assert missing <= sum(worker.role == "get" for worker in workers)
    for worker in workers:
        if worker.role == "get":
            for putter in range(6):
                order = [item for item in worker.said("got") if item[0] == putter]
                assert order == sorted(order)
