"""`isolation = "process"`: a container that is only a process tree, for hosts without namespaces.

A keeper takes the place of process 1: orphans come to it, and when the guest ends it ends all that is left. What the
container would see at absolute places lies below a directory of its own, and its variables point there.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Sequence
from typing import Any

from intermodal_local.runtime import contain, hunting, init, kernel
from intermodal_local.runtime.cores import keep_to


def lay_out(run: str, mounts: Sequence[Sequence[str]]) -> None:
    """Make the container's directory: links where it would have mounts."""
    os.makedirs(f"{run}/tmp")
    for source, target in mounts:
        place = f"{run}/fs{target}"
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if not os.path.lexists(place):
            os.symlink(source, place)


def become(order: dict[str, Any], fds: Sequence[int]) -> None:
    """Turn this fork of a plain zygote into the container that `order` describes. Never returns. `fds` as for
    `contain`."""
    stream, out, err, status, *groups = fds
    try:
        os.setsid()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)  # another user's process could not be ended
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for group in groups:
            os.write(group, b"0")
            os.close(group)
        keep_to(order["cores"])
        contain.use_standard_streams(out, err)
        _settle(order)
        init.report(status, up=True)
    except OSError as error:
        init.report(status, error=error.strerror or str(error))
        os._exit(1)
    guest = os.fork()
    if not guest:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        init.be_payload(lambda: _guest(order, stream), status)
    os.close(stream)
    signal.signal(signal.SIGTERM, lambda *_: hunting.send([guest], signal.SIGTERM))
    ended = init.reap(guest)
    hunting.kill_strays(())
    init.report(status, **ended)
    os._exit(0)


def _settle(order: dict[str, Any]) -> None:
    inside = f"{order['run']}/fs"
    own = {"HOME": f"{inside}/root", "TMPDIR": f"{order['run']}/tmp", hunting.MARK: os.environ[hunting.MARK]}
    path = os.environ["PATH"]
    os.environ.clear()
    os.environ.update({"PATH": path, "LANG": "C.UTF-8", **dict(order["env"]), **own})
    time.tzset()
    workdir = inside + order["workdir"]
    os.makedirs(own["HOME"], exist_ok=True)
    os.makedirs(workdir, exist_ok=True)
    os.chdir(workdir)


def _guest(order: dict[str, Any], stream: int) -> int:
    from intermodal import guest

    contain.flush_by_line()
    return int(guest.main(socket.socket(fileno=stream), [f"{order['run']}/fs{path}" for path in order["python_path"]]))
