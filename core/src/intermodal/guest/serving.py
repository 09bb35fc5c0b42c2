"""One guest from boot to bye."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from intermodal.client.api import set_current
from intermodal.client.guest import GuestClient
from intermodal.guest.boot import Boot, parse, parse_bytes
from intermodal.guest.channel import Channel, StreamEnded
from intermodal.guest.errors import encode
from intermodal.guest.loading import extend_path
from intermodal.guest.link import Link
from intermodal.guest.monitor import Monitor
from intermodal.guest.output import install
from intermodal.guest.runner_main import MainRunner
from intermodal.guest.session import Runner, Session
from intermodal.guest.user_code import UserCode, load, run_hooks
from intermodal.wire.frame import FrameError
from intermodal.wire.messages import PROTOCOL

__all__ = ["EXIT_FAILED", "EXIT_LOST", "Prepared", "main", "prepare", "serve"]

#: Exit codes: import or enter failed; the connection broke.
EXIT_FAILED, EXIT_LOST = 1, 70


@dataclass
class Prepared:
    """User code that is imported, its snap methods run, or the failure of that. `void` says why it must not be forked."""

    boot: Boot
    code: Optional[UserCode] = None
    failure: Optional[BaseException] = None
    failed_in: str = "import"
    void: Optional[str] = None


def prepare(boot_frame: bytes, python_path: Sequence[str]) -> Prepared:
    """Import the user's module and run `enter(snap=True)`: all that may be shared by forks of a snapshot template."""
    return _prepare(parse_bytes(boot_frame), python_path)


def _prepare(boot: Boot, python_path: Sequence[str]) -> Prepared:
    install()
    extend_path(python_path)
    sys.argv = [boot.target.module]
    prepared = Prepared(boot)
    try:
        prepared.code = load(boot)
        prepared.failed_in = "enter"
        run_hooks(prepared.code.snap_enters)
    except BaseException as error:  # user code may raise anything; the host hears of it
        prepared.failure = error
    return prepared


def main(sock: socket.socket, python_path: Sequence[str]) -> int:
    """Read the boot frame, import, enter, serve until stop. Returns the exit code. Call it on the main thread.

    Where the stream ends without a stop the whole process ends at once, with code `EXIT_LOST`.
    """
    session = _connect(sock)
    try:
        while True:
            frames = session.channel.receive()
            if frames:
                break
        boot = parse(frames[0])
        if len(frames) > 1:
            raise FrameError("the host sent more before it heard that this container is ready")
    except (StreamEnded, FrameError) as error:
        _lost(str(error))
        return EXIT_LOST
    _bind_output(session)
    return _run(session, _prepare(boot, python_path))


def serve(sock: socket.socket, prepared: Prepared) -> int:
    """Serve what `prepare` made, in this process or a fork of it: run the plain enters, then inputs until stop."""
    session = _connect(sock)
    _bind_output(session)
    return _run(session, prepared)


def _connect(sock: socket.socket) -> Session:
    channel = Channel(sock)
    session = Session(channel, install(), _lost)
    version = ".".join(map(str, sys.version_info[:3]))
    channel.send({"t": "hello", "protocol": PROTOCOL, "python": version, "pid": os.getpid()})
    return session


def _lost(reason: str) -> None:
    """The host is gone: nothing that runs here has a reader any more."""
    os._exit(EXIT_LOST)


def _bind_output(session: Session) -> None:
    for writer in session.writers:
        writer.bind(session.send_line, session.running.attempt, session.interruption)


def _run(session: Session, prepared: Prepared) -> int:
    session.interruption.install()
    signal.signal(signal.SIGTERM, lambda *_: session.stop())
    _leave_to_parent_when_forked(session)
    client = GuestClient(Link(session))
    session.turns.handle(client.handlers())
    set_current(client)
    code = prepared.code
    kind, failure = prepared.failed_in, prepared.failure
    if failure is None and code is not None:
        try:
            kind = "enter"
            run_hooks(code.enters)
        except BaseException as error:
            failure = error
    session.end_lines(0)
    if failure is not None or code is None:
        fatal = kind == "import"
        assert failure is not None
        session.channel.send({"t": "failed", "fatal": fatal, "kind": kind}, (), (encode(failure),))
        return EXIT_FAILED
    session.use(code.methods)
    runner = _runner(session, prepared.boot, code)
    monitor = Monitor(session)
    session.attend = monitor.attend
    session.start(runner)
    session.channel.send({"t": "ready"})
    runner.serve()
    return _leave(session, code)


def _runner(session: Session, boot: Boot, code: UserCode) -> Runner:
    return MainRunner(session)


def _leave(session: Session, code: UserCode) -> int:
    status = 0
    try:
        run_hooks(code.exits)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = EXIT_FAILED
    session.end_lines(0)
    session.channel.send({"t": "bye"})
    return status


def _leave_to_parent_when_forked(session: Session) -> None:
    def in_child() -> None:
        for writer in session.writers:
            writer.unbind()
        session.channel.abandon()

    os.register_at_fork(after_in_child=in_child)
