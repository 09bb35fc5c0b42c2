"""Named queues and dicts in a process where no app runs (queue.*, dict.*)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import intermodal
from intermodal.driver.standing import close
from intermodal.plugins import Config

WITHOUT_APP = """
import asyncio, sys
import intermodal

box = intermodal.Dict.from_name("box", create_if_missing=True)
line = intermodal.Queue.from_name("line", create_if_missing=True)
"""


class Python:
    """Runs programs, one process each, over one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.env = {**os.environ, "INTERMODAL_DATA_DIR": str(data_dir), "PYTHONWARNINGS": "error"}

    def start(self, program: str) -> subprocess.Popen[str]:
        """Begin a program."""
        return subprocess.Popen(
            [sys.executable, "-c", WITHOUT_APP + program],
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program: str) -> str:
        """What it printed."""
        process = self.start(program)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        return out


@pytest.fixture(autouse=True)
def nobody_stands() -> Iterator[None]:
    """This process begins and ends without a client of its own: each test has another data directory."""
    close()
    yield
    close()


@pytest.fixture
def python(tmp_path: Path) -> Python:
    return Python(tmp_path)


def test_what_one_process_puts_another_finds(python: Python) -> None:
    """Both without an app; nothing of them stays behind but the data."""
    python.run("box['a'] = 1; line.put_many(['x', 'y'])")
    assert python.run("print(box['a'], line.get(), line.len())") == "1 x 1\n"
    assert list(Path(python.env["INTERMODAL_DATA_DIR"], "wake").iterdir()) == []


def test_a_get_that_waits_is_woken_by_another_process(python: Python) -> None:
    """At once, not by looking again: the getter has no timeout."""
    getter = python.start("line.len(); print('waits', flush=True); print(line.get())")
    assert getter.stdout is not None
    assert getter.stdout.readline() == "waits\n"
    python.run("line.put('woken')")
    assert getter.communicate(timeout=120) == ("woken\n", "")


def test_a_put_that_waits_is_woken_by_another_process(python: Python) -> None:
    """The same for room."""
    python.run("line.put_many([0] * 5000)")
    putter = python.start("print('waits', flush=True); line.put('last'); print(line.len())")
    assert putter.stdout is not None
    assert putter.stdout.readline() == "waits\n"
    python.run("line.get_many(3)")
    assert putter.communicate(timeout=120) == ("4998\n", "")


def test_async_twins_need_no_app_either(python: Python) -> None:
    """From the caller's own event loop, many at a time, which wait for each other."""
    program = """
async def main():
    gets = [asyncio.ensure_future(line.get.aio(timeout=60)) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.gather(*(line.put.aio(n) for n in range(3)))
    print(sorted(await asyncio.gather(*gets)))
    await box.put.aio("k", "v")
    print([pair async for pair in box.items.aio()], [each.name for each in await intermodal.Dict.objects.list.aio()])
asyncio.run(main())
"""
    assert python.run(program) == "[0, 1, 2]\n[('k', 'v')] ['box']\n"


def test_environments_are_apart(python: Python) -> None:
    """One name, two objects; `environment_name` and the setting name the same one."""
    python.run("intermodal.Dict.from_name('box', environment_name='other', create_if_missing=True)['a'] = 2")
    assert python.run("print(box.get('a'))") == "None\n"
    python.env["INTERMODAL_ENVIRONMENT"] = "other"
    assert python.run("print(box['a'])") == "2\n"


def add_one() -> None:
    """Runs in a container."""
    line = intermodal.Queue.from_name("line")
    line.put(line.get(timeout=60) + 1)


def test_containers_and_this_process_share_them() -> None:
    """Before, while and after an app runs."""
    app = intermodal.App("shares")
    work = app.function(serialized=True)(add_one)
    line = intermodal.Queue.from_name("line", create_if_missing=True)
    line.put(1)
    with app.run():
        work.remote()
        between = line.get()
        line.put(between)
        work.remote()
    assert (between, line.get()) == (2, 3)


def test_a_forked_child_has_a_connection_of_its_own(python: Python) -> None:
    """Parent and child use the same handles after a fork, at the same time."""
    program = """
import os, warnings
warnings.simplefilter("ignore")
box["n"] = 0
child = os.fork()
for n in range(200):
    line.put((bool(child), n))
if not child:
    os._exit(0)
os.waitpid(child, 0)
got = line.get_many(500)
print(all([n for mine, n in got if mine is who] == list(range(200)) for who in (True, False)), len(got))
"""
    assert python.run(program) == "True 400\n"


def test_ctrl_c_tears_nothing(python: Python) -> None:
    """Interrupts at any moment of puts and gets on the main thread: what follows works, and nothing is torn."""
    program = """
import signal, warnings
warnings.simplefilter("ignore")  # of coroutines that an interrupt kept from beginning
# Python swallows what a callback of its own raises, such as a weak reference's: so the interrupt comes again.
sys.unraisablehook = lambda swallowed: None
signal.signal(signal.SIGALRM, signal.default_int_handler)
line.len(), box.len()
for n in range(300):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0001 + n % 17 * 0.00007, 5)
        while True:
            line.put_many([1, 2, 3])
            line.get_many(3)
            box.put(n, n)
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
left = line.get_many(5000, block=False)
print(len(left) % 3, box.len() <= 300, box.put("alive", 1), line.put("alive"), line.get())
"""
    assert python.run(program) == "0 True True None alive\n"


def test_an_ephemeral_one_needs_no_app(python: Python) -> None:
    """It lives in this process and ends with its block."""
    program = """
with intermodal.Queue.ephemeral() as mine:
    mine.put(1)
    print(mine.get(), mine.get(block=False), intermodal.Queue.objects.list())
try:
    mine.put(2)
except intermodal.exception.NotFoundError as error:
    print("closed" in str(error))
"""
    assert python.run(program) == "1 None []\nTrue\n"


def test_objects_makes_lists_and_deletes_them(python: Python) -> None:
    """`Dict.objects` and `Queue.objects`, the two apart from each other."""
    program = """
from intermodal import exception
def refused(kind, work, *args, **how):
    try: work(*args, **how)
    except kind as error: return str(error)
for cls in (intermodal.Dict, intermodal.Queue):
    cls.objects.create("b")
    assert "named 'b' already" in refused(exception.AlreadyExistsError, cls.objects.create, "b")
    cls.objects.create("b", allow_existing=True)
    cls.objects.create("a")
    assert [each.name for each in cls.objects.list()] == ["a", "b"], cls.objects.list()
    assert [info.size for info in cls.objects.describe()] == [0, 0]
    assert cls.objects.list(environment_name="other") == []
    cls.objects.delete("a")
    assert "named 'a'" in refused(exception.NotFoundError, cls.objects.delete, "a")
    cls.objects.delete("a", allow_missing=True)
    assert [each.name for each in cls.objects.list()] == ["b"]
print("all")
"""
    assert python.run(program) == "all\n"


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each of many small operations."""
    box = intermodal.Dict.from_name("box", create_if_missing=True)
    box["a"] = 1
    monkeypatch.setattr(Config, "load", lambda *_, **__: pytest.fail("the settings are read again"))
    assert box["a"] == 1


def test_a_call_still_needs_an_app() -> None:
    """The message says how to run one."""
    app = intermodal.App("idle")

    @app.function(serialized=True)
    def work() -> Any: ...

    with pytest.raises(intermodal.exception.InvalidError, match=r"app\.run\(\)"):
        work.remote()
