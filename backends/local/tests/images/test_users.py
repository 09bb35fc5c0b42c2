"""apt_install, and builds by an ordinary user. What needs the network needs little of it."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intermodal.specs import SystemPackages
from intermodal_local.images import apt

SYSTEM_PYTHON = "/usr/bin/python3"
USER = f"imimages{os.getpid()}"
PROGRAM = """
import asyncio, sys
from pathlib import Path
from intermodal.specs import CopyFiles, DebianSlim, FileTree, ImageSpec, PythonPackages, RunCommands, SystemPackages
from intermodal_local.images import Grounds, LocalBuilder, apt

class Sink:
    def step(self, number, total, title, *, cached):
        pass
    def output(self, number, line):
        print(number, line, flush=True)

async def main(data):
    steps = [PythonPackages(packages=("six==1.17.0",))]
    if apt.missing() is None:
        steps.append(SystemPackages(packages=("hello",)))
        steps.append(RunCommands(commands=("hello", "touch /usr/bin/written && chown daemon /usr/bin/written")))
        steps.append(CopyFiles(tree=FileTree(), target="/srv/new/place", owner="daemon"))
        steps.append(RunCommands(commands=("stat -c 'owned %U:%G' /srv/new /srv/new/place",)))
    show = "python3 -c 'import six; print(six.__version__)'"
    steps.append(RunCommands(commands=(show, "mkdir -m 0 /root/closed; id -u")))
    builder = LocalBuilder(data / "images", Grounds(data, "namespaces").find)
    image = ImageSpec(base=DebianSlim(python=""), steps=tuple(steps))
    await builder.build(image, None, Sink())
    await builder.close()
    print("removed", len((await builder.prune(everything=True)).removed) == len(steps))
    print("left", sorted(path.name for part in ("layers", "tmp") for path in (data / "images" / part).iterdir()))

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.skipif(apt.missing() is not None, reason=f"apt_install: {apt.missing()}")
def test_apt_install(workshop: Any) -> None:
    """A package of the system is there, the lists that apt read are not."""
    step = SystemPackages(packages=("hello",))
    seen = workshop.see(step, command="hello; find /var/lib/apt/lists -type f | wc -l; dpkg -s hello | grep ^Status")
    assert seen == ["Hello, world!", "0", "Status: install ok installed"]


@pytest.fixture
def ordinary_user() -> Iterator[str]:
    """A user without privileges, made for the test where it runs as root."""
    if os.geteuid() != 0:
        yield pwd.getpwuid(os.geteuid()).pw_name
        return
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", USER], check=True, capture_output=True)
    try:
        yield USER
    finally:
        subprocess.run(["userdel", "--remove", USER], check=True, capture_output=True)


@pytest.fixture
def readable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The packages a build needs, where every user can read them."""
    place = Path(f"/tmp/{tmp_path_factory.getbasetemp().parent.name}-{os.getpid()}-packages")
    place.mkdir()
    for name in ("intermodal", "intermodal_local", "cloudpickle", "pluggy", "uv"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        (source,) = spec.submodule_search_locations or ()
        shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    from intermodal.plugins.building import find_uv

    (place / "bin").mkdir()
    shutil.copy(find_uv(), place / "bin" / "uv")
    subprocess.run(["chmod", "-R", "a+rX", place], check=True)
    yield place
    shutil.rmtree(place)


@pytest.mark.skipif(not os.access(SYSTEM_PYTHON, os.X_OK), reason=f"there is no {SYSTEM_PYTHON}")
def test_an_ordinary_user_builds_images(ordinary_user: str, readable: Path) -> None:
    """Packages of Python always; of the system where the user has subordinate ids; and prune removes all of it."""
    home = Path(pwd.getpwnam(ordinary_user).pw_dir)
    if subprocess.run(
        [SYSTEM_PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], check=False
    ).returncode:
        pytest.skip(f"{SYSTEM_PYTHON} is older than 3.11")
    program = readable / "program.py"
    program.write_text(PROGRAM)
    program.chmod(0o644)
    data = home / "intermodal-test-data"
    env = [f"PYTHONPATH={readable}", "PYTHONDONTWRITEBYTECODE=1", f"HOME={home}"]
    argv = ["env", *env, SYSTEM_PYTHON, str(program), str(data)]
    if os.geteuid() == 0:
        argv = ["setpriv", f"--reuid={ordinary_user}", f"--regid={ordinary_user}", "--init-groups", *argv]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")
        lines = done.stdout.splitlines()
        assert done.returncode == 0, done.stdout + done.stderr
        assert any(line.endswith(" 1.17.0") for line in lines)
        assert any(line.endswith(" 0") for line in lines)
        if any("Hello, world!" in line for line in lines):  # there are subordinate ids
            assert len([line for line in lines if line.endswith("owned daemon:daemon")]) == 2
        assert lines[-2:] == ["removed True", "left []"]
    finally:
        if os.geteuid() != 0:
            shutil.rmtree(data, ignore_errors=True)
