"""Volumes against a reference model: several writers that commit, reload and die, and a client in between."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from intermodal.storage.directory import DirectoryStorage
from intermodal.storage.volumes import Catalog, Directory, Entry, File, Known, Link, Stack, Versions
from intermodal.storage.volumes.entries import same

NAMES = st.sampled_from(["a", "b", "ü"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
WRITERS = st.integers(0, 2)
Tree = dict[str, Entry]


def above(path: str) -> list[str]:
    """The directories that `path` lies in, outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def below(tree: Any, path: str) -> list[str]:
    """What lies in the directory `path`."""
    return [other for other in tree if other.startswith(f"{path}/")]


class Dies(Exception):
    """The writer's process ends here."""


class DyingStorage(DirectoryStorage):
    """Real storage, whose caller dies before the n-th of its writes."""

    writes_left = -1

    async def put(self, data: bytes | Path) -> str:
        self._step()
        return await super().put(data)

    async def swap_ref(self, name: str, expected: str | None, value: str | None) -> bool:
        self._step()
        return await super().swap_ref(name, expected, value)

    def _step(self) -> None:
        if self.writes_left == 0:
            raise Dies
        self.writes_left -= 1


class Writer:
    """A container: the version it began with, and its own view, a plain dict of paths."""

    def __init__(self, head: Tree, base: Stack) -> None:
        self.known = Known(base)
        self.seen: Tree = dict(head)  # what it believes the volume to hold, commits of its own included
        self.view: Tree = dict(head)

    def changes(self) -> dict[str, Entry | None]:
        """What it did since its last commit."""
        changed: dict[str, Entry | None] = {path: None for path in self.seen if path not in self.view}
        changed.update({path: entry for path, entry in self.view.items() if self.seen.get(path) != entry})
        return changed


