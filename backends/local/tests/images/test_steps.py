"""What each kind of step makes, seen from inside the image."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from intermodal.exception import ImageBuildError
from intermodal.plugins.building import UV_CACHE
from intermodal.specs import (
    CacheMount,
    CodeTarget,
    CopyFiles,
    FileEntry,
    FileTree,
    PythonPackages,
    RunCommands,
    RunFunction,
    SetEnv,
    SetWorkdir,
    SourceTree,
)

Wheel = Callable[[str, str], tuple[str, bytes]]
OFFLINE = {"find_links": "/wheels", "extra_options": ("--no-index",)}


def wheels(workshop: Any, *made: tuple[str, bytes]) -> CopyFiles:
    """A step that brings wheels into the image."""
    return CopyFiles(tree=workshop.blobs.tree(dict(made)), target="/wheels")


def test_pip_install_from_the_index(workshop: Any) -> None:
    """A real package of the real index can be imported, and what the host has cannot."""
    seen = workshop.see(
        PythonPackages(packages=("six==1.17.0",)),
        command="python3 -c 'import six; print(six.__version__)'; python3 -c 'import pytest' 2>&1 | tail -1",
    )
    assert seen == ["1.17.0", "ModuleNotFoundError: No module named 'pytest'"]


def test_what_uv_downloads_is_kept_outside_of_the_image(workshop: Any) -> None:
    """In a cache that other builds have, and no layer."""
    mounts = (CacheMount(target="/cache", id=UV_CACHE),)
    show = RunCommands(commands=("find /cache -path '*six*' | grep -q six && echo cached",), mounts=mounts)
    workshop.build(PythonPackages(packages=("six==1.17.0",)), show)
    assert "cached" in workshop.said.lines
    (layer,) = [path for path in workshop.root.glob("layers/*") if "pip_install" in (path / "layer.json").read_text()]
    assert not list(layer.glob("root/opt/*"))
    assert not list(layer.rglob("*.whl"))


def test_later_packages_are_installed_over_earlier_layers(workshop: Any, wheel: Wheel) -> None:
    """A newer version replaces the older one of a layer below, its command included."""
    older = PythonPackages(packages=("tiny==1",), **OFFLINE)
    newer = PythonPackages(requirements="tiny>=2  # newer\n", tool="uv", **OFFLINE)
    seen = workshop.see(
        wheels(workshop, wheel("tiny", "1"), wheel("tiny", "2")),
        older,
        newer,
        command="say-tiny; pwd; ls /usr/local/bin",
    )
    assert seen[:2] == ["2", "/root"]
    assert "say-tiny" in seen


def test_commands_see_environment_and_directory_of_the_image(workshop: Any) -> None:
    """Earlier env and workdir steps hold, a step's own environment is over them."""
    seen = workshop.see(
        SetEnv(variables=(("COLOUR", "red"), ("SHAPE", "round"))),
        SetWorkdir(path="/srv/app"),
        RunCommands(commands=("echo $COLOUR $SHAPE > seen", "pwd >> seen"), env=(("SHAPE", "square"),)),
        command="cat /srv/app/seen; echo $SHAPE",
    )
    assert seen == ["red square", "/srv/app", "round"]


