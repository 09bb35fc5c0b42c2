"""Layers are found again, shared by concurrent builders, and gone without a trace where a build did not end."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from intermodal.exception import ImageBuildError
from intermodal.plugins import BuiltImage
from intermodal.specs import CopyFiles, DebianSlim, FileEntry, FileTree, ImageSpec, RunCommands, SetEnv, SetWorkdir
from intermodal_local.images import LocalBuilder
from intermodal_local.images.keys import local_layers
from processes import command_lines


def commands(*texts: str, force: bool = False) -> RunCommands:
    """A step of shell commands."""
    return RunCommands(commands=texts, force=force)


def test_a_second_build_finds_every_step_in_the_cache(workshop: Any) -> None:
    """In the same session and in the next."""
    steps = [commands("date +%N > /root/a"), SetEnv(variables=(("A", "1"),)), commands("echo $A > /root/b")]
    first = workshop.build(*steps)
    assert workshop.said.cached == [True, False, False]
    assert workshop.build(*steps) == first
    assert workshop.said.cached == [True, True, True]
    other = workshop.again()
    assert other.build(*steps) == first
    assert other.said.cached == [True, True, True]
    other.close()


def test_a_change_rebuilds_that_step_and_later_ones_only(workshop: Any) -> None:
    """image.immutable"""
    workshop.build(commands("true one"), commands("true two"), commands("true three"))
    workshop.build(commands("true one"), commands("true 2"), commands("true three"))
    assert workshop.said.cached == [True, True, False, False]


def test_a_change_of_environment_rebuilds_what_follows(workshop: Any) -> None:
    """A step may depend on all that was set before it."""
    step = commands("echo $A > /root/a")
    workshop.build(SetEnv(variables=(("A", "1"),)), SetWorkdir(path="/srv"), step)
    workshop.build(SetEnv(variables=(("A", "2"),)), SetWorkdir(path="/srv"), step)
    assert workshop.said.cached == [True, False]


def test_force_rebuilds_once_a_session_and_replaces_the_cache(workshop: Any) -> None:
    """The forced step and all after it; the unforced definition then finds the new layers."""
    stamp = "date +%s%N > /root/stamp"
    steps = [commands("true"), commands(stamp), commands("true after")]
    forced = [steps[0], commands(stamp, force=True), steps[2]]
    old = workshop.build(*steps)
    new = workshop.build(*forced)
    assert workshop.said.cached == [True, True, False, False]
    assert new.ref != old.ref
    assert workshop.build(*forced).ref == new.ref
    assert workshop.said.cached == [True] * 4
    assert workshop.again().build(*steps).ref == new.ref


def test_threads_that_want_one_step_share_one_build(workshop: Any) -> None:
    """Two images with a common prefix in one session, at once."""
    common = commands("date +%N > /root/a")

    async def both() -> list[BuiltImage]:
        images = [ImageSpec(base=DebianSlim(python=""), steps=(common, commands(f"true {i}"))) for i in range(4)]
        builds = (workshop.builder.build(image, workshop.blobs, workshop.said) for image in images)
        return await asyncio.gather(*builds)

    built = asyncio.run(both())
    assert len({json.loads(image.ref)["layers"][-1] for image in built}) == 1
    assert sum(title.startswith("run_commands date") and not cached for _, title, cached in workshop.said.steps) == 1


SESSION = """
import asyncio, sys
from pathlib import Path
from intermodal.specs import DebianSlim, ImageSpec, RunCommands
from intermodal_local.images import Grounds, LocalBuilder

class Sink:
    def step(self, number, total, title, *, cached):
        print("step", number, cached, flush=True)
    def output(self, number, line):
        print("line", line, flush=True)

async def main(root, data, isolation, *commands):
    builder = LocalBuilder(Path(root), Grounds(Path(data), isolation).find)
    steps = tuple(RunCommands(commands=(command,)) for command in commands)
    built = await builder.build(ImageSpec(base=DebianSlim(python=""), steps=steps), None, Sink())
    print("built", built.ref, flush=True)
    await builder.close()

