"""The process that mounts into running containers: one for many orders, and gone with whoever started it."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from intermodal.exception import BackendError
from intermodal.plugins.mounter import Mounter
from intermodal.specs import SharedMount

WITHIN_S = 60
#: Starts one, says its process id, and goes on for ever; so does a fork of it.
OWNER = """
import os, signal
from intermodal.exception import BackendError
from intermodal.plugins.mounter import Mounter

mounter = Mounter()
try:
    mounter.mount((), os.pidfd_open(os.getpid()), swap=False)
except BackendError:
    pass  # who may not join namespaces gets an answer, too
if os.fork():
    print(mounter._process.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def container() -> Iterator[int]:
    """A pidfd of a process with mounts of its own."""
    if os.geteuid() != 0:
        pytest.skip("a mount namespace without a user namespace needs root")
    words = ["unshare", "--mount", "sh", "-c", "echo up; exec sleep 1000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"up\n":
            pytest.skip("this host does not let root make mount namespaces")
        fd = os.pidfd_open(process.pid)
        try:
            yield fd
        finally:
            os.close(fd)
            process.kill()


def pid_of(container: int) -> int:
    """The process id behind a pidfd."""
    lines = Path(f"/proc/self/fdinfo/{container}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


def directory(path: Path, name: str) -> Path:
    """A directory with one file that has its name."""
    path = path / name
    path.mkdir()
    (path / name).write_text(name)
    return path


def ended(pid: int) -> bool:
    """It ends within a while."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], WITHIN_S)[0])
    finally:
        os.close(fd)


def test_one_process_mounts_again_and_again(tmp_path: Path, container: int) -> None:
    """Each order is seen in the container and nowhere else; the process that was there before does it; none is left."""
    mounter, seen = Mounter(), set()
    for name in ("a", "b", "c"):
        target = tmp_path / "targets" / name
        target.mkdir(parents=True)
        order = SharedMount(source=str(directory(tmp_path, name)), target=str(target))
        mounter.mount((order,), container, swap=False)
        assert Path(f"/proc/{pid_of(container)}/root{target}/{name}").read_text() == name
        assert list(target.iterdir()) == []
        assert mounter._process is not None
        seen.add(mounter._process.pid)
    mounter.close()
    mounter.close()
    assert len(seen) == 1
    assert ended(*seen)


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2048, reason="no process may open so many files")
def test_a_process_with_many_open_files_mounts(tmp_path: Path, container: int) -> None:
    """Also where the numbers of its descriptors are beyond what select(2) takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    open_files = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
    target = tmp_path / "target"
    target.mkdir()
    mounter = Mounter()
    try:
        order = SharedMount(source=str(directory(tmp_path, "a")), target=str(target))
        mounter.mount((order,), container, swap=False)
        assert Path(f"/proc/{pid_of(container)}/root{target}/a").read_text() == "a"
    finally:
        mounter.close()
        for fd in open_files:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_new_one_comes_after_it_was_killed(tmp_path: Path, container: int) -> None:
    """The next order starts it again."""
    mounter = Mounter()
    try:
        for name in ("a", "b"):
            target = directory(tmp_path, f"target-{name}")
            order = SharedMount(source=str(directory(tmp_path, name)), target=str(target))
            mounter.mount((order,), container, swap=False)
            assert Path(f"/proc/{pid_of(container)}/root{target}/{name}").read_text() == name
            assert mounter._process is not None
            mounter._process.kill()
            assert ended(mounter._process.pid)
    finally:
        mounter.close()


def test_one_that_was_stopped_goes_on(tmp_path: Path, container: int) -> None:
    """From outside, by SIGSTOP: with the next order, and to end."""
    mounter = Mounter()
    for name in ("a", "b"):
        target = directory(tmp_path, f"target-{name}")
        order = SharedMount(source=str(directory(tmp_path, name)), target=str(target))
        mounter.mount((order,), container, swap=False)
        assert Path(f"/proc/{pid_of(container)}/root{target}/{name}").read_text() == name
        assert mounter._process is not None
        mounter._process.send_signal(signal.SIGSTOP)
    mounter.close()


def test_an_order_that_cannot_be_carried_out_is_an_error_and_not_the_end(tmp_path: Path, container: int) -> None:
    """The error says why, and the next order is carried out."""
    mounter, target = Mounter(), directory(tmp_path, "target")
    try:
        with pytest.raises(BackendError, match="taking /nowhere along: No such file"):
            mounter.mount((SharedMount(source="/nowhere", target=str(target)),), container, swap=False)
        mounter.mount((SharedMount(source=str(directory(tmp_path, "a")), target=str(target)),), container, swap=False)
        assert Path(f"/proc/{pid_of(container)}/root{target}/a").read_text() == "a"
    finally:
        mounter.close()


def test_what_only_another_process_sees_is_taken_along(tmp_path: Path, container: int) -> None:
    """A directory of a process in a user namespace beside the container's; one that has ended is an error."""
    source, target, mounter = directory(tmp_path, "a"), directory(tmp_path, "target"), Mounter()
    script = f"mount -t tmpfs apart {source}; echo > {source}/apart; echo up; exec sleep 1000"
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    try:
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            try:
                if process.stdout.readline() != b"up\n":
                    pytest.skip("this host makes no user namespaces")
                order = SharedMount(source=str(source), target=str(target), seen_by=process.pid)
                mounter.mount((order,), container, swap=False)
            finally:
                process.kill()
        assert os.listdir(f"/proc/{pid_of(container)}/root{target}") == ["apart"]
        with pytest.raises(BackendError, match="No such process"):
            mounter.mount((order,), container, swap=False)
    finally:
        mounter.close()


def test_it_ends_with_its_owner() -> None:
    """Whose kill -9 leaves nothing, though a fork of the owner lives on and has the same descriptors."""
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, start_new_session=True) as owner:
        assert owner.stdout is not None
        try:
            mounting = int(owner.stdout.readline())
            os.kill(owner.pid, signal.SIGKILL)
            assert ended(mounting)
        finally:
            os.killpg(owner.pid, signal.SIGKILL)
