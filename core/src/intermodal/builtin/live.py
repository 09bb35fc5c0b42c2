"""Progress for a person at a terminal: images being built, running containers, a bar for each map, a line for what else
runs."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from intermodal.builtin.plain import describe_exit, describe_notice, summary
from intermodal.plugins.config import Config
from intermodal.plugins.hookspecs import hookimpl
from intermodal.plugins.observations import (
    CallFinished,
    CallProgress,
    CallStarted,
    ContainerExited,
    ContainerStarted,
    ImageFinished,
    ImageOutput,
    ImageStarted,
    ImageStep,
    Notice,
)

__all__ = ["LiveDisplay"]

#: A call is shown once it has run so many seconds: what is over at once needs no bar.
SHOW_AFTER_S = 0.3


@dataclass(slots=True)
class _Image:
    name: str
    since: float
    step: str = "looking for it in the cache"
    output: str = ""
    building: bool = False


@dataclass(slots=True)
class _Call:
    since: float
    latest: CallProgress


@dataclass(slots=True)
class _State:
    """What is going on now. Replaced entry by entry by the observer thread, only read by the painting one."""

    images: dict[str, _Image] = field(default_factory=dict)
    calls: dict[str, _Call] = field(default_factory=dict)
    started: dict[str, tuple[str, float]] = field(default_factory=dict)  #: function and time of each call that runs
    containers: dict[str, str] = field(default_factory=dict)

    def lines(self, now: float) -> list[RenderableType]:
        """One renderable for each thing in progress."""
        lines: list[RenderableType] = [
            _image_line(image, now) for image in list(self.images.values()) if image.building
        ]
        table = Table.grid(padding=(0, 1))
        for call in list(self.calls.values()):
            if now - call.since >= SHOW_AFTER_S:
                table.add_row(*_call_cells(call, now))
        if table.row_count:
            lines.append(table)
        lines += self._single_lines(now)
        counts = Counter(list(self.containers.values()))
        if counts and lines:
            lines.append(Text("containers: " + ", ".join(f"{n} {name}" for name, n in sorted(counts.items())), "dim"))
        return lines

    def _single_lines(self, now: float) -> list[RenderableType]:
        """A line for each function with calls of one input that take long."""
        since: dict[str, list[float]] = {}
        for call, (function, began) in list(self.started.items()):
            if call not in self.calls and now - began >= SHOW_AFTER_S:
                since.setdefault(function, []).append(began)
        return [
            Text.assemble(function, (f"  {_calls(len(began))}  {now - min(began):.0f} s", "dim"))
            for function, began in since.items()
        ]


class LiveDisplay:
    """The live region on stderr. It is there only while something is in progress, and takes the user's prints above
    itself.
    """

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._state = _State()
        self._live: Live | None = None

    @hookimpl
    def intermodal_unconfigure(self, config: Config) -> None:
        """Take the region away and give the cursor back."""
        self._state = _State()
        self._update()

    @hookimpl
    def intermodal_image_started(self, events: Sequence[ImageStarted]) -> None:
        """A new line."""
        for event in events:
            name = ", ".join(event.functions) or event.image[:12]
            self._state.images[event.image] = _Image(name, time.monotonic())

    @hookimpl
    def intermodal_image_step(self, events: Sequence[ImageStep]) -> None:
        """Show the step."""
        for event in events:
            if (image := self._state.images.get(event.image)) and not event.cached:
                image.step, image.output = f"step {event.number}/{event.total} {event.title}", ""
                image.building = True
        self._update()

    @hookimpl
    def intermodal_image_output(self, events: Sequence[ImageOutput]) -> None:
        """Show the last line that the step printed."""
        for event in events:
            if image := self._state.images.get(event.image):
                image.output = event.line

    @hookimpl
    def intermodal_image_finished(self, events: Sequence[ImageFinished]) -> None:
        """Leave a lasting line where something was built."""
        for event in events:
            image = self._state.images.pop(event.image, None)
            if image and event.error is not None:
                self._say(f"✗ image of {image.name} failed after {event.seconds:.1f} s", "red")
            elif image and image.building:
                self._say(f"✓ image of {image.name} built in {event.seconds:.1f} s", "green")
        self._update()

    @hookimpl
    def intermodal_container_started(self, events: Sequence[ContainerStarted]) -> None:
        """Count it."""
        self._state.containers.update((event.container, event.function) for event in events)

    @hookimpl
    def intermodal_container_exited(self, events: Sequence[ContainerExited]) -> None:
        """Count it no more; say how it ended if that was not as it should."""
        for event in events:
            self._state.containers.pop(event.container, None)
            if text := describe_exit(event):
                self._say(text, "yellow")

    @hookimpl
    def intermodal_call_started(self, events: Sequence[CallStarted]) -> None:
        """Its function has something to do."""
        self._state.started.update((event.call, (event.function, time.monotonic())) for event in events)
        self._update()

    @hookimpl
    def intermodal_call_progress(self, events: Sequence[CallProgress]) -> None:
        """Move the bars."""
        for event in events:
            call = self._state.calls.get(event.call)
            if call is not None:
                call.latest = event
            elif (event.total or event.done) > 1:
                self._state.calls[event.call] = _Call(time.monotonic(), event)
        self._update()

    @hookimpl
    def intermodal_call_finished(self, events: Sequence[CallFinished]) -> None:
        """Leave a lasting line for a map that was shown."""
        for event in events:
            self._state.started.pop(event.call, None)
            call = self._state.calls.pop(event.call, None)
            if call is not None and time.monotonic() - call.since >= SHOW_AFTER_S:
                mark, style = ("✗", "red") if event.failed else ("✓", "green")
                self._say(f"{mark} {summary(event)} in {time.monotonic() - call.since:.1f} s", style)
        self._update()

    @hookimpl
    def intermodal_notice(self, events: Sequence[Notice]) -> None:
        """Pass on what the engine says."""
        for event in events:
            self._say(describe_notice(event), "yellow" if event.level == "warning" else "dim")

    def _say(self, text: str, style: str) -> None:
        self._console.print(Text(text, style))

    def _update(self) -> None:
        wanted = bool(self._state.calls or self._state.started) or any(
            image.building for image in self._state.images.values()
        )
        if wanted and self._live is None:
            self._live = Live(
                get_renderable=lambda: Group(*self._state.lines(time.monotonic())),
                console=self._console,
                refresh_per_second=8,
                transient=True,
                redirect_stdout=sys.stdout.isatty(),
            )
            self._live.start()
        elif not wanted and self._live is not None:
            self._live.stop()
            self._live = None


def _calls(count: int) -> str:
    return "1 call runs" if count == 1 else f"{count} calls run"


def _image_line(image: _Image, now: float) -> Text:
    line = Text.assemble(("image of ", "dim"), image.name, f"  {image.step}", (f"  {now - image.since:.0f} s", "dim"))
    if image.output:
        line.append(f"  {image.output}", "dim")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _call_cells(call: _Call, now: float) -> tuple[RenderableType, ...]:
    latest, seconds = call.latest, now - call.since
    rate = latest.done / seconds if seconds else 0.0
    bar = ProgressBar(total=latest.total, completed=latest.done, width=32, pulse=latest.total is None)
    words = [f"{latest.done}/{latest.total}" if latest.total is not None else f"{latest.done}", f"{rate:.0f}/s"]
    if latest.total and latest.done:
        words.append(f"{(latest.total - latest.done) / rate:.0f} s left" if rate else "")
    cells: list[RenderableType] = [Text(latest.function), bar, Text("  ".join(words), "dim")]
    if latest.failed:
        cells.append(Text(f"{latest.failed} failed", "red"))
    return tuple(cells)