asyncio.run(main(*sys.argv[1:]))
"""


def session(workshop: Any, data: Path, *words: str) -> subprocess.Popen[str]:
    """Another process that builds an image of these commands."""
    argv = [sys.executable, "-c", SESSION, str(workshop.root), str(data), "namespaces", *words]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def test_processes_that_want_one_step_share_one_build(workshop: Any, shared_data: Path) -> None:
    """Each of three sessions gets the same layer; one of them made it."""
    sessions = [session(workshop, shared_data, "date +%N > /root/a; sleep 0.3") for _ in range(3)]
    said = [process.communicate()[0].splitlines() for process in sessions]
    assert [process.returncode for process in sessions] == [0, 0, 0]
    assert len({lines[-1] for lines in said}) == 1
    assert sum("step 2 False" in lines for lines in said) == 1


def key_of(workshop: Any, step: RunCommands, python: str = "") -> str:
    """What the layer of `step` on the bare base is called."""
    image = ImageSpec(base=DebianSlim(python=python), steps=(step,))
    return local_layers({image.base: asyncio.run(workshop.grounds.find(image.base)).identity}, image)[-1].plain


def wait_for_lock(workshop: Any, key: str) -> None:
    """Block until nobody builds `key` any more."""
    with open(workshop.root / "lock", "r+") as file:
        lock = struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, int(key[:15], 16), 1, 0)
        fcntl.fcntl(file, fcntl.F_OFD_SETLKW, lock)


def running(marker: str) -> list[str]:
    """Processes whose command line has `marker`, but for this one."""
    every = ((pid, line.replace(b"\0", b" ").decode(errors="replace")) for pid, line in command_lines())
    return [text for pid, text in every if marker in text and pid != os.getpid()]


def test_a_killed_session_leaves_no_process_and_no_half_layer(workshop: Any, shared_data: Path) -> None:
    """kill -9 while a step runs: its container ends, its scratch goes, and the next session builds the step."""
    marker = f"98{os.getpid()}"
    command = f"echo half > /root/half; echo begun; sleep {marker}"
    process = session(workshop, shared_data, command)
    assert process.stdout is not None
    for line in process.stdout:
        if line == "line begun\n":
            break
    assert running(f"sleep {marker}")
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    wait_for_lock(workshop, key_of(workshop, commands(command)))
    assert running(f"sleep {marker}") == []
    assert workshop.leftovers == []
    assert workshop.images() == []
    assert str(workshop.root) not in Path("/proc/self/mounts").read_text()


def test_what_a_crash_left_is_removed_by_the_next_build_or_prune(workshop: Any) -> None:
    """Even the box's own cleaning may not have happened: the power may have gone."""
    step = commands("true")
    key = key_of(workshop, step, python=f"{sys.version_info.major}.{sys.version_info.minor}")
    for name in (f"{key}.0123", "ff" * 32 + ".4567"):
        (workshop.root / "tmp" / name / "layer").mkdir(parents=True)
    workshop.build(step)
    assert workshop.leftovers == ["ff" * 32 + ".4567"]
    workshop.prune()
    assert workshop.leftovers == []


def test_a_failing_step_leaves_the_earlier_ones_and_nothing_of_itself(workshop: Any) -> None:
    """And is tried again by the next build."""
    good, bad = commands("true"), commands("echo words; exit 7")
    with pytest.raises(ImageBuildError, match=r"step 3 of 3 \(run_commands echo words; exit 7\).*code 7(.|\n)*words"):
        workshop.build(good, bad)
    assert workshop.leftovers == []
    assert len(workshop.images()) == 1
    with pytest.raises(ImageBuildError):
        workshop.build(good, bad)
    assert workshop.said.cached == [True, True, False]


