"""Secrets of build steps: there while the step runs, and nowhere afterwards (secret.*)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intermodal.specs import CodeTarget, PythonPackages, RunCommands, RunFunction, SourceTree
from served import forms_of, served, write_repository, write_wheel

VALUE = "hunter2-hunter2"
SECRETS = {"mine": {"TOKEN": VALUE}}


def found_in(*roots: Path) -> list[str]:
    """The files that have the value in them, or in their name."""
    forms = forms_of(VALUE)
    files = [path for root in roots for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if VALUE in path.name or any(form in path.read_bytes() for form in forms)]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A directory, and where a server shows it to those who know the password: HOST:PORT."""
    directory = tmp_path / "served"
    directory.mkdir()
    with served(directory, VALUE) as address:
        yield directory, address


def test_a_command_sees_it_and_nothing_keeps_it(workshop: Any, shared_data: Path) -> None:
    """Not the next step, not a layer, not the cache of the build."""
    step = RunCommands(commands=('printf %s "$TOKEN" | wc -c > /root/length',), secrets=("mine",))
    workshop.build(step, RunCommands(commands=("cat /root/length; echo next:$TOKEN",)), secrets=SECRETS)
    assert workshop.said.lines[-2:] == [str(len(VALUE)), "next:"]
    assert found_in(workshop.root, shared_data) == []


def test_another_value_is_no_reason_to_build_again(workshop: Any) -> None:
    """The names that a step is given count, what they stand for does not."""
    step = RunCommands(commands=("true",), secrets=("mine",))
    workshop.build(step, secrets=SECRETS)
    workshop.build(step, secrets={"mine": {"TOKEN": "another"}})
    assert workshop.said.cached == [True, True]
    workshop.build(RunCommands(commands=("true",), secrets=("yours",)), secrets={"yours": {}})
    assert workshop.said.cached == [True, False]


def test_a_function_sees_it(workshop: Any) -> None:
    """`run_function(secrets=)`."""
    source = workshop.blobs.tree({"code.py": b"import os\ndef f():\n    print(len(os.environ['TOKEN']))\n"})
    target = CodeTarget(module="code", qualname="f")
    workshop.build(RunFunction(target=target, source=SourceTree(tree=source), secrets=("mine",)), secrets=SECRETS)
    assert str(len(VALUE)) in workshop.said.lines


@pytest.mark.parametrize("kind", ["workshop", "process_workshop"])
def test_a_private_index(
    request: pytest.FixtureRequest, kind: str, guarded: tuple[Path, str], shared_data: Path
) -> None:
    """`index_url` with `$TOKEN` in it installs, and neither the image nor uv's cache keeps the password."""
    workshop = request.getfixturevalue(kind)
    directory, address = guarded
    write_wheel(directory, "tiny", "1")
    step = PythonPackages(packages=("tiny",), index_url=f"http://me:$TOKEN@{address}/", secrets=("mine",))
    workshop.build(step, secrets=SECRETS)
    assert list(workshop.root.rglob("tiny.py"))
    assert not any(VALUE in line for line in workshop.said.lines)
    assert found_in(workshop.root, shared_data) == []


def test_a_private_repository(workshop: Any, guarded: tuple[Path, str], shared_data: Path) -> None:
    """A `git+` requirement with `${TOKEN}` in it: what is installed does not say how it was fetched."""
    directory, address = guarded
    write_repository(directory / "mine.git", "mine", "1")
    line = f"mine @ git+http://me:${{TOKEN}}@{address}/mine.git@main"
    workshop.build(PythonPackages(requirements=line, secrets=("mine",)), secrets=SECRETS)
    assert list(workshop.root.rglob("mine-1.dist-info"))
    assert found_in(workshop.root, shared_data) == []


def test_a_repository_of_this_host_over_file(workshop: Any, tmp_path: Path) -> None:
    """`git+file://` works for what the image has, without any secret."""
    make = (
        'mkdir -p /srv/p && cd /srv/p && printf \'[project]\\nname="pp"\\nversion="2"\\n\' > pyproject.toml && '
        "echo x=1 > pp.py && git init -q -b main && git add . && "
        "git -c user.name=n -c user.email=e@example.com commit -q -m one"
    )
    steps = (RunCommands(commands=(make,)), PythonPackages(packages=("pp @ git+file:///srv/p@main",)))
    assert workshop.see(*steps, command="python3 -c 'import pp; print(pp.x)'") == ["1"]
