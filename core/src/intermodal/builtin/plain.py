"""Progress as plain lines, for pipes, files and continuous integration."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence

from intermodal.plugins.hookspecs import hookimpl
from intermodal.plugins.observations import (
    CallFinished,
    CallProgress,
    ContainerExited,
    ContainerStarted,
    ImageFinished,
    ImageOutput,
    ImageStarted,
    ImageStep,
    Notice,
)

__all__ = ["PlainDisplay", "describe_exit", "describe_notice", "summary"]

#: A map that goes on says where it stands every so many seconds.
SAY_EVERY_S = 30.0


def say(text: str) -> None:
    """One line on stderr; a reader that went away is no reason to fail."""
    try:
        print(f"intermodal: {text}", file=sys.stderr, flush=True)
    except BrokenPipeError:
        pass


def summary(call: CallFinished) -> str:
    """`name: 1500 inputs done, 3 failed`."""
    inputs = call.succeeded + call.failed + call.cancelled
    text = f"{call.function}: {inputs} inputs done"
    if call.failed:
        text += f", {call.failed} failed"
    if call.cancelled:
        text += f", {call.cancelled} cancelled"
    return text


def standing(call: CallProgress) -> str:
    """`name: 60 of 100 inputs done, 1 failed`."""
    of_all = "" if call.total is None else f" of {call.total}"
    return f"{call.function}: {call.done}{of_all} inputs done" + (f", {call.failed} failed" if call.failed else "")


def describe_exit(event: ContainerExited) -> str | None:
    """What to say of a container's end; None where it ended as it should."""
    if event.asked or (event.cause == "exited" and not event.code):
        return None
    code = f" with code {event.code}" if event.code is not None else ""
    # The first line only: whoever waits for the container gets the whole as an error.
    detail = f": {event.detail.splitlines()[0]}" if event.detail else ""
    return f"container {event.container} of {event.function} ended, {event.cause.replace('_', ' ')}{code}{detail}"


def describe_notice(event: Notice) -> str:
    """What the engine says, and of which function."""
    return f"{event.function}: {event.message}" if event.function else event.message


class PlainDisplay:
    """Says what changes, once. An image that is in the cache is not mentioned; a call of one input neither."""

    def __init__(self) -> None:
        self._waiting: dict[str, str] = {}
        self._many: dict[str, float] = {}

    @hookimpl
    def intermodal_image_started(self, events: Sequence[ImageStarted]) -> None:
        """Remember for whom an image is built."""
        for event in events:
            self._waiting[event.image] = ", ".join(event.functions) or event.image[:12]

    @hookimpl
    def intermodal_image_step(self, events: Sequence[ImageStep]) -> None:
        """Say each step that runs."""
        for event in events:
            if not event.cached:
                name = self._waiting.get(event.image, event.image[:12])
                say(f"image of {name}: step {event.number}/{event.total} {event.title}")

    @hookimpl
    def intermodal_image_output(self, events: Sequence[ImageOutput]) -> None:
        """Pass on what steps print."""
        for event in events:
            say(f"  {event.line}")

    @hookimpl
    def intermodal_image_finished(self, events: Sequence[ImageFinished]) -> None:
        """Say that an image failed, or took its time."""
        for event in events:
            name = self._waiting.pop(event.image, event.image[:12])
            if event.error is not None:
                say(f"image of {name}: failed after {event.seconds:.1f} s")
            elif event.seconds >= 1.0:
                say(f"image of {name}: ready after {event.seconds:.1f} s")

    @hookimpl
    def intermodal_container_started(self, events: Sequence[ContainerStarted]) -> None:
        """Say how many containers came, by function."""
        for function, count in Counter(event.function for event in events).items():
            say(f"{function}: {count} container{'s' if count > 1 else ''} started")

    @hookimpl
    def intermodal_container_exited(self, events: Sequence[ContainerExited]) -> None:
        """Say which containers did not end as they should."""
        for event in events:
            if text := describe_exit(event):
                say(text)

    @hookimpl
    def intermodal_call_progress(self, events: Sequence[CallProgress]) -> None:
        """Remember which calls are worth a line at their end, and say where the long ones stand."""
        now = time.monotonic()
        for event in events:
            if (event.total or event.done) > 1 and now - self._many.setdefault(event.call, now) >= SAY_EVERY_S:
                self._many[event.call] = now
                say(standing(event))

    @hookimpl
    def intermodal_call_finished(self, events: Sequence[CallFinished]) -> None:
        """Say how maps ended."""
        for event in events:
            if self._many.pop(event.call, None) is not None:
                say(summary(event))

    @hookimpl
    def intermodal_notice(self, events: Sequence[Notice]) -> None:
        """Pass on what the engine says."""
        for event in events:
            say(f"warning: {describe_notice(event)}" if event.level == "warning" else describe_notice(event))
