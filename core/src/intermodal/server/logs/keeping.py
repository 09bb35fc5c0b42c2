"""What a session's containers print is kept, and what happens to its calls and containers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from intermodal.plugins import CallFinished, Config, ContainerExited, InputFailed, LogLine, Notice, hookimpl
from intermodal.server.logs.happenings import Happening, exit_line, failure_line, notice_line, others_line
from intermodal.server.logs.writer import LogWriter

__all__ = ["LogKeeper"]

#: Failures of one call that have a line each: a map of a million broken inputs must not push out all else.
_FAILURES = 100


class LogKeeper:
    """A plugin of a session in `environment`. Where the disk is slow it waits, and the host's queue grows, which says
    in a line what it had to drop."""

    def __init__(self, writer: LogWriter, environment: str) -> None:
        self._writer = writer
        self._environment = environment
        self._told: dict[str, int] = {}  #: lines about failures of a running call
        self._untold: dict[str, tuple[int, InputFailed]] = {}  #: how many inputs failed besides, and the last of them

    @hookimpl
    def intermodal_log(self, events: Sequence[LogLine]) -> None:
        """Hand them to the writer."""
        self._writer.put(self._environment, events)

    @hookimpl
    def intermodal_input_failed(self, events: Sequence[InputFailed]) -> None:
        """Lines, for the first failures of each call."""
        lines: list[Happening] = []
        for failed in events:
            told = self._told.get(failed.call, 0)
            if told < _FAILURES:
                self._told[failed.call] = told + 1
                lines.append(failure_line(failed))
            else:
                untold, _ = self._untold.get(failed.call, (0, failed))
                self._untold[failed.call] = untold + failed.count, failed
        self._put(lines)

    @hookimpl
    def intermodal_call_finished(self, events: Sequence[CallFinished]) -> None:
        """How many more there were."""
        lines: list[Happening] = []
        for call in events:
            self._told.pop(call.call, None)
            count, last = self._untold.pop(call.call, (0, None))
            if last is not None:
                lines.append(others_line(last, count))
        self._put(lines)

    @hookimpl
    def intermodal_container_exited(self, events: Sequence[ContainerExited]) -> None:
        """Lines for those that were not to end."""
        self._put(line for line in map(exit_line, events) if line is not None)

    @hookimpl
    def intermodal_notice(self, events: Sequence[Notice]) -> None:
        """They are lines, too."""
        self._put(line for line in map(notice_line, events) if line is not None)

    @hookimpl
    def intermodal_unconfigure(self, config: Config) -> None:
        """Whoever hears that the app has ended finds all of its lines."""
        self._writer.settle()

    def _put(self, lines: Iterable[Happening]) -> None:
        found = list(lines)
        if found:
            self._writer.put(self._environment, found)
