"""The process around one step's container: `python -m intermodal_local.images.box ORDER STATUS LOCK...`.

Standard input is a lifeline: when its other end goes away, so do the container and all that the step has written.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from intermodal.plugins.building import KIT
from intermodal_local.images.bounds import bounded, join
from intermodal_local.images.mirror import mirror_directories
from intermodal_local.images.showing import show
from intermodal_local.images.users import become_user
from intermodal_local.runtime import advice, cleanup, contain, devices, hardening, init, kernel, overlay, userns

_HOSTNAME = "image-build"


def main() -> int:
    """Make the container, watch it, and say over STATUS how it ended."""
    order = json.loads(Path(sys.argv[1]).read_text())
    status, locks = int(sys.argv[2]), map(int, sys.argv[3:])
    os.close(int(sys.argv[1].rpartition("/")[2]))
    for fd in (status, *locks):
        os.set_inheritable(fd, False)
    os.umask(0o022)
    start = _start_plain if order["lowers"] is None else _start_container
    with bounded(order["cpu"], order["memory"]) as groups:
        try:
            child = start(order, status, groups)
        except OSError as error:
            init.report(status, error=error.strerror or str(error))
            return 1
        return _watch(child, Path(order["work"]).parent)


def _start_container(order: dict[str, Any], status: int, groups: list[int]) -> int:
    rootless = not advice.privileged()
    if order["many_users"]:
        order["mirror"] = f"{order['work']}/directories"
        os.mkdir(order["mirror"])
        order["lowers"]["usr"].insert(-1, order["mirror"])
    overlay.make_stack(f"{order['work']}/stack", order["lowers"], "")
    for number, each in enumerate(order["beside"]):
        if each["kind"] == "image":
            each["place"] = f"{order['work']}/beside{number}"
            overlay.make_stack(f"{each['place']}/stack", each["lowers"], "")
            overlay.make_upper(f"{each['place']}/run", None, "", local="usr-local" in each["lowers"])
    overlay.make_upper(f"{order['work']}/run", order["upper"], "", local="usr-local" in order["lowers"])
    try:
        if rootless:
            userns.enter(many=order["many_users"])
        kernel.unshare(kernel.NEWPID)
    except OSError as error:
        raise OSError(error.errno, advice.no_namespaces(error)) from None
    return _fork(lambda: _become(order, fresh_sys=not rootless), order["argv"], status, groups)


def _start_plain(order: dict[str, Any], status: int, groups: list[int]) -> int:
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)

    def become() -> None:
        _enter(order["workdir"])
        _settle(order["env"])

    return _fork(become, order["argv"], status, groups)


def _fork(prepare: Callable[[], None], argv: list[str], status: int, groups: list[int]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        join(groups)
        prepare()
    except OSError as error:
        init.report(status, error=error.strerror or str(error))
        os._exit(1)
    init.run(lambda: _program(argv), status, ())


def _watch(child: int, workspace: Path) -> int:
    pidfd = os.pidfd_open(child)
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(pidfd, select.POLLIN)
    ended = any(fd == pidfd for fd, _ in poll.poll())
    if not ended:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    _end_orphans()
    if not ended:
        cleanup.remove(str(workspace))
    return 0


def _end_orphans() -> None:
    """What a plain process left running is this process's child by now. A container leaves nothing."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if not pid:
                for orphan in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
                    os.kill(int(orphan), signal.SIGKILL)
                os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _become(order: dict[str, Any], *, fresh_sys: bool) -> None:
    _build(order, fresh_sys=fresh_sys)
    hardening.drop_privileges()
    _enter(order["workdir"])  # root does, as not every user would be let in
    home = become_user(order["user"]) if order["user"] else "/root"
    _settle({"PATH": contain.PATH, "HOME": home, "LANG": "C.UTF-8", **order["env"]})


def _enter(workdir: str) -> None:
    os.makedirs(workdir, exist_ok=True)
    os.chdir(workdir)


def _settle(env: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)


def _build(order: dict[str, Any], *, fresh_sys: bool) -> None:
    kernel.unshare(kernel.NEWNS | kernel.NEWIPC | kernel.NEWUTS)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.set_hostname(_HOSTNAME)
    if order["many_users"]:
        kernel.mount("tmpfs", order["mirror"], "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV)
        mirror_directories("/usr", Path(order["mirror"]))
    try:
        root = overlay.mount_root(f"{order['work']}/stack", f"{order['work']}/run", overlay.counts(order["lowers"]))
    except OSError as error:
        raise OSError(error.errno, advice.no_overlay(error)) from None
    inside = overlay.Inside(root)
    devices.mount_dev(inside, "", None, order["devices"])
    devices.mount_kernel(inside, "", fresh_sys=fresh_sys)
    overlay.bind_all(inside, [[order["kit"], KIT], *order["mounts"]], "")
    os.mkdir(f"{order['work']}/hidden")
    kernel.mount("tmpfs", f"{order['work']}/hidden", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=700")
    for each in order["beside"]:
        show(inside, each, f"{order['work']}/hidden")
    inside.close()
    overlay.enter_root(root)


def _program(argv: list[str]) -> int:
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(2, f"cannot run {argv[0]}: {error.strerror}\n".encode())
    return 127


if __name__ == "__main__":
    sys.exit(main())
