"""What is needed of the system, installed with apt where it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from container_engines.failure import Failure, say

__all__ = ["find", "install"]

_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
#: A command, or a file, and the package of Debian that has it.
_NEEDED = {
    "dockerd": "docker.io",
    "podman": "podman",
    "netavark": "netavark",
    "/usr/lib/podman/aardvark-dns": "aardvark-dns",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "crun": "crun",
    "runc": "runc",
    "iptables": "iptables",
    "catatonit": "catatonit",
    "docker-registry": "docker-registry",
    "mmdebstrap": "mmdebstrap",
}
#: Commands that live where nobody looks for commands.
_ELSEWHERE = {"netavark": Path("/usr/lib/podman/netavark")}


def find(command: str) -> str | None:
    """Where a command is, those of the administrator included."""
    return shutil.which(command, path=_PATH)


def install() -> None:
    """Install what is missing. Raises `Failure`."""
    missing = sorted(package for what, package in _NEEDED.items() if not _there(what))
    if not missing:
        return
    reason = _why_not()
    if reason:
        raise Failure(f"Not installed: {' '.join(missing)}. {reason[0].upper()}{reason[1:]}.")
    say(f"Installing {' '.join(missing)}.")
    words = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    if not _apt(words)[0]:
        _apt(["apt-get", "update", "-q"])
        good, output = _apt(words)
        if not good:
            raise Failure(f"apt-get could not install {' '.join(missing)}:\n{output}")


def _why_not() -> str | None:
    if shutil.which("apt-get") is None:
        return "this is no Debian or Ubuntu: there is no apt-get"
    if os.geteuid() != 0:
        return "only root may install packages"
    return None


def _there(what: str) -> bool:
    if what.startswith("/"):
        return Path(what).exists()
    return find(what) is not None or (what in _ELSEWHERE and _ELSEWHERE[what].exists())


def _apt(words: list[str]) -> tuple[bool, str]:
    # In this runlevel init scripts start nothing: a daemon that is on its way up would meet ours.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    done = subprocess.run(words, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.returncode == 0, "\n".join((done.stdout + done.stderr).splitlines()[-20:])
