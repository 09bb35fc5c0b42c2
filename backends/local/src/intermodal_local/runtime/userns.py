"""User namespaces of an ordinary user: as root alone, or with subordinate ids (newuidmap, /etc/subuid) as more users.

Packages need more: they change owners, and run services as users of their own.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from intermodal_local.runtime import kernel

__all__ = ["available", "enter", "missing"]

_FEWEST = 65536


def available() -> bool:
    """Whether this user may map subordinate ids."""
    return missing() is None


def missing() -> str | None:
    """What lacks, and what to do about it; None where nothing does."""
    if not all(_tool(name) for name in ("newuidmap", "newgidmap")):
        return "newuidmap and newgidmap are not installed: as root, `apt-get install uidmap`"
    user = _user()
    for file in ("/etc/subuid", "/etc/subgid"):
        if _first_range(file, user) is None:
            return (
                f"{file} gives {user} no {_FEWEST} subordinate ids: as root, "
                f"`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}`"
            )
    return None


def enter(*, many: bool) -> None:
    """Move this single-threaded process into a new user namespace as its root.

    Args:
        many: the subordinate ids are users there too.

    Raises:
        OSError: the kernel, or newuidmap, refuses.
    """
    if not many:
        uid, gid = os.getuid(), os.getgid()
        kernel.unshare(kernel.NEWUSER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            Path(f"/proc/self/{name}").write_text(text)
        return
    user, pid = _user(), os.getpid()
    ready_read, ready_write = os.pipe()
    helper = os.fork()
    if not helper:
        os.close(ready_write)
        os.read(ready_read, 1)
        os._exit(_map(pid, user))
    os.close(ready_read)
    try:
        kernel.unshare(kernel.NEWUSER)
    finally:
        os.close(ready_write)
        _, status = os.waitpid(helper, 0)
    if status:
        raise OSError(0, "newuidmap or newgidmap refused to map the subordinate ids of /etc/subuid and /etc/subgid")


def _map(pid: int, user: str) -> int:
    for tool, own, file in (("newuidmap", os.getuid(), "/etc/subuid"), ("newgidmap", os.getgid(), "/etc/subgid")):
        found = _first_range(file, user)
        if found is None:
            return 1
        words = [tool, str(pid), "0", str(own), "1", "1", str(found[0]), str(found[1])]
        if subprocess.run(words, check=False).returncode:
            return 1
    return 0


def _tool(name: str) -> str | None:
    paths = (f"{folder}/{name}" for folder in os.get_exec_path())
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _first_range(file: str, user: str) -> tuple[int, int] | None:
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, rest = line.partition(":")
        start, _, count = rest.partition(":")
        if name in (user, str(os.getuid())) and start.isdigit() and count.isdigit() and int(count) >= _FEWEST:
            return int(start), int(count)
    return None
