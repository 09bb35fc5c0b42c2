"""However a run ends (Ctrl-C, kill -9, a closed terminal), nothing of it is left; two runs share one host rightly."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
from collections.abc import Callable

import pytest
from terminal import Terminal
from workplace import Workplace

APP = """
    import os, subprocess, sys, time
    import intermodal

    app = intermodal.App("ends")
    slow_image = intermodal.Image.debian_slim().run_commands("true", "echo building; sleep 1000")

    @app.function()
    def work(n: int) -> int:
        subprocess.Popen(["setsid", "sleep", "1000"])
        open("/tmp/file", "wb").write(bytes(1 << 20))
        print("working", n, flush=True)
        if n:
            time.sleep(1000)
        return n

    @app.function(image=slow_image)
    def needs_build():
        return 1

    @app.cls()
    class Slow:
        @intermodal.enter()
        def load(self):
            print("starting", flush=True)
            time.sleep(1000)

        @intermodal.method()
        def get(self):
            return 1

    @app.local_entrypoint()
    def main():
        sum(work.map(range(100)))

    @app.local_entrypoint()
    def short():
        print("sum", sum(work.map([0] * 20)))

    @app.local_entrypoint()
    def start():
        Slow().get.remote()

    @app.local_entrypoint()
    def fail():
        raise ValueError("mine")

    @app.local_entrypoint()
    def leave(code: int = 3):
        sys.exit(code)
"""
#: What shows that a run has come to each place.
SIGNS = {"main": "| working", "needs_build": "building", "start": "| starting"}


@pytest.fixture
def run(place: Workplace) -> Callable[[str], list[str]]:
    """The arguments that run an entrypoint of the file."""
    place.write("ends.py", APP)
    return lambda name: ["-m", "intermodal.cli", "run", f"ends.py::{name}"]


def _read_until(process: subprocess.Popen[str], sign: str) -> None:
    """Read both outputs, which are one pipe, until `sign` was written."""
    assert process.stdout is not None
    for line in process.stdout:
        if sign in line:
            return
    raise AssertionError(f"it ended before {sign!r}")


def _finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    assert process.stdout is not None
    with process.stdout:
        text = process.stdout.read()
    return process.wait(), text


@pytest.mark.parametrize("where", SIGNS)
def test_kill_9_of_the_client_leaves_nothing(place: Workplace, run, where: str) -> None:
    """Mid-map, mid-build and mid-start: no process, mount, control group or file (fault 3)."""
    process = place.start(*run(where), stderr=subprocess.STDOUT)
    _read_until(process, SIGNS[where])
    place.leftovers.note()
    assert len(place.leftovers.processes()) > 2
    process.kill()
    place.leftovers.nothing_within(20)
    assert _finish(process)[0] == -signal.SIGKILL


@pytest.mark.parametrize("where", SIGNS)
def test_ctrl_c_ends_everything(place: Workplace, run, where: str) -> None:
    """Piped: exit code 130, no traceback, nothing left."""
    process = place.start(*run(where), stderr=subprocess.STDOUT)
    _read_until(process, SIGNS[where])
    place.leftovers.note()
    process.send_signal(signal.SIGINT)
    code, text = _finish(process)
    assert (code, "Traceback" in text) == (130, False), text
    assert "killed" not in text
    place.leftovers.nothing_within(20)


@pytest.mark.one_user
@pytest.mark.parametrize("where", SIGNS)
def test_ctrl_c_on_a_terminal(place: Workplace, run, where: str) -> None:
    """The key itself, which reaches every process of the terminal's group: the same, and the cursor is back."""
    with Terminal(place, *run(where)) as terminal:
        terminal.wait_until(lambda screen: any(SIGNS[where] in line for line in screen))
        place.leftovers.note()
        terminal.press("\x03")
        assert terminal.wait() == 130
        assert terminal.shows_cursor
        assert "Traceback" not in terminal.text
    place.leftovers.nothing_within(20)


def test_a_closed_terminal_ends_everything(place: Workplace, run) -> None:
    """The window is closed: SIGHUP."""
    with Terminal(place, *run("main")) as terminal:
        terminal.wait_until(lambda screen: any("| working" in line for line in screen))
        place.leftovers.note()
        os.kill(terminal.process.pid, signal.SIGHUP)
        terminal.wait()
    place.leftovers.nothing_within(20)


