"""Cuts what a container prints into lines, so that none is lost or torn (log.lines)."""

from __future__ import annotations

__all__ = ["LineCutter"]

#: A longer line is cut into pieces of this many bytes: memory stays bounded whatever a program prints.
LONGEST = 1 << 20


class LineCutter:
    """Bytes in, complete lines out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *lines, rest = (self._rest + data).split(b"\n")
        while len(rest) > LONGEST:
            lines.append(rest[:LONGEST])
            rest = rest[LONGEST:]
        self._rest = rest
        return [decoded(line) for line in lines]

    def finish(self) -> list[str]:
        """A last line without its end."""
        rest, self._rest = self._rest, b""
        return [decoded(rest)] if rest else []


def decoded(line: bytes) -> str:
    """Text of a line without its end; bytes that are not UTF-8 survive as surrogate escapes."""
    return line.rstrip(b"\r").decode("utf-8", "surrogateescape")
