"""What happened to an app's calls and containers, as lines between those that it printed."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from intermodal.plugins import ContainerExited, InputFailed, LogLine, Notice

__all__ = ["Happening", "exit_line", "failure_line", "gap_line", "notice_line", "others_line"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One of them. `level` is a number of the standard library's logging; `text` may have several lines."""

    at: float
    app: str
    function: str
    container: str
    call: str | None
    input: int | None
    level: int
    text: str


def failure_line(failed: InputFailed) -> Happening:
    """What an input raised, with its traceback."""
    where = f"input {failed.input} of {failed.call}"
    others = f" and {failed.count - 1} more" if failed.count > 1 else ""
    tries = f" on try {failed.attempt}" if failed.attempt > 1 else ""
    said = failed.traceback.rstrip("\n") or f"{failed.error}: {failed.message}"
    return Happening(
        at=failed.at,
        app=failed.app,
        function=failed.function,
        container=failed.container or "",
        call=failed.call,
        input=failed.input if failed.count == 1 else None,
        level=logging.ERROR,
        text=f"{where}{others} failed{tries}\n{said}",
    )


def others_line(last: InputFailed, count: int) -> Happening:
    """So many more inputs of a call have failed, after the ones that have lines of their own."""
    return Happening(
        at=last.at,
        app=last.app,
        function=last.function,
        container="",
        call=last.call,
        input=None,
        level=logging.ERROR,
        text=f"{count} more inputs of {last.call} failed, the last one with {last.error}: {last.message:.1000}",
    )


def gap_line(last: LogLine | Happening, count: int) -> Happening:
    """So many lines up to that one were lost."""
    return Happening(
        at=last.at,
        app=last.app,
        function=last.function,
        container=last.container,
        call=last.call,
        input=None,
        level=logging.WARNING,
        text=f"[{count} lines of output could not be kept here]",
    )


def exit_line(exited: ContainerExited) -> Happening | None:
    """Why a container ended; None where it was to end."""
    if exited.asked or (exited.cause == "exited" and not exited.code):
        return None
    code = f" with exit code {exited.code}" if exited.code is not None else ""
    detail = f": {exited.detail}" if exited.detail else ""
    return Happening(
        at=exited.at,
        app=exited.app,
        function=exited.function,
        container=exited.container,
        call=None,
        input=None,
        level=logging.ERROR,
        text=f"container ended ({exited.cause.replace('_', ' ')}){code}{detail}",
    )


def notice_line(notice: Notice) -> Happening | None:
    """What people are told of an app; None where it is of none."""
    if not notice.app:
        return None
    return Happening(
        at=notice.at,
        app=notice.app,
        function=notice.function,
        container=notice.container,
        call=notice.call,
        input=None,
        level=logging.WARNING if notice.level == "warning" else logging.INFO,
        text=notice.message,
    )