@pytest.mark.one_user
def test_progress_on_a_terminal(place: Workplace, run) -> None:
    """While it runs: build steps, a bar and the containers below the output. At the end: lasting lines only."""
    place.write(
        "show.py",
        f"""
        import time, intermodal
        app = intermodal.App("show")
        image = intermodal.Image.debian_slim().run_commands("echo of {place.directory}; sleep 1")

        @app.function(image=image, max_containers=2)
        def slow(n):
            time.sleep(0.1)
            if n == 7:
                print("seven")
            return n

        @app.local_entrypoint()
        def main():
            print("the sum is", sum(slow.map(range(30))))
        """,
    )
    with Terminal(place, "-m", "intermodal.cli", "run", "show.py") as terminal:
        assert terminal.wait() == 0
        shown = {line for screen in terminal.screens for line in screen}
        assert any(line.startswith("image of slow  step 2/2 run_commands echo of") for line in shown)
        assert any(re.match(r"slow .*\d+/30 ", line) for line in shown)
        assert any(re.fullmatch(r"containers: [12] slow", line) for line in shown)
        last = terminal.lines
        assert re.fullmatch(r"✓ image of slow built in [\d.]+ s", last[0])
        assert re.fullmatch(r"slow c-\w+-\d \| seven", last[1])
        assert sorted(re.sub(r"[\d.]+ s$", "T", line) for line in last[2:]) == [
            "the sum is 435",
            "✓ slow: 30 inputs done in T",
        ]
        assert terminal.shows_cursor


@pytest.mark.one_user
def test_piped_output_is_plain_lines(place: Workplace, run) -> None:
    """The program's and its containers' output on stdout, progress on stderr, no escapes."""
    done = place.run(*run("short"))
    assert done.returncode == 0
    assert done.stdout.splitlines().count("sum 0") == 1
    assert sum("| working 0" in line for line in done.stdout.splitlines()) == 20
    assert "intermodal: work: 20 inputs done" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.one_user
@pytest.mark.parametrize(
    ("words", "code"),
    [(["short"], 0), (["fail"], 1), (["leave"], 3), (["leave", "--code", "0"], 0), (["nowhere"], 2)],
)
def test_exit_codes(place: Workplace, run, words: list[str], code: int) -> None:
    """As docs/cli.md says."""
    name, *rest = words
    assert place.run(*run(name), *rest).returncode == code


SHARES = """
    import os, time
    import intermodal

    app = intermodal.App("shares")
    CORES = len(os.sched_getaffinity(0))

    @app.function(gpu="T4", max_containers=1)
    def on_gpu(name: str) -> str:
        begun = time.time()
        open("/tmp/held", "w").close()
        time.sleep(0.5)
        return f"{name} {os.environ['CUDA_VISIBLE_DEVICES']} {begun} {time.time()}"

    @app.function(cpu=CORES)
    def on_all_cores(name: str) -> str:
        begun = time.time()
        time.sleep(0.5)
        return f"{name} all {begun} {time.time()}"

    @app.function()
    def count(name: str) -> None:
        numbers = intermodal.Dict.from_name("shared-numbers", create_if_missing=True)
        queue = intermodal.Queue.from_name("shared-queue", create_if_missing=True)
        numbers[name] = 1
        queue.put(name)

    @app.local_entrypoint()
    def main(name: str):
        count.remote(name)
        print(on_gpu.remote(name))
        print(on_all_cores.remote(name))
"""


def test_two_runs_at_once_share_one_host(place: Workplace) -> None:
    """One GPU and all cores are held by one of them at a time; named things are the same for both."""
    place.write("shares.py", SHARES)
    env = {"INTERMODAL_LOCAL_GPUS": "T4:1"}
    words = ["-m", "intermodal.cli", "run", "-q", "shares.py"]
    runs = [place.start(*words, "--name", name, env=env) for name in ("one", "two", "three")]
    held: dict[str, list[tuple[float, float]]] = {"0": [], "all": []}
    for process in runs:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        for line in output.splitlines():
            _, what, begun, ended = line.split()
            held[what].append((float(begun), float(ended)))
    for spans in held.values():
        spans.sort()
        assert len(spans) == 3
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    look = place.run(
        "-c",
        "import intermodal\n"
        "with intermodal.App('look').run():\n"
        "    print(sorted(intermodal.Dict.from_name('shared-numbers').keys()))\n"
        "    print(sorted(intermodal.Queue.from_name('shared-queue').get_many(3)))\n",
    )
    assert look.stdout.splitlines() == ["['one', 'three', 'two']"] * 2, look.stderr


def test_a_gpu_comes_free_when_its_holder_is_killed(place: Workplace) -> None:
    """kill -9 of a run that holds the only GPU: another that waits for it goes on."""
    place.write(
        "shares.py",
        SHARES.replace("time.sleep(0.5)", "print('holding', flush=True); time.sleep(hold)").replace(
            "name: str) -> str:", "name: str, hold: float = 0) -> str:"
        ),
    )
    env = {"INTERMODAL_LOCAL_GPUS": "T4:1"}
    words = ["-m", "intermodal.cli", "run", "-q", "shares.py::on_gpu"]
    holder = place.start(*words, "--name", "holder", "--hold", "1000", env=env)
    _read_until(holder, "holding")
    waiting = place.start(
        "-m", "intermodal.cli", "run", "shares.py::on_gpu", "--name", "next", env=env, stderr=subprocess.STDOUT
    )
    _read_until(waiting, "GPU")
    holder.kill()
    code, text = _finish(waiting)
    assert code == 0
    assert "next 0 " in text
    holder.wait()
    assert holder.stdout is not None
    assert holder.stderr is not None
    holder.stdout.close()
    holder.stderr.close()
