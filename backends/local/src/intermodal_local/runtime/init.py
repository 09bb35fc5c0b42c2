"""Process 1 of a container: it starts the payload, reaps, passes SIGTERM on, and tells how the payload ended.

One that programs are only started in has no payload, and lasts until it is killed from outside."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from intermodal_local.runtime import kernel

_RESET = (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE)


def run(payload: Callable[[], int], status: int, keep: tuple[int, ...]) -> NoReturn:
    """Be process 1 around `payload`, which runs in a child. `keep` are descriptors only the child may hold."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if not child:
        be_payload(payload, status)
    signal.signal(signal.SIGTERM, lambda *_: _forward(child))
    for fd in {0, 1, 2, *keep}:
        os.close(fd)
    report(status, **reap(child))
    os._exit(0)


def report(status: int, **fields: Any) -> None:
    """One line of JSON to whoever watches this container."""
    os.write(status, json.dumps(fields).encode() + b"\n")


def lie_idle(keep: tuple[int, ...]) -> NoReturn:
    """Be process 1 of a container to exec into. As it waits for no signal, none from inside reaches it, not even of a
    program that kills all that it can."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    for fd in {0, 1, 2, *keep}:
        os.close(fd)
    while True:
        signal.pause()


def be_payload(payload: Callable[[], int], status: int) -> NoReturn:
    """Run `payload` as this process, in a session of its own, and exit with its code."""
    code = 1
    try:
        os.close(status)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
        for number in _RESET:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        code = payload()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - whatever ends user code becomes an exit code, its traceback the last output
        sys.excepthook(*sys.exc_info())
    finally:
        _flush()
        os._exit(code & 0xFF)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue


def _forward(child: int) -> None:
    try:
        os.kill(child, signal.SIGTERM)
    except ProcessLookupError:
        pass


def reap(child: int) -> dict[str, int]:
    """Reap children until `child` ends; its exit code, negative for a signal."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            return {"code": os.waitstatus_to_exitcode(status)}


def limit_processes(count: int) -> None:
    """Let this user namespace hold at most `count` processes."""
    resource.setrlimit(resource.RLIMIT_NPROC, (count, count))
