"""Heredocs of Dockerfiles: `<<NAME` in a line, and the text that follows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Heredoc", "raw_words", "read_heredocs"]

_WORD = re.compile(r"(\d*)<<(-?)(?P<quote>[\"']?)([A-Za-z_][\w.-]*)(?P=quote)")


@dataclass(frozen=True)
class Heredoc:
    """`word` is as it stands in the line; `raw` are the lines that follow it, its end included."""

    word: str
    name: str
    text: str
    raw: str
    expands: bool


def raw_words(text: str) -> list[str]:
    """Split at blanks outside of quotes; quotes stay."""
    found, word, quote = [], "", ""
    for char in text:
        if not quote and char.isspace():
            found += [word] if word else []
            word = ""
            continue
        if quote and char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote = char
        word += char
    return [*found, word] if word else found


def read_heredocs(line: str, following: Iterator[tuple[int, str]]) -> tuple[tuple[Heredoc, ...], str]:
    """The heredocs that `line` opens, read from the lines that follow; and the name of one that never ends, or ""."""
    found = []
    for word in raw_words(line):
        match = _WORD.fullmatch(word)
        if match is None:
            continue
        name, strips, body, raw = match[4], bool(match[2]), [], []
        for _, text in following:
            raw.append(text)
            text = text.lstrip("\t") if strips else text
            if text == name:
                break
            body.append(text)
        else:
            return (), name
        content = "".join(f"{text}\n" for text in body)
        found.append(Heredoc(word, name, content, "\n".join(raw), not match["quote"]))
    return tuple(found), ""