def test_cancelling_a_build_ends_its_step(workshop: Any) -> None:
    """The coroutine returns when the container is gone."""
    marker = f"97{os.getpid()}"
    begun = threading.Event()
    workshop.said.told = lambda line: begun.set() if line == "begun" else None
    image = ImageSpec(base=DebianSlim(python=""), steps=(commands(f"echo begun; sleep {marker}"),))

    async def cancel() -> None:
        task = asyncio.create_task(workshop.builder.build(image, workshop.blobs, workshop.said))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert running(f"sleep {marker}") == []
    assert workshop.leftovers == []


def test_closing_the_builder_ends_running_builds(workshop: Any) -> None:
    """Nothing waits for a step that nobody wants any more."""
    begun = threading.Event()
    workshop.said.told = lambda line: begun.set() if line == "begun" else None
    image = ImageSpec(base=DebianSlim(python=""), steps=(commands("echo begun; sleep 1000"),))

    async def close() -> None:
        task = asyncio.create_task(workshop.builder.build(image, workshop.blobs, workshop.said))
        await asyncio.to_thread(begun.wait)
        await workshop.builder.close()
        with pytest.raises(Exception, match="cancelled"):
            await task

    asyncio.run(close())


def test_prune_keeps_what_a_session_uses(workshop: Any) -> None:
    """Whatever it is asked for; afterwards it goes."""
    workshop.build(commands("true one"), commands("true two"))
    pruner = workshop.again()
    assert pruner.prune(everything=True).removed == ()
    assert [info.in_use for info in pruner.images()] == [True, True]
    workshop.close()
    assert [info.in_use for info in pruner.images()] == [False, False]
    assert len(pruner.prune(everything=True).removed) == 2
    assert pruner.images() == []


def test_prune_removes_by_age_since_the_last_use(workshop: Any) -> None:
    """A layer that was built long ago but found today stays."""
    steps = [commands("true one"), commands("true two")]
    builder = workshop.again()
    builder.build(*steps)
    builder.close()
    for meta in workshop.root.glob("layers/*/layer.json"):
        os.utime(meta, (1_000_000_000, 1_000_000_000))
    finder = workshop.again()
    finder.build(steps[0])
    finder.close()
    removed = workshop.prune(older_than_s=3600).removed
    assert len(removed) == 1
    (left,) = workshop.images()
    assert left.title == "run_commands true one"
    assert left.used > left.created


def test_prune_removes_replaced_layers_whatever_their_age(workshop: Any) -> None:
    """A forced build leaves the old layer behind; nothing will ever find it again, nor what lies on it."""
    session = workshop.again()
    session.build(commands("true"), commands("true on it"))
    session.build(commands("true", force=True))
    session.close()
    assert len(workshop.images()) == 3
    assert len(workshop.prune(older_than_s=3600).removed) == 2
    assert [info.title for info in workshop.images()] == ["run_commands true"]


def test_listed_sizes_and_freed_bytes_agree(workshop: Any) -> None:
    """Bytes of the files of a layer."""
    session = workshop.again()
    data = workshop.blobs.add(b"x" * 100_000)
    session.build(CopyFiles(tree=FileTree((FileEntry("big", data, 100_000),)), target="/srv"))
    session.close()
    (info,) = workshop.images()
    assert info.size == 100_000
    assert workshop.prune(everything=True).bytes_freed == 100_000


def test_a_pruned_layer_is_built_again(workshop: Any) -> None:
    """In a session that has not used it."""
    session = workshop.again()
    session.build(commands("true"))
    session.close()
    workshop.prune(everything=True)
    workshop.build(commands("true"))
    assert workshop.said.cached == [True, False]


def test_a_builder_that_never_built_closes(tmp_path: Path, workshop: Any) -> None:
    """Twice, too."""
    builder = LocalBuilder(tmp_path / "other", workshop.grounds.find)
    asyncio.run(builder.close())
    asyncio.run(builder.close())
