"""For launchers: what a container of this host reaches of its network, enforced by the kernel inside of its network
namespace and set from outside (sandbox.net). Public to authors of backends.

The rules are about what programs send. They hold for programs that may neither change them nor send packets of their
own making: those that lack the capabilities NET_ADMIN and NET_RAW.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_network

from intermodal.exception import BackendError

__all__ = ["ALLOWLIST", "TOOLS", "confine", "missing", "network_of", "tool"]

#: The capability of launchers that can do it.
ALLOWLIST = "network.cidr_allowlist"
TOOLS = ("nsenter", "iptables-restore", "ip6tables-restore")
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
_SECONDS = 60
_REJECTION = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}
#: How addresses of neighbours are found, without which none is reached.
_NEIGHBOURS = ("neighbour-solicitation", "neighbour-advertisement")


def missing(*tools: str) -> str | None:
    """Why this process cannot do it here, and what to do; None where it can. `tools`: what a launcher needs besides."""
    if os.geteuid() != 0:
        return "rules for a container's network are set as root: run this program as root"
    lacking = [name for name in (*TOOLS, *tools) if tool(name) is None]
    return f"install {', '.join(lacking)} on this machine (util-linux, iptables, slirp4netns)" if lacking else None


def tool(name: str) -> str | None:
    """Where a program is, also one of administrators."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PATH}")


@contextmanager
def network_of(pidfd: int) -> Iterator[int]:
    """The network namespace of a process, as a descriptor. Raises `BackendError` where it has ended."""
    try:
        namespace = os.open(f"/proc/{_pid(pidfd)}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError):
        raise BackendError("the container ended before its network was confined") from None
    try:
        if _pid(pidfd) <= 0:  # it has ended, and what was opened may be another's
            raise BackendError("the container ended before its network was confined")
        yield namespace
    finally:
        os.close(namespace)


def confine(namespace: int, reachable: Sequence[str]) -> None:
    """Let programs in a network namespace reach nothing but themselves and these networks, in CIDR form. Blocks.

    Args:
        namespace: a descriptor; nothing of a user's runs in it yet.

    Raises `BackendError`.
    """
    for version, program in ((4, "iptables-restore"), (6, "ip6tables-restore")):
        mine = [each for each in reachable if ip_network(each).version == version]
        if version == 6 and not mine and not os.path.exists("/proc/net/if_inet6"):
            continue  # this kernel has none
        _run(namespace, [program, "--wait"], rules(version, mine))


def rules(version: int, reachable: Sequence[str]) -> str:
    """For `iptables-restore`, or for that of IPv6."""
    allowed = [f"-d {each}" for each in reachable]
    if version == 6 and reachable:
        allowed += [f"-p icmpv6 --icmpv6-type {kind}" for kind in _NEIGHBOURS]
    lines = ["*filter", ":OUTPUT DROP [0:0]", "-A OUTPUT -o lo -j ACCEPT"]
    lines += [f"-A OUTPUT {each} -j ACCEPT" for each in allowed]
    return "\n".join([*lines, f"-A OUTPUT -j REJECT --reject-with {_REJECTION[version]}", "COMMIT", ""])


def _run(namespace: int, command: Sequence[str], text: str) -> None:
    words = [tool("nsenter") or "nsenter", f"--net=/proc/self/fd/{namespace}", tool(command[0]) or command[0]]
    try:
        done = subprocess.run(
            [*words, *command[1:]],
            input=text,
            text=True,
            capture_output=True,
            pass_fds=[namespace],
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendError(f"a container's network cannot be confined: {error}") from None
    if done.returncode:
        raise BackendError(f"a container's network cannot be confined: {command[0]} says: {done.stderr.strip()}")


def _pid(pidfd: int) -> int:
    with open(f"/proc/self/fdinfo/{pidfd}") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pid:"))
