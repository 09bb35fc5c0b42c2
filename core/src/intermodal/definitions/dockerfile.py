"""Reads Dockerfiles: lines to instructions, instructions to words. What they mean is `stages.py`'s business."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from intermodal.client.shown import shown
from intermodal.definitions.heredocs import Heredoc, read_heredocs
from intermodal.exception import CapabilityNotSupported, InvalidError

__all__ = ["Instruction", "expand", "json_words", "options", "parse", "refuse", "words"]

#: The value of a variable; None where it is not set.
Lookup = Callable[[str], "str | None"]

_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*")
_TAKE_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})
_OPTION = re.compile(r"--([a-z][a-z.-]*)(?:=(\S*))?\s+")
_NAME = re.compile(r"[A-Za-z_]\w*")
_BRACED = re.compile(r"\{([A-Za-z_]\w*)(?:(:?[-+])((?:[^{}]|\{[^{}]*\})*))?\}")


@dataclass(frozen=True)
class Instruction:
    """One instruction: `keyword` in capitals, `rest` as written with its continued lines joined, `heredocs` those that
    it opens. `where` is for people."""

    keyword: str
    rest: str
    where: str
    heredocs: tuple[Heredoc, ...] = ()


def parse(lines: Iterable[str], name: str) -> list[Instruction]:
    """The instructions of a Dockerfile called `name`.

    Raises `InvalidError`: a line that is no instruction, or a heredoc that does not end.
    """
    escape, directives, found = "\\", True, []
    joined, first = "", 0
    numbered = iter(enumerate(lines, 1))
    for number, raw in numbered:
        line = raw.strip()
        directive = _DIRECTIVE.fullmatch(line) if directives else None
        directives = directive is not None
        if directive is not None and directive[1].lower() == "escape":
            escape = directive[2]
        if not line or line.startswith("#"):
            continue
        text = raw.rstrip() if joined else line
        first = first if joined else number
        if line.endswith(escape):
            joined += text[: -len(escape)]
            continue
        instruction = _instruction(joined + text, f"{name}:{first}")
        found.append(_with_heredocs(instruction, numbered))
        joined = ""
    if joined.strip():
        found.append(_instruction(joined.strip(), f"{name}:{first}"))
    return found


def _instruction(text: str, where: str) -> Instruction:
    keyword, _, rest = text.strip().partition(" ")
    if "\t" in keyword:
        keyword, _, rest = text.strip().partition("\t")
    if not keyword.isalpha() or not rest.strip():
        raise InvalidError(f"{where}: {shown(text)} is no instruction of a Dockerfile")
    return Instruction(keyword.upper(), rest.strip(), where)


def _with_heredocs(instruction: Instruction, following: Iterator[tuple[int, str]]) -> Instruction:
    if instruction.keyword not in _TAKE_HEREDOCS or json_words(instruction.rest) is not None:
        return instruction
    heredocs, open_ended = read_heredocs(instruction.rest, following)
    if open_ended:
        raise InvalidError(f"{instruction.where}: the heredoc {open_ended} has no line {open_ended!r} at its end")
    return replace(instruction, heredocs=heredocs)


def refuse(instruction: Instruction, what: str, hint: str) -> CapabilityNotSupported:
    """The error for what this version cannot do, named as a capability and by its place."""
    return CapabilityNotSupported(f"image.dockerfile.{what}", hint=f"{instruction.where}: {hint}")


def options(instruction: Instruction) -> tuple[list[tuple[str, str]], str]:
    """The leading `--name=value` options in order, and what follows them."""
    found, rest = [], instruction.rest
    while match := _OPTION.match(rest):
        found.append((match[1], match[2] or ""))
        rest = rest[match.end() :]
    return found, rest


def json_words(text: str) -> tuple[str, ...] | None:
    """The words of the exec form (`["a", "b"]`); None for anything else, which is the shell form."""
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return tuple(value) if isinstance(value, list) and all(isinstance(word, str) for word in value) else None


def words(text: str, lookup: Lookup | None, instruction: Instruction) -> list[str]:
    """Split at blanks outside of quotes, take quotes away, and replace variables where there is a `lookup`.

    Raises `InvalidError`: a quote that is not closed, or `${` that is none of Docker's forms.
    """
    found: list[str] = []
    word: str | None = None
    quote, i = "", 0
    while i < len(text):
        char = text[i]
        i += 1
        if char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote, word = char, word or ""
        elif not quote and char.isspace():
            if word is not None:
                found.append(word)
            word = None
        elif char == "\\" and quote != "'" and i < len(text) and (not quote or text[i] in '"\\$'):
            word, i = (word or "") + text[i], i + 1
        elif char == "$" and quote != "'" and lookup is not None:
            value, i = _variable(text, i, lookup, instruction)
            word = (word or "") + value
        else:
            word = (word or "") + char
    if quote:
        raise InvalidError(f"{instruction.where}: the quote {quote} is not closed")
    return found if word is None else [*found, word]


def expand(text: str, lookup: Lookup, instruction: Instruction) -> str:
    """A text with its variables replaced; `\\$` is a plain `$`, and quotes are like other letters."""
    out, i = "", 0
    while i < len(text):
        if text.startswith("\\$", i):
            out, i = f"{out}$", i + 2
        elif text[i] == "$":
            value, i = _variable(text, i + 1, lookup, instruction)
            out += value
        else:
            out, i = out + text[i], i + 1
    return out


def _variable(text: str, i: int, lookup: Lookup, instruction: Instruction) -> tuple[str, int]:
    """The value of the variable whose name begins at `i`, behind the `$`; and where it ends."""
    if text.startswith("{", i):
        braced = _BRACED.match(text, i)
        if braced is None:
            raise InvalidError(f"{instruction.where}: {text[i - 1 : i + 20]!r} is not ${{NAME}}, ${{NAME:-WORD}} or so")
        value, operator, other = lookup(braced[1]), braced[2] or "", braced[3] or ""
        is_set = bool(value) if ":" in operator else value is not None
        if operator and is_set == operator.endswith("+"):
            value = " ".join(words(other, lookup, instruction))
        elif operator.endswith("+"):
            value = ""
        return value or "", braced.end()
    name = _NAME.match(text, i)
    return ("$", i) if name is None else (lookup(name[0]) or "", name.end())
