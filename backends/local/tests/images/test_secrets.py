"""Secrets of build steps: there while the step runs, and nowhere afterwards (secret.*)."""

from __future__ import annotations

import base64
import http.server
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from intermodal.specs import CodeTarget, PythonPackages, RunCommands, RunFunction, SourceTree

VALUE = "hunter2-hunter2"
SECRETS = {"mine": {"TOKEN": VALUE}}
Wheel = Callable[[str, str], tuple[str, bytes]]


def found_in(*roots: Path) -> list[str]:
    """The files that have the value in them, or in their name."""
    forms = (VALUE.encode(), base64.b64encode(f"me:{VALUE}".encode()))
    files = [path for root in roots for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if VALUE in path.name or any(form in path.read_bytes() for form in forms)]


class Guarded(http.server.SimpleHTTPRequestHandler):
    """Files for those who know the password."""

    def do_GET(self) -> None:
        """Ask for it."""
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(f"me:{VALUE}".encode()).decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A directory, and where a server shows it to those who know the password: HOST:PORT."""
    directory = tmp_path / "served"
    directory.mkdir()
    handler = partial(Guarded, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield directory, f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


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
    assert workshop.said.cached == [True]
    workshop.build(RunCommands(commands=("true",), secrets=("yours",)), secrets={"yours": {}})
    assert workshop.said.cached == [False]


def test_a_function_sees_it(workshop: Any) -> None:
    """`run_function(secrets=)`."""
    source = workshop.blobs.tree({"code.py": b"import os\ndef f():\n    print(len(os.environ['TOKEN']))\n"})
    target = CodeTarget(module="code", qualname="f")
    workshop.build(RunFunction(target=target, source=SourceTree(tree=source), secrets=("mine",)), secrets=SECRETS)
    assert str(len(VALUE)) in workshop.said.lines


@pytest.mark.parametrize("kind", ["workshop", "process_workshop"])
def test_a_private_index(
    request: pytest.FixtureRequest, kind: str, guarded: tuple[Path, str], wheel: Wheel, shared_data: Path
) -> None:
    """`index_url` with `$TOKEN` in it installs, and neither the image nor uv's cache keeps the password."""
    workshop = request.getfixturevalue(kind)
    directory, address = guarded
    name, data = wheel("tiny", "1")
    (directory / "tiny").mkdir()
    (directory / "tiny" / name).write_bytes(data)
    (directory / "tiny" / "index.html").write_text(f'<a href="{name}">{name}</a>')
    step = PythonPackages(packages=("tiny",), index_url=f"http://me:$TOKEN@{address}/", secrets=("mine",))
    workshop.build(step, secrets=SECRETS)
    assert list(workshop.root.rglob("tiny.py"))
    assert not any(VALUE in line for line in workshop.said.lines)
    assert found_in(workshop.root, shared_data) == []


def test_a_private_repository(workshop: Any, guarded: tuple[Path, str], tmp_path: Path, shared_data: Path) -> None:
    """A `git+` requirement with `${TOKEN}` in it: what is installed does not say how it was fetched."""
    directory, address = guarded
    work = tmp_path / "project"
    work.mkdir()
    (work / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1"\n')
    (work / "mine.py").write_text("x = 1\n")
    git = ["git", "-C", str(work), "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    bare = directory / "mine.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
    subprocess.run(["git", "-C", str(bare), "update-server-info"], check=True)
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
