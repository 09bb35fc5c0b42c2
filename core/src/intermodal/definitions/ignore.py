"""`FilePatternMatcher`: which files are left out, by the rules of `.dockerignore` (image.context)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from intermodal.client.checking import checked_class

__all__ = ["FilePatternMatcher", "Ignore", "as_predicate"]

#: What `ignore=` takes: patterns, or a function of the relative path that is true for what is left out.
Ignore = Sequence[str] | Callable[[Path], bool]


@checked_class
class FilePatternMatcher:
    """True for relative paths that the patterns match. `*` and `?` stay within one name, `**` crosses; a matched
    directory takes everything below with it; `!` takes back; the last pattern that matches decides."""

    def __init__(self, *patterns: str) -> None:
        self.patterns = patterns
        self._rules = [rule for rule in map(_rule, patterns) if rule is not None]

    @classmethod
    def from_file(cls, file_path: str | Path) -> FilePatternMatcher:
        """The patterns of a file, one a line; `#` begins a comment."""
        lines = Path(file_path).read_text().splitlines()
        return cls(*(line for line in lines if not line.lstrip().startswith("#")))

    def __call__(self, path: PurePath | str) -> bool:
        text = PurePath(path).as_posix()
        ignored = False
        for expression, take_back in self._rules:
            if ignored == take_back and expression.fullmatch(text):
                ignored = not take_back
        return ignored

    def __invert__(self) -> Callable[[Path], bool]:
        return lambda path: not self(path)

    def __repr__(self) -> str:
        return f"FilePatternMatcher({', '.join(map(repr, self.patterns))})"


def as_predicate(ignore: Ignore) -> Callable[[Path], bool]:
    """`ignore=` as a function."""
    return ignore if callable(ignore) else FilePatternMatcher(*ignore)


def _rule(pattern: str) -> tuple[re.Pattern[str], bool] | None:
    pattern = pattern.strip()
    take_back = pattern.startswith("!")
    if take_back:
        pattern = pattern[1:].strip()
    if not pattern:
        return None
    pattern = posixpath.normpath(pattern).lstrip("/")
    if pattern in ("", "."):
        return None
    return re.compile(_translate(pattern) + "(?:/.*)?", re.DOTALL), take_back


def _translate(pattern: str) -> str:
    out, i = [], 0
    while i < len(pattern):
        char = pattern[i]
        i += 1
        if char == "*":
            if pattern.startswith("*", i):
                i += 1
                if pattern.startswith("/", i):
                    i += 1
                    out.append("(?:.*/)?")
                else:
                    out.append(".*")
            else:
                out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "\\" and i < len(pattern):
            out.append(re.escape(pattern[i]))
            i += 1
        elif char == "[" and (end := pattern.find("]", i + 1)) > 0:
            inside = pattern[i:end].replace("\\", "\\\\")
            inside = "^" + inside[1:] if inside[0] in "^!" else inside
            out.append(f"(?!/)[{inside}]")
            i = end + 1
        else:
            out.append(re.escape(char))
    return "".join(out)
