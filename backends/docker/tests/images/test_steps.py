"""What each kind of step makes, seen from inside the image."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from intermodal.exception import ImageBuildError
from intermodal.specs import (
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
    SystemPackages,
)
from served import served, write_project, write_repository

TOKEN = "hunter2-hunter2"


def test_the_base_has_the_python_that_was_asked_for(workshop: Any) -> None:
    """Nothing is built for it but the cached base."""
    built = workshop.build()
    assert workshop.look(built, "python3 -c 'import platform; print(platform.python_version())'") == [built.python]


def test_pip_install_from_the_index(workshop: Any) -> None:
    """A real package of the real index, and the build leaves nothing of its own in the image."""
    seen = workshop.see(
        PythonPackages(packages=("six==1.17.0",)),
        command="python3 -c 'import six; print(six.__version__)'; ls -A /opt; env | grep -c -E 'PIP_|UV_'",
    )
    assert seen == ["1.17.0", "0"]


def test_requirements_and_uv_as_the_tool(workshop: Any) -> None:
    """The text of a requirements file."""
    step = PythonPackages(requirements="six==1.16.0  # old\n", tool="uv")
    assert workshop.see(step, command="python3 -c 'import six; print(six.__version__)'") == ["1.16.0"]


def test_packages_of_the_system(workshop: Any) -> None:
    """apt's lists do not stay."""
    seen = workshop.see(SystemPackages(packages=("tree",)), command="tree --version | cut -c-5; ls /var/lib/apt/lists")
    assert seen == ["tree "]


def test_commands_see_environment_and_directory_of_the_image(workshop: Any) -> None:
    """Earlier env and workdir steps hold, a step's own environment is over them and does not stay."""
    built = workshop.build(
        SetEnv(variables=(("COLOUR", "red"), ("SHAPE", "round"))),
        SetWorkdir(path="/srv/app"),
        RunCommands(commands=("echo $COLOUR $SHAPE $HOME > seen", "pwd >> seen"), env=(("SHAPE", "square"),)),
    )
    assert workshop.look(built, "cat /srv/app/seen; echo $SHAPE") == ["red square /root", "/srv/app", ""]
    assert dict(built.env)["SHAPE"] == "round"
    assert built.workdir == "/srv/app"


def test_files_are_copied_with_their_modes_over_what_is_there(workshop: Any) -> None:
    """Links on the way are followed, and directories that are there keep their looks."""
    tree = FileTree((FileEntry("bin/own", workshop.blobs.add(b"#!/bin/sh\necho own\n"), 19, 0o755),))
    one = CopyFiles(tree=FileTree((FileEntry("", workshop.blobs.add(b"text"), 4, 0o600),)), target="/srv/deep/file")
    seen = workshop.see(
        RunCommands(commands=("mkdir /real && chmod 700 /real && ln -s real /link",)),
        CopyFiles(tree=workshop.blobs.tree({"a/b": b"1", "empty": b""}), target="/link"),
        CopyFiles(tree=tree, target="/"),
        one,
        command="stat -c %a /real; cat /real/a/b; echo; wc -c < /real/empty; own; ls -ld /bin | cut -c1; "
        "stat -c '%a %U' /srv/deep/file /srv/deep",
    )
    assert seen == ["700", "1", "0", "own", "l", "600 root", "755 root"]


def test_a_file_over_a_directory_is_refused(workshop: Any) -> None:
    """With the number of the step."""
    one = CopyFiles(tree=FileTree((FileEntry("", workshop.blobs.add(b"x"), 1),)), target="/usr")
    with pytest.raises(ImageBuildError, match="step 2 of 2"):
        workshop.build(one)


def test_functions_run_inside_and_their_files_stay(workshop: Any) -> None:
    """By source, with arguments, secrets and environment."""
    source = b"""
import os

def make(name, *, text):
    with open(name, "w") as file:
        file.write(text + os.environ["MORE"])
    print("made")
"""
    step = RunFunction(
        target=CodeTarget(module="maker", qualname="make"),
        source=SourceTree(tree=workshop.blobs.tree({"maker.py": source})),
        arguments=workshop.blobs.add(pickle.dumps((("/srv/made",), {"text": "hello "}))),
        env=(("MORE", "world"),),
    )
    assert workshop.see(step, command="cat /srv/made; ls -A /opt") == ["hello world"]
    assert (2, "made") in workshop.said.printed


def test_a_failing_step_shows_its_number_code_and_output(workshop: Any) -> None:
    """And the layers before it are kept."""
    before = RunCommands(commands=("echo fine",))
    with pytest.raises(ImageBuildError, match=r"(?s)step 3 of 3 \(run_commands echo broken.*exit code 3.*broken here"):
        workshop.build(before, RunCommands(commands=("echo broken here >&2; exit 3",)))
    workshop.build(before)
    assert workshop.said.cached == [True, True]
    assert not workshop.engine.containers({"intermodal.layer": workshop.keys(before)[1]})


def test_output_comes_line_by_line_while_the_step_runs(workshop: Any) -> None:
    """Standard output and error, the last line without an end too."""
    workshop.build(RunCommands(commands=("echo one; echo two >&2; printf three",)))
    said = [line for number, line in workshop.said.printed if number == 2 and not line.startswith("+ ")]
    assert sorted(said) == ["one", "three", "two"]


def test_packages_of_git_need_git_in_the_image(workshop: Any, tmp_path: Path) -> None:
    """The error says what to add, and then it works: from a directory, and from a server that wants a password."""
    write_project(tmp_path / "tiny", "tiny", "7")
    write_repository(tmp_path / "mine.git", "mine", "3")
    tree = workshop.blobs.tree({path.name: path.read_bytes() for path in (tmp_path / "tiny").iterdir()})
    make = "cd /src && git init -q && git add . && git -c user.name=n -c user.email=e@example.com commit -qm one"
    local = PythonPackages(packages=("tiny @ git+file:///src",))
    with pytest.raises(ImageBuildError, match=r'(?s)\.apt_install\("git"\)'):
        workshop.build(local)
    with served(tmp_path, TOKEN) as address:
        line = f"mine @ git+http://me:${{TOKEN}}@{address}/mine.git@main"
        built = workshop.build(
            SystemPackages(packages=("git",)),
            CopyFiles(tree=tree, target="/src"),
            RunCommands(commands=(make,)),
            local,
            PythonPackages(requirements=line, secrets=("key",)),
            secrets={"key": {"TOKEN": TOKEN}},
        )
    ask = "from importlib.metadata import version; print(version('tiny'), version('mine'))"
    assert workshop.look(built, f'python3 -c "{ask}"; grep -rlF {TOKEN} /root /opt /tmp /var /usr/local') == ["7 3"]
    assert TOKEN not in "".join(workshop.said.lines)
