"""The way out of a container whose network is its own: `slirp4netns`, which sends what its programs send as a process
of this host would, and changes nothing of the host's network."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Sequence

from intermodal.exception import BackendError, CapabilityNotSupported
from intermodal.plugins.outbound import ALLOWLIST, confine, network_of, tool

__all__ = ["SLIRP", "Outward", "check"]

SLIRP = "slirp4netns"
_SECONDS = 60
_DEVICE = "tap0"


class Outward:
    """One process, which ends when it is closed, or when this process does. Blocking calls."""

    def __init__(self, container: int, reachable: Sequence[str]) -> None:
        """Confine the container whose process 1 this pidfd is of, then open its way out. Raises `BackendError`."""
        with network_of(container) as namespace:
            confine(namespace, reachable)
            self._process, self._exit = _started(namespace)

    def close(self) -> None:
        """End it. Idempotent."""
        if self._exit >= 0:
            os.close(self._exit)
            self._exit = -1
            self._process.wait()


def check(reachable: Sequence[str]) -> None:
    """Raises `CapabilityNotSupported` for networks that there is no way to."""
    for each in reachable:
        if ":" in each:
            hint = f"there is no way to {each}: sandboxes whose network is limited reach no IPv6"
            raise CapabilityNotSupported(ALLOWLIST, "local", hint)


def _started(namespace: int) -> tuple[subprocess.Popen[bytes], int]:
    ends, exit = os.pipe2(os.O_CLOEXEC)
    ready, tells = os.pipe2(os.O_CLOEXEC)
    try:
        process = subprocess.Popen(
            [
                *(tool(SLIRP) or SLIRP, "--configure", "--mtu=65520", "--disable-host-loopback", "--disable-dns"),
                *("--enable-sandbox", f"--exit-fd={ends}", f"--ready-fd={tells}"),
                *("--netns-type=path", f"/proc/self/fd/{namespace}", _DEVICE),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[ends, tells, namespace],
        )
    except OSError as error:
        os.close(exit)
        raise BackendError(f"a sandbox has no way out: {SLIRP} does not start: {error}") from None
    finally:
        os.close(ends)
        os.close(tells)
    try:
        _await(process, ready)
    except BaseException:
        os.close(exit)
        raise
    finally:
        os.close(ready)
    return process, exit


def _await(process: subprocess.Popen[bytes], ready: int) -> None:
    assert process.stderr is not None
    with process.stderr:
        poll = select.poll()
        poll.register(ready, select.POLLIN)
        if poll.poll(_SECONDS * 1000) and os.read(ready, 1):
            return
        process.kill()
        words = process.stderr.read().decode(errors="replace").strip()
        process.wait()
    raise BackendError(f"a sandbox has no way out: {SLIRP} says: {words}")