class VolumeMachine(RuleBasedStateMachine):
    """The head is what the model says after each commit, in the order of commits, whoever dies when."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory()
        self.storage = DyingStorage(Path(self.directory.name))
        self.versions = Versions(self.storage, most=4)
        self.volume = self.run(Catalog(self.storage).find_or_make("v", "main"))
        self.run(self.versions.make(self.volume))
        self.head: Tree = {}
        self.count = 0
        self.writers = [self.fresh() for _ in range(3)]

    def teardown(self) -> None:
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.directory.cleanup()

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def fresh(self) -> Writer:
        return Writer(self.head, self.run(self.stack()))

    async def stack(self, versions: Versions | None = None) -> Stack:
        versions = versions or self.versions
        return await versions.stack(await versions.head(self.volume))

    def place(self, writer: Writer, path: str) -> bool:
        """Make the directories above; whether a file may be put at `path`."""
        for directory in above(path):
            entry = writer.view.get(directory)
            if entry is not None and not isinstance(entry, Directory):
                return False
            writer.view.setdefault(directory, Directory(0o755))
        return not isinstance(writer.view.get(path), Directory)

    @rule(writer=WRITERS, path=PATHS, mode=st.sampled_from([0o644, 0o600]))
    def write(self, writer: int, path: str, mode: int) -> None:
        if self.place(self.writers[writer], path):
            self.count += 1
            self.writers[writer].view[path] = File(f"{self.count:064x}", self.count, mode, self.count)

    @rule(writer=WRITERS, path=PATHS, to=st.sampled_from(["a", "../x", "/etc"]))
    def link(self, writer: int, path: str, to: str) -> None:
        if self.place(self.writers[writer], path):
            self.writers[writer].view[path] = Link(to)

    @rule(writer=WRITERS, path=PATHS)
    def make_directory(self, writer: int, path: str) -> None:
        if self.place(self.writers[writer], path) and path not in self.writers[writer].view:
            self.writers[writer].view[path] = Directory(0o755)

    @rule(writer=WRITERS, path=PATHS)
    def remove(self, writer: int, path: str) -> None:
        view = self.writers[writer].view
        for gone in [path, *below(view, path)]:
            view.pop(gone, None)

    @rule(writer=WRITERS, path=PATHS, mode=st.sampled_from([0o755, 0o700, 0o644]))
    def change_mode(self, writer: int, path: str, mode: int) -> None:
        entry = self.writers[writer].view.get(path)
        if isinstance(entry, (File, Directory)):
            self.writers[writer].view[path] = entry._replace(mode=mode)

    @rule(writer=WRITERS, path=PATHS, new=PATHS)
    def rename(self, writer: int, path: str, new: str) -> None:
        view = self.writers[writer].view
        if path in view and not new.startswith(path) and new not in view and self.place(self.writers[writer], new):
            for old in [path, *below(view, path)]:
                view[new + old[len(path) :]] = view.pop(old)

    @rule(writer=WRITERS, path=PATHS)
    def touch_directory(self, writer: int, path: str) -> None:
        entry = self.writers[writer].view.get(path)
        if isinstance(entry, Directory):
            self.count += 1
            self.writers[writer].view[path] = entry._replace(mtime=self.count)

    @rule(writer=WRITERS)
    def commit(self, writer: int) -> None:
        it = self.writers[writer]
        changes = it.changes()
        expected, lost = model(self.head, it.seen, changes)
        result = self.run(self.versions.commit(self.volume, it.known, changes))
        it.known.learn(changes)
        it.seen = dict(it.view)
        self.head = expected
        assert set(result.lost) == lost

    @rule(writer=WRITERS, writes=st.integers(0, 2))
    def die_while_committing(self, writer: int, writes: int) -> None:
        it = self.writers[writer]
        changes = it.changes()
        self.storage.writes_left = writes
        try:
            self.run(self.versions.commit(self.volume, it.known, changes))
            self.head = model(self.head, it.seen, changes)[0]
        except Dies:
            pass
        self.storage.writes_left = -1
        self.writers[writer] = self.fresh()

    @rule(writer=WRITERS)
    def reload(self, writer: int) -> None:
        self.commit(writer)
        self.writers[writer] = self.fresh()

    @rule(writer=WRITERS)
    def die(self, writer: int) -> None:
        self.writers[writer] = self.fresh()

    @rule()
    def compact(self) -> None:
        self.run(self.versions.compact(self.volume))

    @invariant()
    def every_reader_sees_the_head(self) -> None:
        """By a walk and by look-ups; in another process, too."""
        for versions in (self.versions, Versions(self.storage)):
            stack = self.run(self.stack(versions))
            assert times_of_files(dict(stack.walk())) == times_of_files(self.head)
            for path in ["a", "b/a", "ü/ü/a", *self.head]:
                found, expected = stack.lookup(path), self.head.get(path)
                assert found == expected or (isinstance(expected, Directory) and same(found, expected))


def times_of_files(tree: Tree) -> Tree:
    """Without the times of directories, which nobody relies on."""
    return {path: Directory(entry.mode) if isinstance(entry, Directory) else entry for path, entry in tree.items()}


def model(head: Tree, seen: Tree, changes: dict[str, Entry | None]) -> tuple[Tree, set[str]]:
    """The head after a commit, and what its writer overwrote unseen: path by path, in the order of depth."""
    tree, lost = dict(head), set()

    def overwrites(path: str, new: Entry | None) -> None:
        was = tree.get(path)
        if was is not None and not same(was, new) and not same(was, seen.get(path)):
            lost.add(path)

    for path in sorted(changes, key=lambda each: -each.count("/")):
        if changes[path] is None and path in tree and not below(tree, path):
            overwrites(path, None)
            del tree[path]
    for path in sorted((path for path in changes if changes[path] is not None), key=lambda each: each.count("/")):
        entry, was = changes[path], tree.get(path)
        assert entry is not None
        if isinstance(entry, Directory) and same(seen.get(path), entry):  # only its time has changed
            if isinstance(was, Directory):
                tree[path] = entry._replace(mode=was.mode)
            continue
        for directory in above(path):
            if not isinstance(tree.get(directory), Directory):
                believed = seen.get(directory)
                new = believed if isinstance(believed, Directory) else Directory()
                overwrites(directory, new)
                tree[directory] = new
        overwrites(path, entry)
        if not isinstance(entry, Directory):
            for inner in below(tree, path):
                overwrites(inner, None)
                del tree[inner]
        tree[path] = entry
    return tree, lost


TestVolumes = VolumeMachine.TestCase
TestVolumes.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
