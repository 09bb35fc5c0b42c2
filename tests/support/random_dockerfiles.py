"""Random Dockerfiles over one context, whose instructions never fail: what they made shows below /w."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

__all__ = ["BEGINNING", "BUILD_ARGS", "DOCKERFILES", "IGNORED", "Dockerfile", "write_everything"]

#: What is given for the ARG of this name, where a file has one.
BUILD_ARGS = {"GIVEN": "given"}
#: Contents of `.dockerignore`.
IGNORED = (
    "",
    "*.log\n",
    "**/x\n",
    "sub/*\n!sub/x\n!sub/run\n",
    "# none\nsub/deep/*\n",
    "*\n!one\n!two.txt\n!sub\n!data.tar\n",
    "**/*.log\n",
)


@dataclass(frozen=True)
class Dockerfile:
    """One file, and what `.dockerignore` says."""

    text: str
    ignored: str = ""

    def __repr__(self) -> str:
        return f"Dockerfile({self.text!r}, {self.ignored!r})"


def write_everything(folder: Path, given: Dockerfile, base: str) -> None:
    """The context, with files of all kinds and modes, and the Dockerfile."""
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "sub" / "void").mkdir()
    for name, mode in {"one": 0o644, "two.txt": 0o600, "sub/run": 0o755, "sub/x": 0o640, "sub/deep/y": 0o444}.items():
        (folder / name).write_text(f"{name}\n")
        (folder / name).chmod(mode)
    for name in ("a.log", "sub/b.log", "sub/.hidden"):
        (folder / name).write_text(name)
    (folder / "sub/link").symlink_to("run")
    (folder / "sub/deep").chmod(0o750)
    with tarfile.open(folder / "data.tar", "w") as archive:
        for name, kind, mode, owner in (("t", tarfile.DIRTYPE, 0o710, 7), ("t/f", tarfile.REGTYPE, 0o604, 8)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid, entry.gid = kind, mode, owner, owner + 1
            entry.size = 2 if kind == tarfile.REGTYPE else 0
            archive.addfile(entry, io.BytesIO(b"t\n") if entry.size else None)
    (folder / ".dockerignore").write_text(f"Dockerfile\n.dockerignore\n{given.ignored}")
    (folder / "Dockerfile").write_text(given.text.replace("BASE", base))


#: Apart, as builders differ in which of an ARG and an ENV of one name counts: the documents say ENV.
_VARIABLES = st.sampled_from(["A", "B"])
_WORDS = st.sampled_from(
    ["x", "two words", "$A", "${B:-none}", "a$GIVEN", "${A:+set}", "${LATER}", 'q\\"q', "d1", "it's", "\\$A", ""]
)
#: Names of directories begin with d and those of files with f: neither takes the other's place.
_DIRECTORIES = st.sampled_from(["/w", "/w/d1", "/w/d2", "/w/d1/d3", "d4", "./d5/d6", "d7/../d8", "/w/d${A}"])
_FILES = st.sampled_from(["f1", "/w/f2", "/w/d1/f3", "d9/f4"])
_OWNERS = st.sampled_from(
    ["", "", "--chown=1234", "--chown=1234:56", "--chown=daemon", "--chown=daemon:mail", "--chown=root"]
)
_MODES = st.sampled_from(["", "", "--chmod=600", "--chmod=755", "--chmod=711"])
_SOURCES = st.lists(
    st.sampled_from(["one", "two.txt", "sub", "sub/r*", "*", ".", "sub/", "o?e", "sub/run"]), min_size=1, max_size=2
)
_COMMANDS = st.sampled_from(
    [
        "id -u; id -g; pwd; umask",
        'echo "$A-$B-$GIVEN-$LATER"; echo $0',
        "mkdir -p d1 /w/d2/new && chmod 2750 /w/d2/new && chown 3:4 /w/d2/new",
        "ln -sfn d1 link; ln -sfn /w/d2 /w/away",
        "rm -rf /w/d1",
        "chmod 700 /w; chown 9:9 /w/d1",
        "touch made; mkdir -m 711 d4; echo $HOME; echo $PATH",
        "find d1 d4 . -maxdepth 1 -name '[df]*' | sort",
    ]
)  # fmt: skip


def _line(*words: str) -> str:
    return " ".join(filter(None, words))


@st.composite
def _copy(draw: Callable[[st.SearchStrategy[str]], str], keyword: str) -> str:
    options = _line(draw(_OWNERS), draw(_MODES) if keyword == "COPY" else "")
    sources = list(draw(_SOURCES))  # type: ignore[arg-type]
    if keyword == "ADD" and draw(st.booleans()):  # type: ignore[arg-type]
        sources = ["data.tar"]
    alone = len(sources) == 1 and sources[0] in ("one", "two.txt", "o?e", "sub/run")
    target = draw(_FILES) if alone and draw(st.booleans()) else draw(_DIRECTORIES) + "/"  # type: ignore[arg-type]
    if draw(st.booleans()):  # type: ignore[arg-type]
        return _line(keyword, options, json.dumps([*sources, target]))
    return _line(keyword, options, *sources, target)


@st.composite
def _copy_from(draw: Callable[[st.SearchStrategy[str]], str]) -> str:
    source = draw(st.sampled_from(["/w/made", "/w/made/", "/w/made/d*", "/w/made/f1", "/w/made/l"]))
    target = draw(_DIRECTORIES) + "/"
    return _line(
        "COPY", draw(st.sampled_from(["--from=made", "--from=0"])), draw(_OWNERS), draw(_MODES), source, target
    )


def _run(command: str, number: int, form: int) -> str:
    script = f"({command}) >> /w/out{number} 2>/dev/null || :"
    return f"RUN {json.dumps(['/bin/sh', '-c', script])}" if form == 0 else f"RUN {script}"


_INSTRUCTIONS = st.one_of(
    st.builds(_run, _COMMANDS, st.integers(0, 9), st.integers(0, 2)),
    st.builds(_run, _COMMANDS, st.integers(0, 9), st.integers(0, 2)),
    _copy("COPY"),
    _copy("COPY"),
    _copy("ADD"),
    _copy_from(),
    st.builds(lambda name, word: f'ENV {name}="{word}"', _VARIABLES, _WORDS),
    st.builds(lambda name, word: f"ENV {name} {word or 'x'}", _VARIABLES, _WORDS.filter(lambda w: "'" not in w)),
    st.builds(lambda word: f'ARG LATER="{word}"', _WORDS),
    st.sampled_from(["ARG GIVEN", "ARG GIVEN=default"]),
    st.builds(lambda path: f"WORKDIR {path}", _DIRECTORIES),
    st.builds(lambda user: f"USER {user}", st.sampled_from(["root", "1234", "daemon", "daemon:mail", "1234:56", "0"])),
    st.sampled_from(['SHELL ["/bin/bash", "-c"]', 'SHELL ["/bin/sh", "-c"]', 'SHELL ["/bin/sh", "-ec"]']),
    st.sampled_from(['ENTRYPOINT ["/bin/sh", "-c"]', "ENTRYPOINT exec $A", 'CMD ["one", "$A"]', "CMD echo two"]),
)  # fmt: skip

#: A stage to copy from, and the one that counts.
BEGINNING = """\
FROM BASE AS made
RUN mkdir -p /w/made/d1/d2 && chmod 751 /w/made/d1 && chown -R 12:34 /w/made/d1 && echo 1 > /w/made/f1 \\
    && chmod 640 /w/made/f1 && echo 2 > /w/made/d1/f2 && ln -s d1 /w/made/l && ln -s f1 /w/made/l2
FROM BASE
ARG GIVEN
RUN mkdir -m 777 /w
"""

DOCKERFILES = st.builds(
    lambda first, lines, ignored: Dockerfile(
        BEGINNING + "".join(f"{line}\n" for line in [first, *lines] if line), ignored
    ),
    st.sampled_from(["WORKDIR /w", "WORKDIR /w/d1", ""]),
    st.lists(_INSTRUCTIONS, min_size=10, max_size=16),
    st.sampled_from(IGNORED),
)
