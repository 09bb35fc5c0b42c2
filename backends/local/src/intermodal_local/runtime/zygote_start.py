"""How a supervisor makes a zygote: a fork builds its root, keeps the host at one place in it, runs the interpreter."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from intermodal_local.runtime import advice, contain, hunting, kernel, messages, overlay, userns

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_SHOWN = "/opt/intermodal/runtime/intermodal_local"
_MAIN = f"{_SHOWN}/runtime/zygote_main.py"


@dataclass
class ZygotePlan:
    """What a zygote is made of. Paths are the host's; `run` is its own fresh directory. `many_users`: an ordinary
    user's subordinate ids are users in its containers.
    """

    run: str
    stack: str
    counts: list[int]
    executable: str
    bundle: tuple[str, str] | None
    rootless: bool
    many_users: bool = False


@dataclass
class StartedZygote:
    """A zygote that is starting: its process id on the host, its directory, and the control socket."""

    pid: int
    run: str
    control: socket.socket


def start(plan: ZygotePlan) -> StartedZygote:
    """Fork and return at once; the zygote says `ready` over its control socket, or ends with words in its log."""
    ours, theirs = messages.pair()
    steps, tell = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    overlay.make_upper(plan.run, None, "", local=bool(plan.counts[2]))
    middle = os.fork()
    if not middle:
        steps.close()
        _in_fork(lambda: _middle(plan, theirs, tell), plan)
    tell.close()
    theirs.close()
    with steps:
        answer = steps.recv(4)
    os.waitpid(middle, 0)
    if len(answer) != 4:
        ours.close()
        raise OSError(0, last_words(plan.run) or "a zygote did not start, without a word")
    messages.send(ours, {"t": "go"})
    return StartedZygote(struct.unpack("i", answer)[0], plan.run, ours)


def start_plain(run: str, executable: str, bundle: str, session: str) -> StartedZygote:
    """Start a zygote without namespaces, whose processes all carry the mark of `session`."""
    ours, theirs = messages.pair()
    os.mkdir(run)
    options = [] if os.path.exists(f"{os.path.dirname(executable)}/../pyvenv.cfg") else ["-S"]
    path = f"{os.path.dirname(executable)}:{os.environ.get('PATH', contain.PATH)}"
    with theirs, open(_log(run), "ab") as log:
        process = subprocess.Popen(
            [executable, "-s", *options, f"{_PACKAGE}/runtime/zygote_main.py", str(theirs.fileno()), "plain", bundle],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**_environment(), "PATH": path, hunting.MARK: session},
        )
    messages.send(ours, {"t": "go"})
    process.returncode = 0  # whoever ends the zygote reaps it
    return StartedZygote(process.pid, run, ours)


def last_words(run: str) -> str:
    """What the zygote with this directory wrote before it ended."""
    try:
        with open(_log(run)) as file:
            return file.read()[-2000:].strip()
    except OSError:
        return ""


def _log(run: str) -> str:
    return f"{run}/log"


def _in_fork(action: Callable[[], None], plan: ZygotePlan) -> NoReturn:
    try:
        log = os.open(_log(plan.run), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        null = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        action()
    except OSError as error:
        os.write(2, f"{error.strerror or error}\n".encode())
    finally:
        os._exit(1)


def _middle(plan: ZygotePlan, control: socket.socket, tell: socket.socket) -> None:
    try:
        if plan.rootless:
            userns.enter(many=plan.many_users)
        kernel.unshare(kernel.NEWNS | kernel.NEWPID | kernel.NEWIPC | kernel.NEWUTS)
    except OSError as error:
        raise OSError(error.errno, advice.no_namespaces(error)) from None
    zygote = os.fork()
    if not zygote:
        tell.close()
        _in_fork(lambda: _become_zygote(plan, control), plan)
    tell.send(struct.pack("i", zygote))
    os._exit(0)


def _become_zygote(plan: ZygotePlan, control: socket.socket) -> None:
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    try:
        root = overlay.mount_root(plan.stack, plan.run, plan.counts)
    except OSError as error:
        raise OSError(error.errno, advice.no_overlay(error)) from None
    inside = overlay.Inside(root)
    inside.mount("/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    os.close(inside.place("/dev/null", directory=False))
    kernel.bind("/dev/null", f"{root}/dev/null", recursive=False)
    inside.bind(_PACKAGE, _SHOWN)
    if plan.bundle:
        inside.bind(*plan.bundle)
    inside.close()
    contain.close_others([0, 1, 2, control.fileno()])
    os.mkdir(root + contain.HOST)
    os.chdir(root)
    kernel.pivot_root(".", root + contain.HOST)
    os.chdir("/")
    os.set_inheritable(control.fileno(), True)
    arguments = [str(control.fileno()), "rootless" if plan.rootless else "root", plan.bundle[1] if plan.bundle else ""]
    os.execve(plan.executable, [plan.executable, _MAIN, *arguments], _environment())


def _environment() -> dict[str, str]:
    return {"PATH": contain.PATH, "HOME": "/root", "LANG": "C.UTF-8", "PYTHONNOUSERSITE": "1"}
