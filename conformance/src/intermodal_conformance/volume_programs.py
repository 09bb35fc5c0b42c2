"""Random programs of two containers and a client that share a volume; and running one on the backend under test."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any

from hypothesis import strategies as st

import intermodal
from intermodal.exception import ContainerLostError
from intermodal_conformance.apps.volumes import First, Second, volume
from intermodal_conformance.volume_model import CONTAINERS, INITIAL

__all__ = ["QUOTAS", "SHARES", "kinds_of", "programs", "run"]

#: The shares of programs that must be of a kind.
QUOTAS: Mapping[str, Mapping[str, float]] = {
    "volumes": {"commits": 0.25, "reloads": 0.1, "races": 0.2, "renames": 0.2, "removes": 0.2},
    "volume-crashes": {"dies": 1.0},
}
#: Of the examples that the profile asks for: containers that mount, commit and die take their time.
SHARES: Mapping[str, float] = {"volumes": 0.5, "volume-crashes": 0.2}

#: Seconds that a turn may take.
PATIENCE_S = 60.0

PATHS = st.sampled_from(["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "f", "f/a"])
TEXTS = st.text("xyz", min_size=1, max_size=3)
FILES = st.one_of(
    st.tuples(st.sampled_from(["write", "append"]), PATHS, TEXTS),
    st.tuples(st.just("truncate"), PATHS, st.integers(0, 4)),
    st.tuples(st.just("mode"), PATHS, st.sampled_from(["700", "755"])),
    st.tuples(st.sampled_from(["unlink", "unlink", "rmdir", "mkdir", "mkdir", "link"]), PATHS),
    st.tuples(st.just("rename"), PATHS, PATHS),
    st.tuples(st.just("rename"), PATHS, PATHS),
)
SYNC = st.sampled_from([("commit",), ("reload",)])
CLIENT = st.one_of(
    st.tuples(st.just("put"), st.dictionaries(PATHS, TEXTS, min_size=1, max_size=2)),
    st.tuples(st.just("remove"), PATHS, st.booleans()),
    st.just(("list",)),
)
DIE = st.tuples(st.just("die"), st.sampled_from(["now", "committing"]))
WHO = st.sampled_from(CONTAINERS)


@st.composite
def _steps(draw: st.DrawFn, most: int, dies: bool) -> list[Any]:
    """Some steps on files, perhaps a commit or reload among them, perhaps the end."""
    steps: list[Any] = draw(st.lists(FILES, min_size=1, max_size=most))
    if draw(st.integers(0, 2)):
        steps.insert(draw(st.integers(0, len(steps))), draw(SYNC))
    if dies and draw(st.booleans()):
        steps.append(draw(DIE))
    return steps


def _operation(dies: bool) -> st.SearchStrategy[Any]:
    turn = st.tuples(st.just("turn"), WHO, _steps(6, dies))
    edit = st.tuples(st.just("turn"), st.just("client"), st.lists(CLIENT, min_size=1, max_size=2))
    sides = st.tuples(_steps(3, dies), _steps(3, False), st.lists(CLIENT, max_size=1))
    together = sides.map(lambda each: ("together", list(zip((*CONTAINERS, "client"), each, strict=True))))
    return st.one_of(turn, turn, edit, together)


@st.composite
def programs(draw: st.DrawFn, family: str, operations: int) -> dict[str, Any]:
    """Programs of a family with at most so many operations."""
    most = min(operations, 6)
    ops = draw(st.lists(_operation(family == "volume-crashes"), min_size=1, max_size=most))
    if family == "volume-crashes":
        fatal = [*draw(_steps(6, False)), draw(DIE)]
        ops.insert(draw(st.integers(0, len(ops))), ("turn", draw(WHO), fatal))
    concurrent = [place for place, op in enumerate(ops) if op[0] == "together"]
    plain = json.loads(json.dumps([op for place, op in enumerate(ops) if place not in concurrent[2:]]))
    return {"family": family, "ops": [_possible(op) for op in plain]}


def _possible(operation: Any) -> Any:
    """Without uploads that contradict themselves, or of files that are alike."""
    turns = [operation[1:]] if operation[0] == "turn" else operation[1]
    for _, steps in turns:
        for step in steps:
            if step[0] == "put":
                step[1] = {path: f"{path} {text}" for path, text in step[1].items() if not _within(path, step[1])}
    return operation


def _within(path: str, others: Mapping[str, str]) -> bool:
    return any(str(above) in others for above in PurePosixPath(path).parents)


def kinds_of(program: Mapping[str, Any]) -> set[str]:
    """What a program is an example of."""
    kinds = set()
    for name, *rest in program["ops"]:
        if name == "together":
            kinds.add("races")
        for _, steps in [rest] if name == "turn" else rest[0]:
            words = {step[0] for step in steps}
            kinds |= {kind for kind, some in _KINDS.items() if words & some}
    return kinds


_KINDS: Mapping[str, set[str]] = {
    "commits": {"commit", "reload"},
    "reloads": {"reload"},
    "renames": {"rename"},
    "removes": {"unlink", "rmdir", "remove"},
    "dies": {"die"},
}


# ---- on the backend --------------------------------------------------------------------------------------------------


def run(program: Mapping[str, Any]) -> str:
    """Do what a program says, in a directory of its own; the outcome as `volume_model.outcomes` has it."""
    top = f"p-{uuid.uuid4().hex[:8]}"
    sites = {"first": First(), "second": Second()}
    _put(top, INITIAL)
    with ThreadPoolExecutor(3) as threads:

        def act(turn: Sequence[Any]) -> Any:
            actor, steps = turn
            return _client(top, steps) if actor == "client" else _container(sites[actor], top, steps)

        list(threads.map(act, [(name, [["reload"]]) for name in CONTAINERS]))
        trace = [[act(rest)] if name == "turn" else list(threads.map(act, rest[0])) for name, *rest in program["ops"]]
    return json.dumps([trace, _head(top)], sort_keys=True)


def _container(site: Any, top: str, steps: Sequence[Any]) -> Any:
    if not steps or steps[-1][0] != "die":
        return list(site.turn.remote(top, steps))
    with intermodal.Queue.ephemeral() as line:
        # A stream that was read from is not run again, so each step is taken once.
        stream = site.last_turn.remote_gen(top, steps, line)
        next(stream)
        line.put(True, partition="go")
        try:
            next(stream)
        except ContainerLostError:
            return [line.get(timeout=PATIENCE_S, partition="said"), "lost"]
    return "it goes on"


def _client(top: str, steps: Sequence[Any]) -> list[Any]:
    return [_edit(top, *step) for step in steps]


def _edit(top: str, name: str, *rest: Any) -> Any:
    try:
        if name == "put":
            _put(top, rest[0])
        elif name == "remove":
            volume.remove_file(f"{top}/{rest[0]}", recursive=rest[1])
        else:
            return sorted([path, kind, mode, size] for path, (kind, mode, size) in _listing(top).items())
    except FileNotFoundError:
        return "FileNotFoundError"
    except IsADirectoryError:
        return "IsADirectoryError"
    return ""


def _put(top: str, texts: Mapping[str, str]) -> None:
    with volume.batch_upload(force=True) as batch:
        for path, text in texts.items():
            batch.put_file(io.BytesIO(text.encode()), f"{top}/{path}")


def _listing(top: str) -> dict[str, tuple[str, str, int]]:
    return {
        entry.path.removeprefix(f"{top}/"): (
            entry.type.value,
            "" if entry.type.value == "link" else f"{entry.mode:o}",
            entry.size,
        )
        for entry in volume.listdir(top, recursive=True)
    }


def _head(top: str) -> dict[str, list[str]]:
    return {
        path: [kind, mode, b"".join(volume.read_file(f"{top}/{path}")).decode() if kind == "file" else ""]
        for path, (kind, mode, _) in _listing(top).items()
    }
