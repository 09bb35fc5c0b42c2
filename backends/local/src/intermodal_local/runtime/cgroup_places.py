"""Where this process may make control groups: found by making one there.

Version 1: below the own group of each controller. Version 2 (Documentation/admin-guide/cgroup-v2.rst): no group but the
root may have both processes and groups with limits, so the place is the nearest group above whose processes are none;
and a process may only be moved by who may write to `cgroup.procs` of the group above both places. In a login session of
systemd without delegation there is no such place for an ordinary user; there is one below the user's own services, and
in `systemd-run --user --scope -p Delegate=yes`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

CONTROLLERS = ("memory", "pids", "cpu")


@dataclass(frozen=True)
class Hierarchies:
    """The hierarchies of control groups by controller ("" is version 2): their mounts, and the own group in each."""

    mounts: dict[str, tuple[str, str]]  #: directory, and which group is seen there
    own: dict[str, str]

    def place(self, controller: str) -> tuple[str, str] | None:
        """The directory of a hierarchy, and that of the own group in it; None where it is not seen here."""
        if controller not in self.mounts or controller not in self.own:
            return None
        top, shown = self.mounts[controller]
        shown = shown.rstrip("/")
        own = self.own[controller]
        if not f"{own}/".startswith(f"{shown}/"):
            return None
        return top, f"{top}{own[len(shown) :]}".rstrip("/")


def hierarchies(proc: str = "/proc/self") -> Hierarchies:
    """Those that the process with this directory sees."""
    mounts: dict[str, tuple[str, str]] = {}
    own: dict[str, str] = {}
    with open(f"{proc}/mountinfo") as file:
        for line in file:
            left, _, right = line.partition(" - ")
            kind, _, options = right.split()[:3]
            shown, directory = left.split()[3:5]
            if kind == "cgroup2":
                mounts.setdefault("", (directory, shown))
            elif kind == "cgroup":
                for option in options.split(","):
                    mounts.setdefault(option, (directory, shown))
    with open(f"{proc}/cgroup") as file:
        for line in file:
            _, names, path = line.rstrip("\n").split(":", 2)
            own.update(dict.fromkeys(names.split(","), path))
    return Hierarchies(mounts, own)


def make_parents(
    name: str, seen: Hierarchies, controllers: tuple[str, ...] = CONTROLLERS
) -> tuple[int, dict[str, str]]:
    """Make groups called `name` that others with limits can be made in.

    Returns:
        The version, and the directory for each controller that works.
    """
    parents: dict[str, str] = {}
    for controller in controllers:
        place = seen.place(controller)
        if place is not None and _make(f"{place[1]}/{name}"):
            parents[controller] = f"{place[1]}/{name}"
    if parents:
        return 1, parents
    place = seen.place("")
    while place is not None:
        top, here = place
        parents = _make_unified(here, name, controllers)
        if parents:
            return 2, parents
        place = (top, os.path.dirname(here)) if len(here) > len(top) else None
    return 0, {}


def _make_unified(above: str, name: str, controllers: tuple[str, ...]) -> dict[str, str]:
    """A group `name` in the group `above`, for whose own groups the `controllers` it gets are turned on."""
    if not os.access(f"{above}/cgroup.procs", os.W_OK, effective_ids=True):
        return {}
    root = not os.path.exists(f"{above}/cgroup.type")
    offered = _words(f"{above}/cgroup.controllers")
    wanted = [controller for controller in controllers if controller in offered]
    if not wanted or (_words(f"{above}/cgroup.procs") and not root):
        return {}
    for controller in wanted:
        if controller not in _words(f"{above}/cgroup.subtree_control"):
            _turn_on(above, controller)
    path = f"{above}/{name}"
    if not _make(path):
        return {}
    usable = [controller for controller in wanted if _turn_on(path, controller)]
    if not usable:
        os.rmdir(path)
    return dict.fromkeys(usable, path)


def _turn_on(group: str, controller: str) -> bool:
    try:
        with open(f"{group}/cgroup.subtree_control", "w") as file:
            file.write(f"+{controller}")
    except OSError:
        return False
    return True


def _make(path: str) -> bool:
    try:
        os.mkdir(path)
    except OSError:
        return False
    return True


def _words(path: str) -> list[str]:
    try:
        with open(path) as file:
            return file.read().split()
    except OSError:
        return []
