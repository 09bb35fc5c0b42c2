"""Images in layers: order, keys, progress, errors; and how steps are told to pip and uv."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from intermodal.exception import BackendError, CapabilityNotSupported, ImageBuildError
from intermodal.plugins import BuiltImage, install_options
from intermodal.plugins.building import Layer, build_layers, image_layers
from intermodal.specs import (
    DebianSlim,
    ImageSpec,
    PythonPackages,
    RunCommands,
    SetEnv,
    SetWorkdir,
    SystemPackages,
    content_hash,
)

BASE = DebianSlim(python="3.11")
SIX = PythonPackages(packages=("six",))
ECHO = RunCommands(commands=("echo hi",))


class Told:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, str, bool]] = []
        self.lines: list[tuple[int, str]] = []

    def step(self, number: int, total: int, title: str, *, cached: bool) -> None:
        self.steps.append((number, total, title, cached))

    def output(self, number: int, line: str) -> None:
        self.lines.append((number, line))


def build(image: ImageSpec, cache: set[str], failing: object = None) -> tuple[str, list[Layer], Told]:
    made: list[Layer] = []
    told = Told()

    async def make(layer: Layer) -> str:
        if layer.step == failing:
            raise BackendError("pip ended with 1:\nno such package")
        made.append(layer)
        cache.add(layer.key)
        return "one\ntwo\n"

    supported = {"image.pip_install", "image.run_commands"}
    return asyncio.run(build_layers(image, told, cache, make, supported)), made, told


def test_layers_are_made_in_order_each_on_the_one_before() -> None:
    """The base first; variables and directories make no layer, but later steps have them."""
    steps = (SIX, SetEnv(variables=(("A", "1"),)), SetWorkdir(path="/srv"), ECHO)
    key, made, told = build(ImageSpec(base=BASE, steps=steps), set())
    assert [layer.step for layer in made] == [BASE, SIX, ECHO]
    assert [layer.parent for layer in made] == [None, made[0].key, made[1].key]
    assert (made[1].env, made[2].env, made[1].workdir, made[2].workdir) == ({}, {"A": "1"}, "/root", "/srv")
    assert key == made[2].key
    assert told.steps == [
        (1, 3, "debian_slim 3.11", False),
        (2, 3, "pip_install six", False),
        (3, 3, "run_commands echo hi", False),
    ]
    assert told.lines == [(number, line) for number in (1, 2, 3) for line in ("one", "two")]


def test_a_change_makes_its_layer_and_the_later_ones_again() -> None:
    """What is before it is found in the cache; a variable counts for what comes after it."""
    cache: set[str] = set()
    build(ImageSpec(base=BASE, steps=(SIX, ECHO)), cache)
    _, made, told = build(ImageSpec(base=BASE, steps=(SIX, ECHO)), cache)
    assert made == []
    assert [cached for *_, cached in told.steps] == [True, True, True]
    _, made, _ = build(ImageSpec(base=BASE, steps=(SIX, SetEnv(variables=(("A", "1"),)), ECHO)), cache)
    assert [layer.step for layer in made] == [ECHO]
    _, made, _ = build(ImageSpec(base=BASE, steps=(ECHO, SIX)), cache)
    assert [layer.step for layer in made] == [ECHO, SIX]


def test_a_forced_step_is_never_found() -> None:
    """Nor what lies on it."""
    cache: set[str] = set()
    image = ImageSpec(base=BASE, steps=(replace(SIX, force=True), ECHO))
    build(image, cache)
    _, made, _ = build(image, cache)
    assert [layer.step for layer in made] == [replace(SIX, force=True), ECHO]


def test_a_failed_step_is_told_with_number_title_and_output() -> None:
    """And no later one is begun."""
    with pytest.raises(ImageBuildError, match=r"step 2 of 3 \(pip_install six\) failed: pip ended.*\nno such package"):
        build(ImageSpec(base=BASE, steps=(SIX, ECHO)), set(), failing=SIX)


def test_a_step_that_the_builder_cannot_make_is_refused_before_anything_is_made() -> None:
    """By the capability's name."""
    cache: set[str] = set()
    with pytest.raises(CapabilityNotSupported, match=r"'image\.apt_install'"):
        build(ImageSpec(base=BASE, steps=(SIX, SystemPackages(packages=("sl",)))), cache)
    assert cache == set()


def test_a_built_image_says_what_its_definition_says() -> None:
    """Identity, environment, directory and Python."""
    image = ImageSpec(base=BASE, steps=(SetEnv(variables=(("A", "1"),)), SetWorkdir(path="/srv")))
    built = BuiltImage.of(image, "ref")
    assert built == BuiltImage(id=content_hash(image), ref="ref", python="3.11", env=(("A", "1"),), workdir="/srv")
    assert BuiltImage.of(image, "ref", python="3.11.9").python == "3.11.9"


def test_what_to_install_in_the_words_of_pip_and_of_uv() -> None:
    """The same wish; uv is told to choose among indexes as pip does."""
    step = PythonPackages(
        packages=("six",), requirements="attrs", index_url="https://a", extra_index_urls=("https://b",), pre=True
    )
    assert install_options(step, "pip", "/r.txt") == [
        *("--index-url", "https://a", "--extra-index-url", "https://b", "--pre", "-r", "/r.txt", "--", "six")
    ]
    assert install_options(step, "uv", "/r.txt") == [
        *("--default-index", "https://a", "--index", "https://b", "--index-strategy", "unsafe-best-match"),
        *("--prerelease", "allow", "-r", "/r.txt", "--", "six"),
    ]


def test_forced_steps_are_made_once_for_each_session() -> None:
    """Keys of forced steps are those of their session; what they would be unforced is told, too."""
    forced = ImageSpec(base=BASE, steps=(SIX, replace(ECHO, force=True), SIX))
    one, again, other = (image_layers(forced, session=name) for name in ("one", "one", "other"))
    assert one == again
    assert [here.key == there.key for here, there in zip(one, other, strict=True)] == [True, True, False, False]
    unforced = image_layers(ImageSpec(base=BASE, steps=(SIX, ECHO, SIX)))
    assert [layer.plain for layer in one] == [layer.key for layer in unforced] == [layer.plain for layer in unforced]


def test_what_a_backend_adds_to_the_base_is_in_every_key() -> None:
    """Another base image of the backend's means other layers."""
    image = ImageSpec(base=BASE, steps=(SIX,))
    plain, salted = (
        image_layers(image),
        image_layers(image, identify=lambda step: "3.11" if step == BASE else content_hash(step)),
    )
    assert not {layer.key for layer in plain} & {layer.key for layer in salted}
