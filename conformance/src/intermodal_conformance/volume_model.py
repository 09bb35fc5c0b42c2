"""The reference model of volumes (volume.*): what two containers and a client may see, written from the rules alone.

A program's operations are turns of an actor, "first" and "second" (containers) or "client":

- ["turn", actor, [step, ...]]
- ["together", [[actor, [step, ...]], ...]]: at the same time, so that what is published comes in any order

Steps of a container act on its own view as an operating system does, and say by which errno they were refused:
["write", path, text], ["append", path, text], ["truncate", path, size], ["mode", path, mode], ["link", path],
["mkdir", path], ["unlink", path], ["rmdir", path], ["rename", path, path]; then ["commit"], ["reload"], and
["die", how], the last one of its turn. After a turn the container says what it sees, unless it died.

Steps of the client: ["put", {path: text}], ["remove", path, recursive], ["list"].
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

__all__ = ["CONTAINERS", "FAMILIES", "INITIAL", "outcomes"]

#: What each family of programs is evidence for.
FAMILIES: Mapping[str, str] = {"volumes": "volume.commit", "volume-crashes": "volume.crash"}
CONTAINERS = ("first", "second")
#: Files that the client has put before a program begins, and that both containers see then. No two are alike: whether
#: one that takes another's place is a change must not depend on their times.
INITIAL: Mapping[str, str] = {"a": "0", "d/b": "1", "d/e/a": "2"}

_SYNCHRONISING = ("start", "commit", "reload", "die")
Json: TypeAlias = Any


class Entry(NamedTuple):
    """What is at a path. `stamp` is when it got its content, for who writes the same again has written all the same."""

    kind: str
    mode: str = ""
    text: str = ""
    stamp: str = ""


Tree: TypeAlias = dict[str, Entry]
Changes: TypeAlias = Mapping[str, Entry | None]


class Refused(Exception):
    """The operating system, or the framework, says no."""


@dataclass
class View:
    """A container: what it sees, what it believes to be published, and the directories of the version it began with."""

    tree: Tree
    published: Tree
    earlier: frozenset[str]

    @classmethod
    def of(cls, head: Tree) -> View:
        """As of now."""
        return cls(dict(head), dict(head), frozenset(path for path, entry in head.items() if entry.kind == "directory"))

    def copy(self) -> View:
        """One of its own."""
        return View(dict(self.tree), dict(self.published), self.earlier)

    def commit(self, head: Tree) -> None:
        """Publish what has changed since the last time."""
        changes: dict[str, Entry | None] = {path: None for path in self.published if path not in self.tree}
        changes.update({path: entry for path, entry in self.tree.items() if self.published.get(path) != entry})
        publish(head, self.published, changes)
        self.published = dict(self.tree)

    def step(self, stamp: str, name: str, path: str, *rest: Json) -> None:
        """One step on files. Raises `Refused`."""
        _check_above(self.tree, path)
        there = self.tree.get(path)
        if name in ("write", "append", "truncate"):
            self._write(stamp, name, path, there, *rest)
        elif name == "mode":
            if there is None or there.kind == "link":  # links of programs lead nowhere
                raise Refused("ENOENT")
            self.tree[path] = there._replace(mode=rest[0])
        elif name in ("link", "mkdir"):
            if there is not None:
                raise Refused("EEXIST")
            self.tree[path] = Entry("link", stamp=stamp) if name == "link" else Entry("directory", "755")
        elif name == "rename":
            self._rename(path, there, *rest)
        else:
            self._remove(name, path, there)

    def _write(self, stamp: str, name: str, path: str, there: Entry | None, value: Json) -> None:
        if there is not None and there.kind != "file":
            raise Refused("EISDIR" if there.kind == "directory" else "ELOOP")
        if there is None and name == "truncate":
            raise Refused("ENOENT")
        before = there or Entry("file", "644")
        if name == "truncate":
            text = before.text[:value].ljust(value, "\0")
        else:
            text = value if name == "write" else before.text + value
        self.tree[path] = before._replace(text=text, stamp=stamp)

    def _remove(self, name: str, path: str, there: Entry | None) -> None:
        if there is None:
            raise Refused("ENOENT")
        if (there.kind == "directory") != (name == "rmdir"):
            raise Refused("EISDIR" if name == "unlink" else "ENOTDIR")
        if below(self.tree, path):
            raise Refused("ENOTEMPTY")
        del self.tree[path]
        self.earlier -= {path}

    def _rename(self, path: str, there: Entry | None, new: str) -> None:
        _check_above(self.tree, new)
        if there is None:
            raise Refused("ENOENT")
        if new.startswith(f"{path}/"):
            raise Refused("EINVAL")
        if path.startswith(f"{new}/"):
            raise Refused("ENOTEMPTY")
        if path == new:
            return
        replaced, is_directory = self.tree.get(new), there.kind == "directory"
        if replaced is not None and (replaced.kind == "directory") != is_directory:
            raise Refused("ENOTDIR" if is_directory else "EISDIR")
        if path in self.earlier:
            raise Refused("EXDEV")
        if below(self.tree, new):
            raise Refused("ENOTEMPTY")
        self.earlier -= {new}
        for old in [path, *below(self.tree, path)]:
            self.tree[new + old[len(path) :]] = self.tree.pop(old)


def _check_above(tree: Tree, path: str) -> None:
    for directory in above(path):
        entry = tree.get(directory)
        if entry is None or entry.kind == "link":
            raise Refused("ENOENT")
        if entry.kind == "file":
            raise Refused("ENOTDIR")


def above(path: str) -> list[str]:
    """The directories that `path` lies in, outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def below(tree: Tree, path: str) -> list[str]:
    """What lies in the directory `path`."""
    return [other for other in tree if other.startswith(f"{path}/")]


