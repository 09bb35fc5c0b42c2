"""image.*"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

import intermodal
from intermodal.exception import CapabilityNotSupported, ImageBuildError
from intermodal_conformance.apps import images
from intermodal_conformance.marks import refusal, requirement
from intermodal_conformance.target import Target

FILES = {"one.txt": "one", "kept.skip": "kept", "sub/zwei-ü.txt": "two", "sub/empty": ""}


@requirement("image.immutable")
def test_methods_return_new_images(target: Target) -> None:
    """What is made of an image changes nothing about it, nor about what else is made of it."""
    assert images.in_plain.remote("A", "B")["env"] == {"A": None, "B": None}
    assert images.in_first.remote("A", "B")["env"] == {"A": "1", "B": "2"}
    assert images.in_second.remote("A")["env"] == {"A": "3"}
    assert images.plain.env({"A": "x"}) is not images.plain


@requirement("image.immutable", capability="image.run_commands")
def test_a_failed_build_tells_its_step_and_fails_those_who_need_it(target: Target) -> None:
    """With the step's number and output; other images work."""
    with pytest.raises(ImageBuildError, match="before the end") as caught:
        images.in_broken.remote()
    assert "1" in str(caught.value)
    assert images.in_plain.remote()


@requirement("image.steps")
def test_environment_and_directory_are_set(target: Target) -> None:
    """The function's own environment wins over the image's."""
    found = images.in_second.remote("A", "B")
    assert found["env"] == {"A": "3", "B": "function"}
    assert found["cwd"].endswith("/root/work")


@requirement("image.steps", capability="image.python_version")
def test_the_python_that_was_asked_for_is_there(target: Target) -> None:
    """By its version."""
    assert images.in_python.remote()["python"] == sys.version_info[:2]


@requirement("image.steps", capability="image.pip_install")
@pytest.mark.parametrize("function", [images.in_installed, images.in_with_uv], ids=["pip", "uv"])
def test_packages_are_installed(target: Target, function: intermodal.Function[..., str]) -> None:
    """And found by imports of the module that `imports()` guards here."""
    assert function.remote() == images.VERSION


STEPS: list[tuple[str, Callable[[], Any], Any]] = [
    ("image.run_commands", images.in_commanded.remote, ["image", "step", "/srv/made"]),
    ("image.run_function", images.in_functioned.remote, "by python too"),
    ("image.copy", images.in_copied.remote, FILES),
    ("image.apt_install", images.in_with_system_package.remote, "Hello, world!\n"),
]


@pytest.mark.parametrize(
    ("run", "value"),
    [
        pytest.param(run, value, id=name.partition(".")[2], marks=requirement("image.steps", capability=name))
        for name, run, value in STEPS
    ],
)
def test_a_step_does_what_it_says(target: Target, run: Callable[[], Any], value: Any) -> None:
    """What it made is found in the container."""
    assert run() == value


@pytest.mark.parametrize(
    ("name", "run"),
    [
        pytest.param(name, run, id=name.partition(".")[2], marks=refusal("image.steps", capability=name))
        for name, run in (
            *((name, run) for name, run, _ in STEPS),
            ("image.pip_install", images.in_installed.remote),
            ("image.python_version", images.in_other_python.remote),
        )
    ],
)
def test_a_step_that_is_not_supported_is_refused(target: Target, name: str, run: Callable[[], Any]) -> None:
    """By the capability's name."""
    with pytest.raises(CapabilityNotSupported) as caught:
        run()
    assert caught.value.capability == name


@requirement("image.context")
def test_local_files_are_there_without_what_is_ignored(target: Target) -> None:
    """Nested ones, empty ones, with names of all kinds; a pattern may take back what another ignored."""
    assert images.in_mounted.remote() == (FILES, "one")


@requirement("image.context")
def test_files_are_taken_as_they_are_when_the_app_starts(
    target: Target, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Another content in the next run, without another image."""
    path = tmp_path_factory.mktemp("changing") / "changing.txt"
    for text in ("before", "after"):
        path.write_text(text)
        app = intermodal.App("conformance-changing")
        image = intermodal.Image.debian_slim().add_local_file(path, "/root/changing.txt")
        read = app.function(image=image, serialized=True)(read_changing)
        with app.run():
            assert read.remote() == text


def read_changing() -> str:
    """Runs in a container, by value."""
    with open("changing.txt") as file:
        return file.read()


@requirement("image.defaults")
def test_functions_run_in_the_home_directory(target: Target) -> None:
    """`/root`; without an own file system at a place of that name."""
    found = images.in_plain.remote()
    assert found["cwd"] == found["home"]
    assert found["cwd"].endswith("/root")
    if "isolation.filesystem" in target.supported:
        assert found["cwd"] == "/root"


@requirement("image.environment")
@pytest.mark.parametrize("name", ["hypothesis", "pytest"])
def test_packages_of_the_host_are_not_there(target: Target, name: str) -> None:
    """The message names what to add to the image."""
    with pytest.raises(ModuleNotFoundError) as caught:
        images.import_it.remote(name)
    assert caught.value.name == name
    words = str(caught.value) + "".join(getattr(caught.value, "__notes__", [])) + str(caught.value.__cause__)
    assert "pip_install" in words


@requirement("image.environment")
def test_the_hosts_environment_is_not_there(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the caller's process do not leak into containers."""
    found = images.look_around.remote()
    leaked = {"INTERMODAL_DATA_DIR", "PYTEST_CURRENT_TEST", "PYTEST_VERSION"} & set(found["env"])
    assert not leaked
    assert ".ssh" not in found["home"]
