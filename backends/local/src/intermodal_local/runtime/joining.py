"""A process started in a running container, from a fork of its zygote that joins the container's namespaces."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import struct
import termios
from collections.abc import Sequence
from typing import Any

from intermodal_local.runtime import hardening, init, kernel, messages
from intermodal_local.runtime.cores import keep_to

_ENDING_S = 0.5  #: a killed process 1 refuses to be joined a little before it counts as ended
_NAMESPACES = kernel.NEWNS | kernel.NEWPID | kernel.NEWIPC | kernel.NEWUTS


def join(order: dict[str, Any], fds: Sequence[int], *, rootless: bool) -> None:
    """Run `order["argv"]` in the container whose process 1 is `fds[0]`; watch it until it ends. Never returns.

    `fds[1]` is a socket for reports (`pty` with the terminal, `error`, `code`) and orders (`signal`); then follow
    standard input, output and error unless a terminal is asked for; then the control files of the container's cgroups.
    """
    container, told, *rest = fds
    sock = socket.socket(fileno=told)
    try:
        flags = _NAMESPACES | (kernel.NEWNET if order["network"] == "none" else 0)
        kernel.setns(container, flags)
        child = os.fork()
        if not child:
            _be_program(order, container, sock, rest, rootless=rootless)
        for fd in rest:
            os.close(fd)
        messages.send(sock, {"code": _watch(child, sock)})
    except OSError as error:
        _tell_refusal(sock, container, str(error))
    os._exit(0)


def _be_program(
    order: dict[str, Any], container: int, sock: socket.socket, rest: Sequence[int], *, rootless: bool
) -> None:
    try:
        streams, groups = ([], rest) if order["pty"] else (rest[:3], rest[3:])
        for group in groups:
            os.write(group, b"0")
            os.close(group)
        keep_to(order["cores"])
        os.setsid()
        if order["pty"]:
            _open_terminal(order["pty"], sock)
        else:
            for source, target in zip(streams, (0, 1, 2), strict=False):
                os.dup2(source, target)
                os.close(source)
        if rootless:
            kernel.setns(container, kernel.NEWUSER)
            if order["processes"]:
                init.limit_processes(order["processes"])
        os.set_inheritable(container, False)
        hardening.drop_privileges(filtered=order["filtered"], raw=order["raw"])
        for number in range(1, signal.NSIG):
            if signal.getsignal(number) not in (signal.SIG_DFL, None):
                signal.signal(number, signal.SIG_DFL)
        os.chdir(order["workdir"])
        os.execvpe(order["argv"][0], order["argv"], dict(order["env"]))
    except OSError as error:
        _tell_refusal(sock, container, f"cannot run {order['argv'][0]}: {error.strerror}")
    finally:
        os._exit(127)


def _open_terminal(size: Sequence[int], sock: socket.socket) -> None:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[0], size[1], 0, 0))
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    messages.send(sock, {"pty": True}, [master])
    os.close(master)
    for target in (0, 1, 2):
        os.dup2(slave, target)
    os.close(slave)


def _watch(child: int, sock: socket.socket) -> int:
    """Pass signals on until the program ends; end it when nobody listens any more."""
    pidfd = os.pidfd_open(child)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.register(sock.fileno(), select.POLLIN)
    while pidfd not in (ready := [fd for fd, _ in poll.poll()]):
        received = messages.receive(sock) if ready else None
        number = received[0]["signal"] if received else signal.SIGKILL
        if not received:
            poll.unregister(sock.fileno())
        _send(child, pidfd, number)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _send(child: int, pidfd: int, number: int) -> None:
    """SIGKILL is for all that the program has started and that is still of its process group."""
    if number == signal.SIGKILL:
        try:
            os.killpg(child, number)
            return
        except ProcessLookupError:  # it has no group of its own yet
            pass
    signal.pidfd_send_signal(pidfd, number)


def _tell_refusal(sock: socket.socket, container: int, reason: str) -> None:
    """What a container refuses is its end, if it has ended: the program was killed with it."""
    ended = select.select([container], [], [], _ENDING_S)[0]
    _tell(sock, {"code": -signal.SIGKILL} if ended else {"error": reason})


def _tell(sock: socket.socket, message: dict[str, Any]) -> None:
    try:
        messages.send(sock, message)
    except OSError:
        pass
