"""One guest from boot to bye."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from intermodal.client.api import set_current
from intermodal.client.context import enter_container
from intermodal.client.linked import LinkedClient
from intermodal.exception import VersionError
from intermodal.guest import process
from intermodal.guest.boot import Boot, parse, parse_bytes
from intermodal.guest.channel import Channel, Frame, StreamEnded
from intermodal.guest.errors import encode, hide, hint_missing_module
from intermodal.guest.link import Link
from intermodal.guest.loading import extend_path
from intermodal.guest.monitor import Monitor
from intermodal.guest.output import install
from intermodal.guest.runner_loop import LoopRunner
from intermodal.guest.runner_main import MainRunner
from intermodal.guest.runner_threads import ThreadRunner
from intermodal.guest.session import Runner, Session
from intermodal.guest.snapshot import reseed, why_void
from intermodal.guest.user_code import UserCode, load, run_hooks, start_web, stop_web
from intermodal.wire.frame import FrameError
from intermodal.wire.messages import PROTOCOL

__all__ = ["EXIT_FAILED", "EXIT_LOST", "Prepared", "main", "prepare", "serve"]

#: Exit codes: import, enter or exit failed; the connection broke.
EXIT_FAILED, EXIT_LOST = 1, 70


@dataclass
class Prepared:
    """User code that is imported, its snap methods run; or the failure of that. `void`: why it must not be forked."""

    boot: Boot
    code: UserCode | None = None
    failure: BaseException | None = None
    failed_in: str = "import"
    void: str | None = None


def prepare(boot_frame: bytes, python_path: Sequence[str]) -> Prepared:
    """Import the user's module and run `enter(snap=True)`: all that may be shared by forks of a snapshot template."""
    enter_container()
    prepared = _prepare(parse_bytes(boot_frame), python_path)
    prepared.void = why_void()
    return prepared


def _prepare(boot: Boot, python_path: Sequence[str]) -> Prepared:
    install()
    extend_path(python_path)
    sys.argv = [boot.target.module]
    hide(boot.secrets)
    prepared = Prepared(boot)
    try:
        prepared.code = load(boot)
        prepared.failed_in = "enter"
        run_hooks(prepared.code.snap_enters)
    except BaseException as error:  # noqa: BLE001 - user code may raise anything; the host hears of it
        prepared.failure = error
    return prepared


def main(sock: socket.socket, python_path: Sequence[str], shared_memory: bool = True) -> int:
    """Read the boot frame, import, enter, serve until stop. Returns the exit code. Call it on the main thread.

    Where the stream ends without a stop the whole process ends at once, with code `EXIT_LOST`.
    """
    try:
        session = _connect(sock, shared_memory)
        try:
            boot = parse(_first_frame(session.channel))
        except (FrameError, VersionError) as error:
            return _failed(session, "boot", error)
        if not boot.shared_memory:
            session.channel.keep_inline()
        _open(session)
        return _run(session, _prepare(boot, python_path))
    except StreamEnded:
        return EXIT_LOST


def serve(sock: socket.socket, prepared: Prepared) -> int:
    """Serve what `prepare` made, in a fork of that process: run the plain enters, then inputs until stop."""
    reseed()
    try:
        session = _connect(sock, prepared.boot.shared_memory)
        _open(session)
        return _run(session, prepared)
    except StreamEnded:
        return EXIT_LOST


def _first_frame(channel: Channel) -> Frame:
    frames = channel.receive()
    while not frames:
        frames = channel.receive()
    if len(frames) > 1:
        raise FrameError("the host sent more than the boot frame before it heard that this container is ready")
    return frames[0]


def _connect(sock: socket.socket, shared_memory: bool) -> Session:
    channel = Channel(sock, shared_memory)
    session = Session(channel, install(), _lost)
    version = ".".join(map(str, sys.version_info[:3]))
    hello = {"t": "hello", "protocol": PROTOCOL, "python": version, "pid": os.getpid()}
    channel.send({**hello, "shared_memory": shared_memory})
    return session


def _lost(reason: str) -> None:
    """The host is gone: nothing that runs here has a reader any more."""
    os._exit(EXIT_LOST)


def _open(session: Session) -> None:
    """Make the connection what user code sees: its output, its client, its context."""
    for writer in session.writers:
        writer.bind(session.send_line, session.running.attempt, session.interruption)
    process.take_over(session)
    client = LinkedClient(Link(session))
    session.turns.handle(client.handlers())
    set_current(client)
    process.forget_when_forked(session, client)
    enter_container(session.running.sole_input)


def _run(session: Session, prepared: Prepared) -> int:
    code, failure, failed_in = prepared.code, prepared.failure, prepared.failed_in
    if code is not None and failure is None:
        try:
            run_hooks(code.enters)
            start_web(code)
        except BaseException as error:  # noqa: BLE001 - user code may raise anything
            failure, failed_in = error, "enter"
    if code is None or failure is not None:
        failure = failure or RuntimeError("the container was not prepared")
        if any(method.web is not None for method in prepared.boot.methods):
            # Who sent the request that this container is for hears no more than that it failed: the log says why.
            hint_missing_module(failure)
            sys.excepthook(type(failure), failure, failure.__traceback__)
        return _failed(session, failed_in, failure)
    session.end_lines(0)
    session.use(code.methods)
    monitor = Monitor(session)
    session.attend = monitor.attend
    runner = _runner(session, prepared.boot.max_inputs)
    session.start(runner)
    session.channel.send({"t": "ready"})
    runner.serve()
    return _leave(session, code)


def _failed(session: Session, kind: str, error: BaseException) -> int:
    """Boot, import or enter failed: exit methods are skipped (cls.enter-fails). Only an enter is worth another try."""
    session.end_lines(0)
    hint_missing_module(error)
    text = f"{type(error).__name__}: {error}"[:1000]
    session.channel.send({"t": "failed", "fatal": kind != "enter", "kind": kind, "text": text}, (), (encode(error),))
    return EXIT_FAILED


def _runner(session: Session, max_inputs: int) -> Runner:
    if any(method.is_async for method in session.methods.values()):
        return LoopRunner(session, max_inputs)
    if max_inputs > 1:
        return ThreadRunner(session, max_inputs)
    return MainRunner(session)


def _leave(session: Session, code: UserCode) -> int:
    status = 0
    for leave in (partial(stop_web, code), partial(run_hooks, code.exits)):
        try:
            leave()
        except BaseException as error:  # noqa: BLE001 - user code may raise anything
            sys.excepthook(type(error), error, error.__traceback__)
            status = EXIT_FAILED
    session.end_lines(0)
    session.channel.send({"t": "bye"})
    return status
