"""The keys of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from intermodal.specs import (
    CopyFiles,
    DebianSlim,
    FileEntry,
    FileTree,
    ImageSpec,
    ImageStep,
    PythonPackages,
    RunCommands,
    SetEnv,
    SetWorkdir,
    SystemPackages,
)
from intermodal_local.images.keys import BaseIdentity, local_layers

WORDS = st.text("abc/-", min_size=1, max_size=4)
TUPLES = st.lists(WORDS, max_size=3).map(tuple)
PAIRS = st.lists(st.tuples(WORDS, WORDS), max_size=2).map(tuple)
STEPS: st.SearchStrategy[ImageStep] = st.one_of(
    st.builds(PythonPackages, packages=TUPLES, pre=st.booleans(), index_url=st.none() | WORDS),
    st.builds(SystemPackages, packages=TUPLES),
    st.builds(RunCommands, commands=TUPLES, env=PAIRS),
    st.builds(SetEnv, variables=PAIRS),
    st.builds(SetWorkdir, path=WORDS),
    st.builds(
        CopyFiles,
        tree=st.lists(st.builds(FileEntry, WORDS, WORDS, st.just(1)), max_size=2).map(lambda e: FileTree(tuple(e))),
        target=WORDS,
    ),
)
RUN = RunCommands(commands=("true",))
BASE = BaseIdentity(system="debian 12", python="3.11.2", packages="one")


def layer_keys(identity: BaseIdentity, steps: Sequence[ImageStep]) -> list[str]:
    """The key of a layer after each of `steps`."""
    image = ImageSpec(base=DebianSlim(python="3.11"))
    return [
        local_layers({image.base: identity}, replace(image, steps=(*steps[: number + 1], RUN)))[-1].plain
        for number in range(len(steps))
    ]


@given(st.lists(STEPS, max_size=6))
def test_the_same_definition_has_the_same_keys(steps: list[ImageStep]) -> None:
    """Keys depend on what steps say, not on which objects say it."""
    assert layer_keys(BASE, steps) == layer_keys(replace(BASE), [replace(step) for step in steps])


@given(st.lists(STEPS, min_size=1, max_size=6), st.data())
def test_a_change_of_one_step_changes_its_key_and_all_later_ones(steps: list[ImageStep], data: st.DataObject) -> None:
    """image.immutable: a change rebuilds that step and the later ones only."""
    place = data.draw(st.integers(0, len(steps) - 1))
    other = data.draw(STEPS.filter(lambda step: step != steps[place]))
    before, after = layer_keys(BASE, steps), layer_keys(BASE, [*steps[:place], other, *steps[place + 1 :]])
    assert before[:place] == after[:place]
    assert all(one != two for one, two in zip(before[place:], after[place:], strict=True))


@given(st.lists(STEPS, min_size=1, max_size=6))
def test_every_step_has_a_key_of_its_own(steps: list[ImageStep]) -> None:
    """Also where the same step stands twice."""
    keys = layer_keys(BASE, [*steps, *steps])
    assert len(set(keys)) == len(keys)


@given(st.lists(STEPS, min_size=1, max_size=6))
def test_another_interpreter_or_system_changes_every_key(steps: list[ImageStep]) -> None:
    """The base is part of what a layer is."""
    keys = layer_keys(BASE, steps)
    for other in (
        replace(BASE, python="3.12.0"),
        replace(BASE, system="debian 13"),
        replace(BASE, isolation="process"),
    ):
        assert not set(keys) & set(layer_keys(other, steps))


def test_force_is_no_part_of_the_key() -> None:
    """A forced build replaces the layer that the unforced definition finds."""
    forced = RunCommands(commands=("date",), force=True)
    assert layer_keys(BASE, [forced]) == layer_keys(BASE, [replace(forced, force=False)])


def test_the_hosts_packages_matter_from_the_first_system_packages_step_on() -> None:
    """What apt installs lies over what the host has."""
    steps: list[ImageStep] = [RunCommands(commands=("a",)), SystemPackages(packages=("b",)), SetWorkdir(path="/c")]
    before, after = layer_keys(BASE, steps), layer_keys(replace(BASE, packages="two"), steps)
    assert [one == two for one, two in zip(before, after, strict=True)] == [True, False, False]
