"""The guest as a process: its signals, and what its forked children must not inherit."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys

from intermodal.client.api import set_current
from intermodal.client.linked import LinkedClient
from intermodal.guest.interruption import SIGNAL
from intermodal.guest.session import Session

__all__ = ["forget_when_forked", "take_over"]


def take_over(session: Session) -> None:
    """Handle signals: a cancellation, SIGTERM as a stop; a crash writes its stack to the raw stderr."""
    session.interruption.install()
    signal.signal(signal.SIGTERM, lambda *_: session.stop())
    if sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__, all_threads=False)


def forget_when_forked(session: Session, client: LinkedClient) -> None:
    """In children that user code forks: plain output, default signals, and no connection; it is the parent's."""

    def in_child() -> None:
        for writer in session.writers:
            writer.unbind()
        session.channel.abandon()
        set_current(None, client)
        signal.signal(SIGNAL, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    os.register_at_fork(after_in_child=in_child)
