"""The built-in plugin `logs`: what containers print appears here, stdout on stdout and stderr on stderr."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import IO

from intermodal.plugins.hookspecs import hookimpl
from intermodal.plugins.observations import LogLine

__all__ = ["LogSink"]


class LogSink:
    """Writes each line with its function and container before it. A stream whose reader left gets no more."""

    def __init__(self) -> None:
        self._gone: set[int] = set()

    @hookimpl
    def intermodal_log(self, events: Sequence[LogLine]) -> None:
        """Write the lines, one write for neighbours on one stream."""
        for stream, lines in groupby(events, key=lambda line: line.stream):
            if stream in self._gone:
                continue
            try:
                write(sys.stdout if stream == 1 else sys.stderr, "".join(format_line(line) for line in lines))
            except BrokenPipeError:
                self._gone.add(stream)


def format_line(line: LogLine) -> str:
    """`function container | text`, with the end of line."""
    return f"{line.function} {line.container} | {line.text}\n"


def write(stream: IO[str], text: str) -> None:
    """Write text whose undecodable bytes are surrogate escapes: those bytes themselves where the stream takes bytes."""
    if type(stream) is io.TextIOWrapper:
        stream.flush()
        stream.buffer.write(text.encode("utf-8", "surrogateescape"))
    else:
        stream.write(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    stream.flush()
