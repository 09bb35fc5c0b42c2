"""A session's mark on its containers, so that whoever comes later knows which nobody needs any more."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from intermodal.plugins.holding import acquire, try_acquire
from intermodal_docker.engine import ContainerDetails, Engine, VolumeDetails

__all__ = [
    "LEASE",
    "OWNER",
    "Session",
    "left_containers",
    "left_volumes",
    "owner_labels",
    "reap",
    "remove_all",
    "session_lives",
]

#: Has which machine, user and data directory a container belongs to.
OWNER = "intermodal.owner"
#: The label that names a session.
LEASE = "intermodal.session"


class Session:
    """A directory of this process below the data directory, with a lock file that it holds as long as it lives.

    A context manager: leaving removes the directory.
    """

    def __init__(self, data_dir: Path, backend: str) -> None:
        self._home = data_dir / backend / "sessions"
        self._name = secrets.token_hex(6)
        self.folder = self._home / self._name
        self.labels: Mapping[str, str] = {**owner_labels(data_dir), LEASE: self._name}

    def __enter__(self) -> Session:
        self._home.mkdir(parents=True, exist_ok=True)
        self._home.chmod(0o700)
        self._lock = acquire(self._home / f"{self._name}.lock")
        self.folder.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _forget(self._home, self._name)
        os.close(self._lock)


def left_containers(engine: Engine, data_dir: Path) -> Sequence[ContainerDetails]:
    """All containers of this machine, user and data directory, whichever session's. Blocks."""
    return engine.containers(owner_labels(data_dir))


def remove_all(engine: Engine, labels: Mapping[str, str]) -> None:
    """Remove all containers with these labels. Blocks."""
    for container in engine.containers(labels):
        engine.remove(container.id)


def left_volumes(engine: Engine, data_dir: Path) -> Mapping[str, VolumeDetails]:
    """All volumes of this machine, user and data directory, by name. Blocks."""
    return engine.volumes(owner_labels(data_dir))


def session_lives(engine: Engine, data_dir: Path, labels: Mapping[str, str]) -> bool:
    """Whether the session still runs that these labels name."""
    return _lives(data_dir / engine.name / "sessions", labels.get(LEASE, ""))


def reap(engine: Engine, data_dir: Path) -> None:
    """Remove what sessions of this machine and data directory that have ended left: containers, directories. Blocks."""
    home = data_dir / engine.name / "sessions"
    for container in left_containers(engine, data_dir):
        if not _lives(home, container.labels.get(LEASE, "")):
            engine.remove(container.id)
    for lock in home.glob("*.lock"):
        held = try_acquire(lock)  # while it is removed nobody takes it, as one may who has just made it
        if held is not None:
            _forget(home, lock.stem)
            os.close(held)


def owner_labels(data_dir: Path) -> dict[str, str]:
    """What tells ours in an engine from those of other machines, users and data directories."""
    with contextlib.suppress(OSError):
        machine = Path("/etc/machine-id").read_text().strip()
        return {OWNER: _hash(machine, data_dir)}
    return {OWNER: _hash(os.uname().nodename, data_dir)}


def _hash(machine: str, data_dir: Path) -> str:
    return hashlib.sha256(f"{machine}\0{os.getuid()}\0{data_dir.resolve()}".encode()).hexdigest()[:24]


def _lives(home: Path, name: str) -> bool:
    try:
        fd = os.open(home / f"{name}.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


def _forget(home: Path, name: str) -> None:
    shutil.rmtree(home / name, ignore_errors=True)
    (home / f"{name}.lock").unlink(missing_ok=True)
