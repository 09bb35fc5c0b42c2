"""Control groups of containers, v1 or v2, where this user may make them. Probed by making one."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from intermodal_local.runtime import cgroup_places

_PERIOD_US = 100_000


@dataclass
class Group:
    """The control groups of one container. `directories` maps a controller to its directory."""

    version: int
    directories: dict[str, str]

    def control_fds(self) -> list[int]:
        """Open files: a process that writes `0` to each of them is in the group. The caller closes them."""
        name = "cgroup.procs"
        return [
            os.open(f"{path}/{name}", os.O_WRONLY | os.O_CLOEXEC) for path in dict.fromkeys(self.directories.values())
        ]

    def out_of_memory(self) -> bool:
        """Whether the kernel killed a process here for memory."""
        path = self.directories.get("memory")
        if path is None:
            return False
        text = _read(f"{path}/memory.oom_control" if self.version == 1 else f"{path}/memory.events")
        fields = dict(line.split() for line in text.splitlines() if line.count(" ") == 1)
        return int(fields.get("oom_kill", "0")) > 0

    def peak(self) -> int | None:
        """The most memory it held, in bytes."""
        path = self.directories.get("memory")
        if path is None:
            return None
        text = _read(f"{path}/memory.max_usage_in_bytes" if self.version == 1 else f"{path}/memory.peak")
        return int(text) if text.strip().isdigit() else None

    def remove(self) -> bool:
        """Remove the directories; False while the kernel still clears them."""
        done = True
        for path in dict.fromkeys(self.directories.values()):
            try:
                os.rmdir(path)
            except FileNotFoundError:
                continue
            except OSError:
                done = False
        return done


def limits(controller: str) -> bool:
    """Whether this user may make groups that enforce a limit of this kind. Probed by making one."""
    _, made = cgroup_places.make_parents(f"intermodal-probe-{os.getpid()}", cgroup_places.hierarchies(), (controller,))
    for path in made.values():
        os.rmdir(path)
    return bool(made)


class Cgroups:
    """The parent groups of one session; `available` says which limits they enforce."""

    def __init__(self, session: str, seen: cgroup_places.Hierarchies | None = None) -> None:
        name = f"intermodal-{session}"
        self.version, self._parents = cgroup_places.make_parents(name, seen or cgroup_places.hierarchies())
        self.available = frozenset(self._parents)

    def create(self, name: str, *, memory: int | None, pids: int | None, cpu: float | None) -> Group:
        """Make the groups of one container. `memory` in bytes, `cpu` in cores. Raises `OSError`.

        To move a process into a group is slow (the kernel waits for a grace period), so without a `cpu` limit it
        stays out of a hierarchy that is there for cpu alone.
        """
        parents = {key: path for key, path in self._parents.items() if self.version != 1 or key != "cpu" or cpu}
        group = Group(self.version, {key: f"{path}/{name}" for key, path in parents.items()})
        for path in dict.fromkeys(group.directories.values()):
            os.mkdir(path)
        for key, file, value in self._settings(memory, pids, cpu):
            if key in group.directories:
                _write(f"{group.directories[key]}/{file}", value)
        for file, value in self._extras(memory):
            if "memory" in group.directories and os.path.exists(f"{group.directories['memory']}/{file}"):
                _write(f"{group.directories['memory']}/{file}", value)
        return group

    def directories(self) -> list[str]:
        """The parents, for whoever cleans up after this session."""
        return list(dict.fromkeys(self._parents.values()))

    def remove(self) -> bool:
        """Remove the parents and all below; False while processes are left in one."""
        return all(remove_tree(path) for path in self.directories())

    def _settings(self, memory: int | None, pids: int | None, cpu: float | None) -> list[tuple[str, str, str]]:
        v1 = self.version == 1
        settings = [] if pids is None else [("pids", "pids.max", str(pids))]
        if memory is not None:
            settings.append(("memory", "memory.limit_in_bytes" if v1 else "memory.max", str(memory)))
        if cpu is not None:
            quota = str(max(1000, round(cpu * _PERIOD_US)))
            settings.append(("cpu", "cpu.cfs_quota_us", quota) if v1 else ("cpu", "cpu.max", f"{quota} {_PERIOD_US}"))
        return settings

    def _extras(self, memory: int | None) -> list[tuple[str, str]]:
        """What not every kernel has: a limit is one on memory and swap together, and its end is everybody's."""
        if self.version == 1:
            return [("memory.memsw.limit_in_bytes", str(memory))] if memory is not None else []
        return [("memory.oom.group", "1"), *([("memory.swap.max", "0")] if memory is not None else [])]


def remove_tree(path: str) -> bool:
    """Kill what is left in a group and those below it, and remove them; False while that is not done yet."""
    try:
        if os.path.exists(f"{path}/cgroup.kill"):
            _write(f"{path}/cgroup.kill", "1")  # at once, those that are being forked included
        for pid in _read(f"{path}/cgroup.procs").split():
            if pid != "0":  # of another pid namespace
                _kill_member(f"{path}/cgroup.procs", pid)
        for entry in os.scandir(path):
            if entry.is_dir(follow_symlinks=False):
                remove_tree(entry.path)
        os.rmdir(path)
    except (FileNotFoundError, ProcessLookupError):
        return not os.path.exists(path)
    except OSError:
        return False
    return True


def _kill_member(members: str, pid: str) -> None:
    """Kill a process that is still one of a group's: its number may be another's by now, who is none of ours."""
    fd = os.pidfd_open(int(pid))
    try:
        if pid in _read(members).split():
            signal.pidfd_send_signal(fd, signal.SIGKILL)
    finally:
        os.close(fd)


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _write(path: str, value: str) -> None:
    with open(path, "w") as file:
        file.write(value)
