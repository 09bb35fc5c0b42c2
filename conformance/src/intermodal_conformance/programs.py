"""Random programs by family, as hypothesis strategies; and running a program on the backend under test."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from hypothesis import strategies as st

import intermodal
from intermodal_conformance import volume_model, volume_programs
from intermodal_conformance.apps import interpreting
from intermodal_conformance.apps.interpreting import Space, read, seen_error
from intermodal_conformance.model import Outcome, Program, State

__all__ = ["FAMILIES", "QUOTAS", "SHARES", "corpus", "kinds_of", "programs", "run"]

Expression = st.SearchStrategy[Any]

#: What each family of programs is evidence for.
FAMILIES: Mapping[str, str] = {
    "calls": "call.errors",
    "nested": "call.nested",
    "map": "map.order",
    "failing-map": "map.errors",
    "generators": "gen.stream",
    "retries": "retry.policy",
    "batches": "batch.form",
    "queues": "queue.*",
    "dicts": "dict.*",
    **volume_model.FAMILIES,
}

#: How many examples a family gets, of those that the profile asks for; all where it is not here.
SHARES: Mapping[str, float] = volume_programs.SHARES

#: The shares of programs that must be of a kind, so that a family has shown something.
QUOTAS: Mapping[str, Mapping[str, float]] = {
    "calls": {"raises": 0.15, "cancels": 0.1, "empty": 0.01},
    "nested": {"nests": 0.5, "raises": 0.1},
    "map": {"empty": 0.03, "large": 0.05},
    "failing-map": {"raises": 0.4},
    "generators": {"raises": 0.15, "empty": 0.05},
    "retries": {"raises": 0.2},
    "batches": {"large": 0.05},
    "queues": {"races": 0.1},
    "dicts": {"races": 0.1},
    **volume_programs.QUOTAS,
}

KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.one_of(st.integers(-5, 5), st.text(max_size=3), st.none(), st.booleans(), st.just([1, "x"]))
VALUE = st.tuples(st.just("value"), VALUES)
RAISE = st.tuples(st.just("raise"), st.sampled_from(sorted(interpreting.KINDS)), st.integers(0, 9))
ON_DICT = st.one_of(
    st.tuples(st.just("set"), KEYS, VALUES),
    st.tuples(st.just("get"), KEYS),
    st.tuples(st.just("claim"), KEYS, VALUES),
    st.tuples(st.just("take"), KEYS),
)
ON_QUEUE = st.one_of(st.tuples(st.just("push"), st.integers(0, 9)), st.just(("pop",)))
FLAT = st.one_of(VALUE, RAISE, ON_DICT, ON_QUEUE)
SOME = st.one_of(
    FLAT,
    st.tuples(st.just("seq"), st.lists(FLAT, max_size=3)),
    st.tuples(st.just("catch"), st.tuples(st.just("seq"), st.lists(FLAT, max_size=3))),
)
STATE = st.just(("state",))


def _nested(depth: int) -> Expression:
    if depth == 0:
        return SOME
    inner = _nested(depth - 1)
    apart = st.lists(st.one_of(VALUE, RAISE), max_size=4)
    return st.one_of(
        st.tuples(st.sampled_from(["call", "spawn", "catch"]), inner),
        st.tuples(st.sampled_from(["call", "spawn"]), inner),
        st.tuples(st.just("map"), apart),
        st.tuples(st.just("gen"), st.lists(FLAT, max_size=3)),
        st.tuples(st.just("seq"), st.lists(inner, max_size=2)),
    )


@st.composite
def _apart(draw: st.DrawFn, failing: bool, most: int) -> list[Any]:
    """Elements of a map: each works on a key of its own, so that they do not meet."""
    size = draw(st.one_of(st.integers(0, 6), st.integers(0, most)))
    values = draw(st.lists(st.tuples(VALUES, st.integers(0, 3)), min_size=size, max_size=size))
    elements = []
    for number, (value, fate) in enumerate(values):
        steps: list[Any] = [("set", f"{number}", value), ("get", f"{number}")]
        if failing and fate == 0:
            steps.append(("raise", "Broken", number))
        elements.append(("seq", steps) if failing else ("value", [number, value]))
    return elements


@st.composite
def _maps(draw: st.DrawFn, failing: bool) -> Any:
    elements = draw(_apart(failing, 12 if failing else 120))
    return ("map", elements, {"ordered": draw(st.booleans()), "exceptions": failing and draw(st.booleans())})


def _operations(family: str) -> Expression:
    if family == "calls":
        return st.one_of(
            st.tuples(st.just("remote"), SOME),
            st.tuples(st.just("remote"), FLAT),
            st.tuples(st.just("remote"), RAISE),
            st.tuples(st.just("remote"), st.tuples(st.just("seq"), st.tuples(ON_DICT, ON_QUEUE, RAISE))),
            st.tuples(st.just("gather"), st.lists(st.one_of(VALUE, RAISE), max_size=4)),
            st.just(("cancel",)),
            STATE,
        )
    if family == "nested":
        return st.one_of(st.tuples(st.just("remote"), _nested(2)), st.tuples(st.just("remote"), _nested(1)))
    if family in ("map", "failing-map"):
        return _maps(family == "failing-map")
    if family == "generators":
        return st.tuples(st.just("gen"), st.lists(FLAT, max_size=6))
    if family == "retries":
        return st.one_of(st.tuples(st.just("retry"), st.integers(0, 4)), STATE)
    if family == "batches":
        return st.tuples(st.just("batch"), st.lists(st.one_of(VALUE, RAISE), max_size=9))
    shared = ON_DICT if family == "dicts" else ON_QUEUE
    race = st.tuples(st.just("race"), st.lists(shared, min_size=2, max_size=4))
    return st.one_of(st.tuples(st.just("remote"), shared), race, STATE)


def programs(family: str, operations: int) -> st.SearchStrategy[Program]:
    """Programs of a family with at most so many operations."""
    if family in volume_model.FAMILIES:
        return volume_programs.programs(family, operations)
    return _programs_of_calls(family, operations)


@st.composite
def _programs_of_calls(draw: st.DrawFn, family: str, operations: int) -> Program:
    most = min(operations, 4) if family in ("map", "failing-map", "retries", "batches") else operations
    ops = draw(st.lists(_operations(family), max_size=most))
    races = [place for place, op in enumerate(ops) if op[0] == "race"]
    kept = [op for place, op in enumerate(ops) if place not in races[2:]]
    plain = json.loads(json.dumps(kept))
    return {"family": family, "ops": [_with_own_keys(place, op) for place, op in enumerate(plain)]}


def _with_own_keys(place: int, operation: Any) -> Any:
    """Keys of a failing map are its own, so that its traces can be waited for."""
    if operation[0] == "map":
        for element in operation[1]:
            for step in element[1] if element[0] == "seq" else ():
                if step[0] in ("set", "get"):
                    step[1] = f"{place}-{step[1]}"
    return operation


def corpus() -> Iterator[tuple[str, Program]]:
    """The pinned programs, by name."""
    for path in sorted((files("intermodal_conformance") / "corpus").iterdir(), key=lambda path: path.name):
        if path.name.endswith(".json"):
            yield path.name.removesuffix(".json"), json.loads(path.read_text())


def kinds_of(program: Program) -> set[str]:
    """What a program is an example of."""
    if program["family"] in volume_model.FAMILIES:
        return volume_programs.kinds_of(program)
    ops = program["ops"]
    words = set(_words(ops))
    kinds = {kind for kind, word in (("raises", "raise"), ("cancels", "cancel"), ("races", "race")) if word in words}
    if any(op[0] == "retry" and op[1] > 0 for op in ops):
        kinds.add("raises")
    if any(op[0] == "remote" and set(_words(op[1])) & {"call", "spawn", "map", "gen"} for op in ops):
        kinds.add("nests")
    sizes = [len(op[1]) for op in ops if len(op) > 1 and op[0] != "remote" and isinstance(op[1], list)]
    if not ops or 0 in sizes:
        kinds.add("empty")
    if len(ops) > 7 or any(size > 7 for size in sizes):
        kinds.add("large")
    return kinds


def _words(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        if part and isinstance(part[0], str):
            yield part[0]
        for each in part:
            yield from _words(each)


# ---- on the backend --------------------------------------------------------------------------------------------------

#: Seconds that a call may take.
PATIENCE_S = 60.0


def run(program: Program) -> str:
    """Do what a program says; the outcome as `intermodal_conformance.model.outcomes` has it."""
    if program["family"] in volume_model.FAMILIES:
        return volume_programs.run(program)
    with intermodal.Dict.ephemeral() as box, intermodal.Queue.ephemeral() as line:
        space = (box, line)
        trace = [_do(space, *operation) for operation in program["ops"]]
        return Outcome(json.loads(json.dumps(trace)), _state(space)).seen()


def _state(space: Space) -> State:
    box, line = space
    return State(dict(box.items()), list(line.iterate()))


def _do(space: Space, name: str, *rest: Any) -> Any:
    function = _OPERATIONS[name]
    return function(space, *rest)


def _seen(call: Any) -> Any:
    try:
        return ["ok", call()]
    except Exception as error:  # noqa: BLE001 - the model says which are right
        return seen_error(error)


def _gather(space: Space, expressions: Sequence[Any]) -> Any:
    calls = [interpreting.interpret.spawn(space, each) for each in expressions]
    return [_seen(lambda call=call: call.get(timeout=PATIENCE_S)) for call in calls]


def _map(space: Space, expressions: Sequence[Any], how: Mapping[str, bool]) -> Any:
    stream = interpreting.interpret.map(
        [space] * len(expressions), expressions, order_outputs=how["ordered"], return_exceptions=how["exceptions"]
    )
    try:
        found = [seen_error(each) if isinstance(each, Exception) else ["ok", each] for each in stream]
    except Exception as error:  # noqa: BLE001 - the model says which are right
        _settle(space, expressions)
        return seen_error(error)
    return found if how["ordered"] else sorted(found, key=lambda each: json.dumps(each, sort_keys=True))


def _settle(space: Space, expressions: Sequence[Any]) -> None:
    """The other inputs of a map that failed go on: wait until each has left its trace."""
    keys = {step[1] for each in expressions if each[0] == "seq" for step in each[1] if step[0] == "set"}
    deadline = time.monotonic() + PATIENCE_S
    while not keys.issubset(space[0].keys()) and time.monotonic() < deadline:
        time.sleep(0.005)


def _batch(space: Space, expressions: Sequence[Any]) -> Any:
    return list(interpreting.interpret_batch.map([space] * len(expressions), expressions))


def _cancel(space: Space) -> Any:
    call = interpreting.wait_for_ever.spawn(space)
    call.cancel()
    return _seen(lambda: call.get(timeout=PATIENCE_S))


def _retry(space: Space, failures: int) -> Any:
    seen = _seen(lambda: interpreting.interpret_retry.remote(space, failures))
    tries = space[1].len(partition="attempts")
    space[1].clear(partition="attempts")
    return [tries, seen]


def _look(space: Space) -> Any:
    return _state(space).seen()


_OPERATIONS: Mapping[str, Any] = {
    "remote": lambda space, each: _seen(lambda: interpreting.interpret.remote(space, each)),
    "gather": _gather,
    "gen": lambda space, each: read(interpreting.interpret_gen.remote_gen(space, each)),
    "map": _map,
    "race": lambda space, each: [
        seen_error(one) if isinstance(one, Exception) else ["ok", one]
        for one in interpreting.interpret.map([space] * len(each), each, return_exceptions=True)
    ],
    "batch": _batch,
    "cancel": _cancel,
    "retry": _retry,
    "state": _look,
}
