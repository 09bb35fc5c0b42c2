"""The reference model of volumes, without any backend; and that it merges as core does."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from intermodal.storage.volumes import Directory, File, Known, Link, Stack
from intermodal.storage.volumes import Entry as CoreEntry
from intermodal.storage.volumes.publishing import publish as core_publish
from intermodal_conformance.volume_model import Entry, Tree, View, above, below, outcomes, publish
from intermodal_conformance.volume_programs import PATHS

LEAVES = st.sampled_from([Entry("file", "644", "", "1"), Entry("file", "755", "", "2"), Entry("link", stamp="3")])
EDITS = st.lists(st.tuples(PATHS, LEAVES | st.sampled_from([Entry("directory", "755"), Entry("directory", "700")])))


def grown(tree: Tree, edits: list[tuple[str, Entry]]) -> Tree:
    """What is left of the edits that a file system allows; one that would change nothing removes what is there."""
    tree = dict(tree)
    for path, entry in edits:
        if tree.get(path) == entry:
            for gone in [path, *below(tree, path)]:
                del tree[gone]
        elif all(tree.get(each, Entry("")).kind == "directory" for each in above(path)) and (
            entry.kind == "directory" or not below(tree, path)
        ):
            tree[path] = entry
    return tree


def core_entry(entry: Entry) -> CoreEntry:
    """The same for core."""
    if entry.kind == "directory":
        return Directory(int(entry.mode, 8))
    if entry.kind == "link":
        return Link("nowhere", int(entry.stamp))
    return File("0" * 64, 0, int(entry.mode, 8), int(entry.stamp))


def core_tree(tree: Tree) -> dict[str, CoreEntry]:
    """The same for core."""
    return {path: core_entry(entry) for path, entry in tree.items()}


def core_stack(tree: Tree) -> Stack:
    """A version that holds this."""
    return Stack([core_publish(Stack(), Known(Stack()), core_tree(tree)).delta])


@settings(deadline=None)
@given(EDITS, EDITS, EDITS)
def test_a_commit_merges_as_core_does(
    before: list[tuple[str, Entry]], own: list[tuple[str, Entry]], others: list[tuple[str, Entry]]
) -> None:
    """Two readings of one rule: whatever a writer knew, did, and met (volume.commit)."""
    known = grown({}, before)
    view = View(grown(known, own), dict(known), frozenset())
    head = grown(known, others)
    base, top = core_stack(known), core_stack(head)
    changes: dict[str, CoreEntry | None] = {path: None for path in known if path not in view.tree}
    changes.update(core_tree({path: each for path, each in view.tree.items() if known.get(path) != each}))
    delta = core_publish(top, Known(base), changes).delta
    merged = Stack([delta, *top.deltas]) if len(delta) else top
    view.commit(head)
    assert dict(merged.walk()) == core_tree(head)


def test_a_client_that_knows_all_overwrites_all() -> None:
    """What is in the way of an upload is gone."""
    head: Tree = {"d": Entry("directory", "755"), "d/a": Entry("file", "644", "1"), "b": Entry("file", "644", "2")}
    publish(head, dict(head), {"d": Entry("file", "644", "x"), "b/c": Entry("file", "644", "y")})
    assert {path: entry.kind for path, entry in head.items()} == {"d": "file", "b": "directory", "b/c": "file"}


def program(*ops: Any) -> dict[str, Any]:
    """One of the family `volumes`."""
    return {"family": "volumes", "ops": json.loads(json.dumps(ops))}


def test_what_a_killed_container_wrote_is_published() -> None:
    """All of it; the next one begins with the head (volume.crash)."""
    crash = program(
        ("turn", "first", [("write", "a", "x"), ("write", "b", "y"), ("die", "now")]),
        ("turn", "second", [("write", "a", "z"), ("commit",)]),
        ("turn", "first", []),
    )
    ((trace, head),) = map(json.loads, outcomes(crash))
    assert trace[0] == [[["", ""], "lost"]]
    assert trace[2][0][1] == head
    assert (head["a"][2], head["b"][2]) == ("z", "y")


def test_commits_at_the_same_time_may_come_in_any_order() -> None:
    """And who reads meanwhile sees all or nothing of each."""
    race = program(
        (
            "together",
            [
                ("first", [("write", "a", "x"), ("write", "b", "xx"), ("commit",)]),
                ("second", [("write", "a", "yy"), ("write", "b", "y"), ("commit",)]),
                ("client", [("list",)]),
            ],
        )
    )
    found = [json.loads(each) for each in outcomes(race)]
    assert {head["a"][2] + head["b"][2] for _, head in found} == {"xxx", "yyy"}
    listed = {tuple(size for path, *_, size in trace[0][2][0] if path in "ab") for trace, _ in found}
    assert listed == {(1,), (1, 2), (2, 1)}


def test_directories_of_earlier_versions_are_not_renamed() -> None:
    """EXDEV, until they were made anew (volume.paths)."""
    ((trace, _),) = map(
        json.loads,
        outcomes(
            program(
                (
                    "turn",
                    "first",
                    [
                        ("rename", "d/e", "f"),
                        ("unlink", "d/e/a"),
                        ("rmdir", "d/e"),
                        ("mkdir", "d/e"),
                        ("rename", "d/e", "f"),
                        ("reload",),
                        ("rename", "f", "b"),
                    ],
                )
            )
        ),
    )
    assert trace[0][0][0] == ["EXDEV", "", "", "", "", "", "EXDEV"]
