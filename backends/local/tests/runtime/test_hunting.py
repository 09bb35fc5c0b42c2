"""Ending what has no pid namespace around it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

from intermodal_local.runtime import hunting, sampling

PROGRAM = """
import json, os, time
from intermodal_local.runtime import hunting, sampling

looks = 0
def counted(*roots, trees=sampling.trees):
    global looks
    looks += 1
    return trees(*roots)
sampling.trees = counted

for _ in range(200):
    if not os.fork():
        time.sleep(600)
        os._exit(0)
for _ in range(100):
    if not os.fork():
        os._exit(0)  # nobody has waited for it: a zombie
keep = os.fork()
if not keep:
    time.sleep(600)
    os._exit(0)
hunting.kill_strays([keep])
left = hunting.children(os.getpid())
os.kill(keep, 9)
print(json.dumps({"left": left == [keep], "looks": looks}))
"""


def test_many_strays_are_ended_together() -> None:
    """A fork bomb leaves thousands to the supervisor: the process table is not read once for each of them."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(done.stdout)
    assert told["left"], "only the known child is left"
    assert told["looks"] < 10


def test_whoever_got_the_number_of_one_that_ended_is_left_alone() -> None:
    """Numbers of processes come back; a process is known by when it began, too."""
    with subprocess.Popen(["sleep", "600"]) as process:
        began = sampling.began(process.pid)
        assert began is not None
        hunting.send_to({process.pid: began - 1}, signal.SIGKILL)
        hunting.send_to({process.pid: began}, signal.SIGTERM)  # which ends it only where the first did not
        assert process.wait(60) == -signal.SIGTERM
    assert sampling.began(process.pid) != began
