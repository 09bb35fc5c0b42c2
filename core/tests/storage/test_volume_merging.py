"""Compaction changes nothing that anybody sees."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from intermodal.storage.volumes import Delta, Directory, Entry, File, Known, Link, Stack
from intermodal.storage.volumes.compaction import merged, run_to_merge
from intermodal.storage.volumes.entries import Gone
from intermodal.storage.volumes.paths import ancestors
from intermodal.storage.volumes.publishing import publish

NAMES = st.sampled_from(["a", "b"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
ENTRIES: st.SearchStrategy[Entry | None] = st.one_of(
    st.none(), st.sampled_from([Directory(0o755), Directory(0o700)]), st.just(File("0" * 64, 1)), st.just(Link("a"))
)


def steps(edits: list[tuple[str, Entry | None]]) -> list[Delta]:
    """One delta for each edit, newest first: as if each were a commit, a removal with all below."""
    deltas: list[Delta] = []
    for path, entry in edits:
        stack = Stack(deltas)
        gone = [inner for inner, _ in stack.walk(path)] if entry is None else []
        delta = publish(stack, Known(stack), {**dict.fromkeys(gone), path: entry}).delta
        if len(delta):
            deltas.insert(0, delta)
    return deltas


@settings(deadline=None)
@given(st.lists(st.tuples(PATHS, ENTRIES), max_size=12), st.data())
def test_merged_deltas_look_the_same(edits: list[tuple[str, Entry | None]], data: st.DataObject) -> None:
    """Any run of them, with or without deltas below it."""
    deltas = steps(edits)
    if not deltas:
        return
    first = data.draw(st.integers(0, len(deltas) - 1))
    last = data.draw(st.integers(first + 1, len(deltas)))
    below = Stack(deltas[last:])
    one = Delta.decode(merged(deltas[first:last], below).encode())
    compacted = Stack([*deltas[:first], one, *deltas[last:]])
    before = Stack(deltas)
    assert dict(compacted.walk()) == dict(before.walk())
    assert compacted.lookup("b/a/b") == before.lookup("b/a/b")
    for path, place in one.items():
        if isinstance(place, Gone):  # else the kernel lists what is not there
            assert below.lookup(path) is not None
            assert not any(getattr(one.get(above), "opaque", False) for above in ancestors(path))


@settings(deadline=None)
@given(st.lists(st.tuples(PATHS, ENTRIES), max_size=12))
def test_a_delta_that_comes_again_is_needed_on_top_only(edits: list[tuple[str, Entry | None]]) -> None:
    """As the kernel mounts no directory twice in one overlay."""
    deltas = steps(edits)
    needed = {delta.encode(): delta for delta in reversed(deltas)}
    once = [delta for place, delta in enumerate(deltas) if delta.encode() not in {d.encode() for d in deltas[:place]}]
    assert len(once) == len(needed)
    assert dict(Stack(once).walk()) == dict(Stack(deltas).walk())


@given(st.lists(st.integers(1, 100_000), min_size=17, max_size=40))
def test_a_run_is_merged_before_there_are_too_many(sizes: list[int]) -> None:
    """What is left is short enough; a much larger old delta is left alone."""
    count = run_to_merge(sizes)
    assert count >= 8
    if count < len(sizes):
        assert sizes[count] > 2 * sum(sizes[:count])


def test_few_deltas_are_left_alone() -> None:
    """Nothing is written again for nothing."""
    assert run_to_merge([1] * 16) == 0
