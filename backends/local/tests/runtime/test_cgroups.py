"""Control groups: where they can be made, what is written to them, what is read from them, how they go away.

Version 2's rules are the kernel's own where this machine has a writable hierarchy of it, for any controller; what files
are called and hold is looked at in directories that look like one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from intermodal_local.runtime import cgroups
from intermodal_local.runtime.cgroup_places import Hierarchies, hierarchies, make_parents
from intermodal_local.runtime.cgroups import Cgroups, Group

SLEEPER = "import sys; print(open(sys.argv[1], 'w').write('0'), flush=True); sys.stdin.read()"


def unified() -> tuple[Path, str] | None:
    """A writable hierarchy of version 2, and a controller that it offers."""
    mount = hierarchies().mounts.get("")
    if mount is None or not os.access(f"{mount[0]}/cgroup.subtree_control", os.W_OK):
        return None
    offered = (Path(mount[0]) / "cgroup.controllers").read_text().split()
    return (Path(mount[0]), offered[0]) if offered and mount[1] == "/" else None


@pytest.fixture
def slice_(request: pytest.FixtureRequest) -> Iterator[tuple[Path, str]]:
    """A group without processes, and a controller that its groups may be limited by."""
    found = unified()
    if found is None:
        pytest.skip("no writable hierarchy of version 2 with a controller")
    top, controller = found
    was_on = controller in (top / "cgroup.subtree_control").read_text().split()
    (top / "cgroup.subtree_control").write_text(f"+{controller}")
    group = top / f"intermodal-test-{os.getpid()}.slice"
    group.mkdir()
    yield group, controller
    while not cgroups.remove_tree(str(group)):
        pass
    if not was_on:
        try:
            (top / "cgroup.subtree_control").write_text(f"-{controller}")
        except OSError:  # somebody else uses it by now
            pass


def start_in(group: Path) -> subprocess.Popen[bytes]:
    """A process that sits in a group until its input ends."""
    command = [sys.executable, "-c", SLEEPER, str(group / "cgroup.procs")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"1\n"
    return process


def end(process: subprocess.Popen[bytes]) -> int:
    process.communicate()
    return process.returncode


def test_groups_are_made_beside_a_group_with_processes(slice_: tuple[Path, str]) -> None:
    """No group has both processes and groups with limits: the place is the one above, and nothing is left below."""
    above, controller = slice_
    own = above / "app.scope"
    own.mkdir()
    process = start_in(own)
    seen = Hierarchies({"": (str(above.parent), "/")}, {"": f"/{above.name}/{own.name}"})
    version, parents = make_parents("session", seen, (controller,))
    assert (version, parents) == (2, {controller: str(above / "session")})
    assert not (own / "session").exists()
    limited = above / "session" / "container"
    limited.mkdir()
    assert any(path.name.startswith(f"{controller}.") for path in limited.iterdir())
    assert end(process) == 0


def test_what_is_in_a_group_is_killed_with_it(slice_: tuple[Path, str]) -> None:
    """Those in groups below too."""
    above, _ = slice_
    below = above / "session" / "container"
    below.mkdir(parents=True)
    process = start_in(below)
    while not cgroups.remove_tree(str(above / "session")):
        pass
    assert not (above / "session").exists()
    assert end(process) == -signal.SIGKILL


def test_a_group_that_cannot_be_written_to_is_no_place(slice_: tuple[Path, str]) -> None:
    """Nor one whose own controllers lack; then there are none, and nothing is left."""
    above, controller = slice_
    seen = Hierarchies({"": (str(above), f"/{above.name}")}, {"": f"/{above.name}"})
    assert make_parents("session", seen, ("no-such",)) == (0, {})
    assert make_parents("session", Hierarchies({}, {"": "/"}), (controller,)) == (0, {})
    elsewhere = Hierarchies({"": (str(above), f"/{above.name}")}, {"": "/another.slice"})
    assert make_parents("session", elsewhere, (controller,)) == (0, {})
    assert [path for path in above.iterdir() if path.is_dir()] == []


def lookalike(folder: Path, *files: str) -> Group:
    """A directory with files of version 2's memory controller."""
    for name in files:
        (folder / name).touch()
    return Group(2, dict.fromkeys(("memory", "pids", "cpu"), str(folder)))


def test_version_2_out_of_memory_and_peak(tmp_path: Path) -> None:
    """memory.events counts what was killed; memory.peak is missing before Linux 5.19."""
    group = lookalike(tmp_path, "memory.events")
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\noom_group_kill 0\n")
    assert not group.out_of_memory()
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n")
    assert group.out_of_memory()
    assert group.peak() is None
    (tmp_path / "memory.peak").write_text("12345678\n")
    assert group.peak() == 12345678


def test_version_2_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """memory.max in bytes and no swap, pids.max, cpu.max as quota and period in microseconds; all die together."""
    groups = Cgroups("x", Hierarchies({}, {}))
    groups.version, groups._parents = 2, dict.fromkeys(("memory", "pids", "cpu"), str(tmp_path))
    made = os.mkdir

    def mkdir(path: str) -> None:
        made(path)
        for name in ("memory.oom.group", "memory.swap.max"):
            Path(path, name).touch()

    monkeypatch.setattr(os, "mkdir", mkdir)
    groups.create("c", memory=1 << 28, pids=64, cpu=1.5)
    written = {path.name: path.read_text() for path in (tmp_path / "c").iterdir()}
    assert written == {
        "memory.max": str(1 << 28),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "64",
        "cpu.max": "150000 100000",
    }


def test_a_part_of_a_hierarchy_is_looked_at_from_its_top(tmp_path: Path) -> None:
    """A container of another engine sees its own group as the mount's root."""
    (tmp_path / "mountinfo").write_text(
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
        "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n"
        "36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
    )
    (tmp_path / "cgroup").write_text("4:memory:/docker/abc/inner\n1:cpu,cpuacct:/user\n0::/user.slice/a.scope\n")
    seen = hierarchies(str(tmp_path))
    assert seen.place("memory") == ("/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/inner")
    assert seen.place("cpu") == ("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/user")
    assert seen.place("") == ("/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified/user.slice/a.scope")
    assert seen.place("pids") is None
