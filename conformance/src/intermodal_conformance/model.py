"""The reference model: what a program may do, written from the rules alone. It shares nothing with core's engine.

A program is a JSON-able dict: {"family": name, "ops": [operation, ...]}. Its meaning is the *set* of allowed outcomes:
pairs of a trace (what the caller sees of each operation) and the final state of the program's own dict and queue.

Expressions are evaluated in containers, in order:

- ["value", v], ["raise", kind, code], ["seq", [e, ...]], ["catch", e]
- ["set", key, v], ["get", key], ["claim", key, v], ["take", key], ["push", v], ["pop"]: on the dict and the queue
- ["call", e], ["spawn", e], ["map", [e, ...]], ["gen", [e, ...]]: through another container

Operations are what the caller does:

- ["remote", e], ["gather", [e, ...]], ["gen", [e, ...]], ["cancel"], ["retry", failures], ["state"]
- ["map", [e, ...], {"ordered": bool, "exceptions": bool}], ["batch", [e, ...]]: concurrent, but each for itself
- ["race", [e, ...]]: concurrent, each one step on shared state: any order is allowed

Programs about volumes have operations of their own: `volume_model`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any, TypeAlias

from intermodal_conformance import volume_model

__all__ = ["TRIES", "Outcome", "Program", "outcomes"]

Program: TypeAlias = dict[str, Any]
Json: TypeAlias = Any

#: How often the function behind "retry" is tried in all.
TRIES = 3


class Raised(Exception):
    """The expression raises."""

    def __init__(self, kind: str, code: Json) -> None:
        super().__init__(kind, code)
        self.seen = ["error", kind, code]


@dataclass
class State:
    """The program's dict and queue."""

    box: dict[str, Json] = field(default_factory=dict)
    line: list[Json] = field(default_factory=list)

    def copy(self) -> State:
        """One of its own."""
        return State(dict(self.box), list(self.line))

    def seen(self) -> Json:
        """As a caller sees it; the order of keys is no matter of programs."""
        return [sorted(self.box.items()), list(self.line)]


@dataclass
class Outcome:
    """One way in which a program may go."""

    trace: list[Json]
    state: State

    def seen(self) -> str:
        """Comparable."""
        return json.dumps([self.trace, self.state.seen()], sort_keys=True)


def outcomes(program: Program) -> set[str]:
    """Every allowed outcome, comparable with what `intermodal_conformance.programs.run` gives."""
    if program["family"] in volume_model.FAMILIES:
        return volume_model.outcomes(program)
    worlds = [Outcome([], State())]
    for operation in program["ops"]:
        reached = [following for world in worlds for following in _do(operation, world)]
        worlds = list({world.seen(): world for world in reached}.values())
    return {world.seen() for world in worlds}


def _do(operation: Sequence[Json], world: Outcome) -> Iterator[Outcome]:
    name, *rest = operation
    state = world.state.copy()
    if name == "map":
        yield from _map(rest[0], rest[1], world, state)
        return
    if name == "race":
        for order in permutations(range(len(rest[0]))):
            state = world.state.copy()
            seen: dict[int, Json] = {place: _seen(rest[0][place], state) for place in order}
            yield Outcome([*world.trace, [seen[place] for place in sorted(seen)]], state)
        return
    yield Outcome([*world.trace, _plain(name, rest, state)], state)


def _plain(name: str, rest: Sequence[Json], state: State) -> Json:
    if name == "remote":
        return _seen(rest[0], state)
    if name in ("gather", "batch"):
        return [_seen(each, state) for each in rest[0]]
    if name == "gen":
        return _items(rest[0], state)
    if name == "cancel":
        return ["error", "InputCancelledError", None]
    if name == "retry":
        tries = min(rest[0] + 1, TRIES)
        return [tries, ["ok", tries] if rest[0] < TRIES else ["error", "Broken", tries]]
    if name == "state":
        return state.seen()
    raise ValueError(f"there is no operation {name!r}")


def _map(expressions: Sequence[Json], how: dict[str, bool], world: Outcome, state: State) -> Iterator[Outcome]:
    seen = [_seen(each, state) for each in expressions]
    failures = [each for each in seen if each[0] == "error"]
    if failures and not how["exceptions"]:
        # Whichever arrives first is raised; all the others run to their end nevertheless.
        for failure in failures:
            yield Outcome([*world.trace, failure], state.copy())
        return
    yield Outcome([*world.trace, seen if how["ordered"] else _sorted(seen)], state)


def _sorted(seen: Iterable[Json]) -> Json:
    return sorted(seen, key=lambda each: json.dumps(each, sort_keys=True))


def _seen(expression: Json, state: State) -> Json:
    try:
        return ["ok", _value(expression, state)]
    except Raised as raised:
        return raised.seen


def _items(expressions: Sequence[Json], state: State) -> Json:
    items: list[Json] = []
    for each in expressions:
        try:
            items.append(_value(each, state))
        except Raised as raised:
            return [items, raised.seen]
    return [items, None]


def _value(expression: Json, state: State) -> Json:
    name, *rest = expression
    if name == "value":
        return rest[0]
    if name == "raise":
        raise Raised(rest[0], rest[1])
    if name == "seq":
        return [_value(each, state) for each in rest[0]]
    if name in ("catch",):
        return _seen(rest[0], state)
    if name in ("call", "spawn"):
        return _value(rest[0], state)
    if name == "map":
        return [_seen(each, state) for each in rest[0]]
    if name == "gen":
        items, failure = _items(rest[0], state)
        return [items, failure]
    return _on_state(name, rest, state)


def _on_state(name: str, rest: Sequence[Json], state: State) -> Json:
    box, line = state.box, state.line
    if name == "set":
        box[rest[0]] = rest[1]
        return rest[1]
    if name == "get":
        return box.get(rest[0])
    if name == "claim":
        free = rest[0] not in box
        box.setdefault(rest[0], rest[1])
        return free
    if name == "take":
        return box.pop(rest[0], None)
    if name == "push":
        line.append(rest[0])
        return None
    if name == "pop":
        return line.pop(0) if line else None
    raise ValueError(f"there is no expression {name!r}")
