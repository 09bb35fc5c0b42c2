"""What a session's containers print is kept."""

from __future__ import annotations

from collections.abc import Sequence

from intermodal.plugins import Config, LogLine, hookimpl
from intermodal.server.logs.writer import LogWriter

__all__ = ["LogKeeper"]


class LogKeeper:
    """A plugin of a session in `environment`. Where the disk is slow it waits, and the host's queue grows, which says
    in a line what it had to drop."""

    def __init__(self, writer: LogWriter, environment: str) -> None:
        self._writer = writer
        self._environment = environment

    @hookimpl
    def intermodal_log(self, events: Sequence[LogLine]) -> None:
        """Hand them to the writer."""
        self._writer.put(self._environment, events)

    @hookimpl
    def intermodal_unconfigure(self, config: Config) -> None:
        """Whoever hears that the app has ended finds all of its lines."""
        self._writer.settle()