def test_an_image_knows_its_environment_and_nothing_of_the_builds(
    workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Index settings are there while building, and only then."""
    monkeypatch.setenv("UV_INDEX", "https://user:password@index.invalid/simple")
    monkeypatch.setenv("UNRELATED_SECRET", "hunter2")
    built = workshop.build(SetEnv(variables=(("A", "1"),)), RunCommands(commands=("env",)))
    assert built.env == (("A", "1"),)
    assert any("index.invalid" in line for line in workshop.said.lines)
    assert not any("hunter2" in line for line in workshop.said.lines)
    assert not any(b"index.invalid" in path.read_bytes() for path in workshop.root.rglob("*") if path.is_file())


def test_a_layer_holds_what_its_step_wrote_and_nothing_else(workshop: Any) -> None:
    """No mount points, scratch or settings of the build."""
    built = workshop.build(RunCommands(commands=("echo x > /root/written",)))
    layer = workshop.root / "layers" / next(iter(workshop.images())).id
    assert sorted(str(path.relative_to(layer)) for path in layer.rglob("*")) == [
        "layer.json",
        "root",
        "root/root",
        "root/root/written",
    ]
    assert str(layer) in built.ref
    assert workshop.leftovers == []


def test_copied_files_keep_bytes_and_modes(workshop: Any) -> None:
    """Directories are made, existing ones keep how they look."""
    program = workshop.blobs.add(b"#!/bin/sh\necho ran with $1\n")
    data = workshop.blobs.add("ünïcode".encode())
    tree = FileTree((FileEntry("bin/program", program, 27, 0o755), FileEntry("dätä/leer", data, 10, 0o600)))
    seen = workshop.see(
        CopyFiles(tree=tree, target="/srv/app"),
        CopyFiles(tree=tree, target="/tmp/app"),
        CopyFiles(tree=FileTree((FileEntry("", data, 10, 0o640),)), target="/root/one/file.txt"),
        command="/srv/app/bin/program it; stat -c '%a %n' /srv/app/*/* /tmp /root /root/one /root/one/file.txt; "
        "cat /srv/app/dätä/leer",
    )
    assert seen == [
        "ran with it",
        "755 /srv/app/bin/program",
        "600 /srv/app/dätä/leer",
        "1777 /tmp",
        "700 /root",
        "755 /root/one",
        "640 /root/one/file.txt",
        "ünïcode",
    ]


def test_copies_follow_links_of_the_image_and_stay_inside(workshop: Any) -> None:
    """`/lib` is a link to `/usr/lib`; a link made by a step may point anywhere, in the image."""
    one = workshop.blobs.tree({"one": b"1"})
    seen = workshop.see(
        RunCommands(commands=("ln -s ../../../../../etc /root/config && ln -s /usr/local/share /root/share",)),
        CopyFiles(tree=one, target="/lib/mine"),
        CopyFiles(tree=one, target="/root/config/mine"),
        CopyFiles(tree=one, target="/root/share/mine"),
        command="cat /usr/lib/mine/one /etc/mine/one /usr/local/share/mine/one; ls -ld /root/config | cut -c1",
    )
    assert seen == ["111l"]


def test_copies_over_removed_directories_bring_nothing_back(workshop: Any) -> None:
    """What a step removed stays removed."""
    seen = workshop.see(
        CopyFiles(tree=workshop.blobs.tree({"old": b"1"}), target="/srv/app"),
        RunCommands(commands=("rm -r /srv/app",)),
        CopyFiles(tree=workshop.blobs.tree({"new": b"2"}), target="/srv/app"),
        command="ls /srv/app",
    )
    assert seen == ["new"]


@pytest.mark.parametrize(
    ("entry", "target", "words"),
    [
        ("../../out", "/srv", "leads out of its tree"),
        ("/etc/passwd", "/srv", "leads out of its tree"),
        ("a//b", "/srv", "leads out of its tree"),
        ("fine", "relative", "not an absolute path"),
        ("fine", "/srv/../..", "without '..'"),
        ("fine", "/proc/sys", "is not kept in an image"),
        ("", "/etc", "is a directory in the image"),
        ("fine", "/etc/passwd", "is a file in the image"),
    ],
)
def test_hostile_and_impossible_copies_are_refused(workshop: Any, entry: str, target: str, words: str) -> None:
    """With the step's number and what is wrong, and nothing is left."""
    tree = FileTree((FileEntry(entry, workshop.blobs.add(b"x"), 1),))
    with pytest.raises(ImageBuildError, match=f"step 2 of 2 .*{words}"):
        workshop.build(CopyFiles(tree=tree, target=target))
    assert workshop.leftovers == []
    assert workshop.images() == []


MODULE = b"""
import os, sys

def keep(name, *, text):
    with open(name, "w") as file:
        file.write(f"{text} {os.environ.get('COLOUR')}")

async def wait(name, text):
    keep(name, text=text)

def fail():
    print("before", flush=True)
    raise ValueError("it broke")

def lack():
    import nowhere_to_be_found
"""


def function(workshop: Any, name: str, *args: Any, **kwargs: Any) -> RunFunction:
    """A step that runs a function of MODULE."""
    return RunFunction(
        target=CodeTarget(module="jobs", qualname=name),
        source=SourceTree(tree=workshop.blobs.tree({"jobs.py": MODULE})),
        arguments=workshop.blobs.add(pickle.dumps((args, kwargs))),
        env=(("COLOUR", "blue"),),
    )


@pytest.mark.parametrize("name", ["keep", "wait"])
def test_run_function_keeps_what_the_function_wrote(workshop: Any, name: str) -> None:
    """Sync and async, with arguments and environment; the source itself does not stay."""
    step = function(workshop, name, "/srv/made", text="hello")
    seen = workshop.see(step, command="cat /srv/made; echo; find / -xdev -name jobs.py")
    assert seen == ["hello blue"]


def test_a_failing_build_function_shows_its_traceback(workshop: Any) -> None:
    """What it printed, the traceback, the step."""
    with pytest.raises(ImageBuildError) as caught:
        workshop.build(SetEnv(variables=()), function(workshop, "fail"))
    text = str(caught.value)
    assert "step 2 of 2 (run_function jobs.fail)" in text
    assert "before" in text
    assert "ValueError: it broke" in text


def test_a_module_that_a_build_function_lacks_is_named_with_the_method_that_adds_it(workshop: Any) -> None:
    """image.environment"""
    with pytest.raises(ImageBuildError, match=r"\.pip_install\('nowhere_to_be_found'\)"):
        workshop.build(function(workshop, "lack"))
