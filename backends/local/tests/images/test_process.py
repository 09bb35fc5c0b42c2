"""Images of `isolation = "process"`: virtual environments."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from intermodal.exception import CapabilityNotSupported, ImageBuildError
from intermodal.plugins import BuiltImage
from intermodal.specs import (
    CodeTarget,
    CopyFiles,
    FileTree,
    ImageStep,
    PythonPackages,
    RunCommands,
    RunFunction,
    SetEnv,
    SetWorkdir,
    SourceTree,
    SystemPackages,
)


def run(built: BuiltImage, *words: str) -> str:
    """What a program of the environment prints."""
    venv = json.loads(built.ref)["venv"]
    return subprocess.run(
        [f"{venv}/bin/{words[0]}", *words[1:]], capture_output=True, text=True, check=True
    ).stdout.strip()


def wheels(workshop: Any, wheel: Any, *versions: str) -> dict[str, Any]:
    """Options to install `tiny` from a directory of the host."""
    place = workshop.root.parent / "wheels"
    place.mkdir(exist_ok=True)
    for version in versions:
        name, data = wheel("tiny", version)
        (place / name).write_bytes(data)
    return {"find_links": str(place), "extra_options": ("--no-index",)}


def test_packages_are_installed_into_an_environment(process_workshop: Any, wheel: Any) -> None:
    """Each image has its own, and sees nothing of the host's packages."""
    options = wheels(process_workshop, wheel, "1", "2")
    first = process_workshop.build(PythonPackages(packages=("tiny==1",), **options))
    second = process_workshop.build(
        PythonPackages(packages=("tiny==1",), **options), PythonPackages(packages=("tiny==2",), **options)
    )
    assert process_workshop.said.cached == [True, True, False]
    assert run(first, "python", "-c", "import tiny; print(tiny.version)") == "1"
    assert run(second, "say-tiny") == "2"
    assert run(first, "python", "-c", "import importlib.util as u; print(u.find_spec('pytest'))") == "None"


def test_an_image_without_packages_is_an_empty_environment(process_workshop: Any) -> None:
    """Environment and directory are kept for the launcher."""
    built = process_workshop.build(SetEnv(variables=(("A", "1"),)), SetWorkdir(path="/srv"))
    assert (built.env, built.workdir) == ((("A", "1"),), "/srv")
    assert run(built, "python", "-c", "import sys; print(sys.prefix != sys.base_prefix)") == "True"


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (RunCommands(commands=("true",)), "image.run_commands"),
        (SystemPackages(packages=("tree",)), "image.apt_install"),
        (CopyFiles(tree=FileTree(), target="/srv"), "image.copy"),
        (RunFunction(target=CodeTarget(module="a", qualname="b"), source=SourceTree()), "image.run_function"),
    ],
)
def test_steps_that_need_a_root_are_refused(process_workshop: Any, step: ImageStep, name: str) -> None:
    """By the capability's name, before anything is built."""
    with pytest.raises(CapabilityNotSupported) as caught:
        process_workshop.build(step)
    assert caught.value.capability == name
    assert process_workshop.images() == []


def test_a_failing_install_leaves_nothing(process_workshop: Any, wheel: Any) -> None:
    """But for the empty environment that it would lie on."""
    options = wheels(process_workshop, wheel)
    with pytest.raises(ImageBuildError, match="step 2 of 2"):
        process_workshop.build(PythonPackages(packages=("tiny",), **options))
    assert process_workshop.leftovers == []
    assert [info.title.split(" of ")[0] for info in process_workshop.images()] == ["virtual environment"]