def publish(head: Tree, known: Tree, changes: Changes) -> None:
    """Put the changes of a writer who knew `known` on top of the head: by path, the last one wins (volume.commit)."""
    for path in sorted((path for path, entry in changes.items() if entry is None), key=_depth, reverse=True):
        if not below(head, path):  # a directory stays while it holds what others have put there
            head.pop(path, None)
    for path, entry in sorted(changes.items(), key=lambda item: _depth(item[0])):
        if entry is None:
            continue
        for directory in above(path):
            if head.get(directory, Entry("")).kind != "directory":
                before = known.get(directory, Entry(""))
                head[directory] = before if before.kind == "directory" else Entry("directory", "755")
        if entry.kind != "directory":
            for inner in below(head, path):
                del head[inner]
        head[path] = entry


def _depth(path: str) -> int:
    return path.count("/")


# ---- programs --------------------------------------------------------------------------------------------------------


@dataclass
class World:
    """One way in which a program may go. A container that died has no view until its next turn begins."""

    head: Tree
    views: dict[str, View | None]
    trace: list[Json] = field(default_factory=list)

    def copy(self) -> World:
        """One of its own."""
        views = {name: view and view.copy() for name, view in self.views.items()}
        return World(dict(self.head), views, list(self.trace))

    def key(self) -> str:
        """The same for worlds that nobody can tell apart, now or later."""
        return repr((sorted(self.head.items()), sorted(self.views.items(), key=str), self.trace))


@dataclass(frozen=True)
class Turn:
    """What an actor has yet to do, what was said already, and (client) the changes that it is about to publish."""

    actor: str
    steps: tuple[Json, ...]
    stamp: str
    said: tuple[Json, ...] = ()
    asked: tuple[Tree, Changes] | None = None


def outcomes(program: Mapping[str, Json]) -> set[str]:
    """Every allowed outcome: what each turn says, and what the head is at the end."""
    head: Tree = {}
    publish(head, {}, {path: Entry("file", "644", text) for path, text in INITIAL.items()})
    worlds = [World(head, {name: View.of(head) for name in CONTAINERS})]
    for number, (name, *rest) in enumerate(program["ops"]):
        turns = [rest] if name == "turn" else rest[0]
        reached: dict[str, World] = {}
        for world in worlds:
            begun = [_begun(world, actor, steps, f"{number}-{actor}") for actor, steps in turns]
            for following in _interleaved(world.copy(), begun):
                reached[following.key()] = following
        worlds = list(reached.values())
    return {json.dumps([world.trace, shown(world.head)], sort_keys=True) for world in worlds}


def shown(tree: Tree) -> Json:
    """A tree as programs see it."""
    return {path: [entry.kind, entry.mode, entry.text] for path, entry in tree.items()}


def _begun(world: World, actor: str, steps: Sequence[Json], stamp: str) -> Turn:
    """Its steps, taken apart where others may come between."""
    parts: list[Json] = [["start"]] if world.views.get(actor, True) is None else []
    for step in steps:
        if step[0] == "reload":
            parts += [["silent-commit"], step]
        elif actor == "client" and step[0] != "list":
            parts += [step, ["publish"]]
        else:
            parts.append(step)
    return Turn(actor, tuple(parts), stamp)


def _interleaved(world: World, turns: list[Turn]) -> Iterator[World]:
    for place, turn in enumerate(turns):
        while turn.steps and turn.actor != "client" and turn.steps[0][0].removeprefix("silent-") not in _SYNCHRONISING:
            turn = _advanced(world, turn)
        turns[place] = turn
    waiting = [place for place, turn in enumerate(turns) if turn.steps]
    if not waiting:
        world.trace.append([_told(world, turn) for turn in turns])
        yield world
    for place in waiting:
        other, following = world.copy(), list(turns)
        following[place] = _advanced(other, turns[place])
        yield from _interleaved(other, following)


def _told(world: World, turn: Turn) -> Json:
    if turn.actor == "client":
        return list(turn.said)
    view = world.views[turn.actor]
    return [list(turn.said), "lost" if view is None else shown(view.tree)]


def _advanced(world: World, turn: Turn) -> Turn:
    step, *left = turn.steps
    stamp = f"{turn.stamp}-{len(left)}"
    if turn.actor == "client":
        return _client(world, replace(turn, steps=tuple(left)), stamp, *step)
    said = "" if step[0] not in ("start", "silent-commit", "die") else None
    try:
        _container(world, turn.actor, stamp, *step)
    except Refused as refused:
        said = str(refused)
    return replace(turn, steps=tuple(left), said=turn.said if said is None else (*turn.said, said))


def _container(world: World, actor: str, stamp: str, name: str, *rest: Json) -> None:
    view = world.views[actor]
    if view is None:
        world.views[actor] = View.of(world.head)
    elif name in ("commit", "silent-commit"):
        view.commit(world.head)
    elif name == "reload":
        world.views[actor] = View.of(world.head)
    elif name == "die":  # however it ends, what it wrote is committed
        view.commit(world.head)
        world.views[actor] = None
    else:
        view.step(stamp, name, *rest)


def _client(world: World, turn: Turn, stamp: str, name: str, *rest: Json) -> Turn:
    head = world.head
    if name == "publish":
        if turn.asked is not None:
            publish(head, *turn.asked)
        return replace(turn, asked=None)
    if name == "list":
        return replace(turn, said=(*turn.said, listing(head)))
    try:
        changes = _put(stamp, *rest) if name == "put" else _removed(head, *rest)
    except Refused as refused:
        return replace(turn, said=(*turn.said, str(refused)))
    return replace(turn, said=(*turn.said, ""), asked=(dict(head), changes))


def listing(tree: Tree) -> Json:
    """What a recursive listing tells."""
    return sorted([path, entry.kind, entry.mode, len(entry.text)] for path, entry in tree.items())


def _put(stamp: str, texts: Mapping[str, str]) -> Changes:
    return {path: Entry("file", "644", text, stamp) for path, text in texts.items()}


def _removed(head: Tree, path: str, recursive: bool) -> Changes:
    if path not in head:
        raise Refused("FileNotFoundError")
    if head[path].kind == "directory" and not recursive:
        raise Refused("IsADirectoryError")
    return dict.fromkeys([path, *below(head, path)])
