"""Images in full, through the public API and the command line."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import platform
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from workplace import Workplace

HERE = Path(__file__).parent
TOKEN = "hunter2-hunter2"


def test_steps_shells_and_secrets_of_an_image(place: Workplace) -> None:
    """Built by Image.build() and used by a function; the secret's value is in no output, error or file of ours."""
    place.write("app_images.py", (HERE / "app_images.py").read_text())
    place.write("data.txt", "data")
    done = place.intermodal("run", "app_images.py", env={"BUILD_TOKEN": TOKEN})
    assert done.returncode == 0, done.stderr
    name, seen, *failure = done.stdout.splitlines()
    assert name.startswith("im-")
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()[:8]
    assert seen == str([digest, "bash", "data", "dockerfile", None])
    assert failure[0].startswith("image step 1 of 1 (run_commands echo the token is $BUILD_TOKEN; exit 3) failed")
    assert any(line.strip() == "the token is ***" for line in failure)
    assert TOKEN not in done.stdout + done.stderr
    kept = [path for path in place.data.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []


def test_building_and_inspecting_from_the_command_line(place: Workplace) -> None:
    """What is built is found again; a name is an image's or a function's; mistakes list what there is."""
    place.write(
        "shop.py",
        """
        import intermodal

        app = intermodal.App("shop")
        mine = intermodal.Image.debian_slim().run_commands("echo made here").env({"A": "1"})

        @app.function(image=mine)
        def sell(): ...

        @app.function()
        def buy(): ...
        """,
    )
    built = place.intermodal("image", "build", "shop.py", "--json")
    assert built.returncode == 0, built.stderr
    assert "made here" in built.stderr
    rows = json.loads(built.stdout)
    assert [row["name"] for row in rows] == ["mine", "buy"]
    assert rows[0]["python"] == platform.python_version()
    again = place.intermodal("image", "build", "shop.py::sell")
    assert again.stdout.startswith(rows[0]["id"][:12])
    assert "made here" not in again.stderr
    (shown,) = json.loads(place.intermodal("image", "inspect", "shop.py::mine", "--json").stdout)
    assert (shown["id"], shown["env"], shown["steps"]) == (
        rows[0]["id"],
        ["A=1"],
        ["run_commands echo made here", "env A"],
    )
    layer = next(
        row for row in json.loads(place.intermodal("image", "ls", "--json").stdout) if "made here" in row["title"]
    )
    details = place.intermodal("image", "inspect", layer["id"][:12])
    assert "run_commands echo made here" in details.stdout
    wrong = place.intermodal("image", "build", "shop.py::yours")
    assert wrong.returncode == 2
    assert "no image, function or class 'yours'" in wrong.stderr
    assert "Names: mine, sell, buy" in wrong.stderr
    assert "no one image or layer 'abcdef'" in place.intermodal("image", "inspect", "abcdef").stderr


@pytest.mark.parametrize("isolation", ["namespaces", "process"])
def test_a_foreign_base_is_refused_by_name(place: Workplace, isolation: str) -> None:
    """The error names the capability, the image and the backends that have it; nothing is built before."""
    place.write(
        "foreign.py",
        """
        import intermodal

        app = intermodal.App("foreign")

        @app.function(image=intermodal.Image.from_dockerfile("Dockerfile"))
        def f(): ...
        """,
    )
    place.write("Dockerfile", "FROM alpine:3.20\n")
    done = place.intermodal("run", "foreign.py", "--set", f"local.isolation={isolation}")
    assert done.returncode == 1
    assert "image.from_registry" in done.stderr
    assert "'alpine:3.20' is not this host's userland" in done.stderr
    assert "--backend docker or podman" in done.stderr


def test_a_locked_uv_project(place: Workplace) -> None:
    """What uv.lock says is what the function imports; groups that were not asked for are not there."""
    place.write(
        "pyproject.toml",
        """
        [project]
        name = "locked"
        version = "1"
        requires-python = ">=3.10"
        dependencies = ["six==1.16.0"]

        [dependency-groups]
        more = ["iniconfig==2.0.0"]
        other = ["cowsay==6.1"]
        """,
    )
    assert place.run("-m", "uv", "lock", "--quiet").returncode == 0
    place.write(
        "locked.py",
        """
        import importlib.util
        import intermodal

        app = intermodal.App("locked")
        image = intermodal.Image.debian_slim().uv_sync(".", groups=["more"])

        @app.function(image=image)
        def versions():
            import six
            return six.__version__, *(importlib.util.find_spec(x) is not None for x in ("iniconfig", "cowsay"))

        @app.local_entrypoint()
        def main():
            print(versions.remote())
        """,
    )
    done = place.intermodal("run", "locked.py")
    assert done.stdout == "('1.16.0', True, False)\n", done.stderr


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """The address of an index on this machine that has one package, `greeting` 1.0."""
    shelf = tmp_path / "index" / "simple" / "greeting"
    shelf.mkdir(parents=True)
    _write_wheel(shelf / "greeting-1.0-py3-none-any.whl")
    handler = functools.partial(QuietHandler, directory=tmp_path / "index")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Its lists of directories are what an index's pages are."""

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def _write_wheel(path: Path) -> None:
    about = "greeting-1.0.dist-info"
    files = {
        "greeting.py": "__version__ = '1.0'\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(text)}\n"
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


def test_a_poetry_project(place: Workplace, index: str) -> None:
    """Poetry installs into the image's own Python. It knows no index settings of pip: sources are in its file."""
    place.write(
        "pyproject.toml",
        f"""
        [project]
        name = "locked"
        version = "1"
        requires-python = ">=3.10"
        dependencies = ["greeting==1.0"]

        [[tool.poetry.source]]
        name = "index"
        url = "{index}"
        priority = "primary"
        """,
    )
    place.write(
        "poems.py",
        """
        import intermodal

        app = intermodal.App("poems")
        image = intermodal.Image.debian_slim().poetry_install_from_file("pyproject.toml", ignore_lockfile=True)

        @app.function(image=image)
        def version():
            import greeting
            return greeting.__version__

        @app.local_entrypoint()
        def main():
            print(version.remote())
        """,
    )
    done = place.intermodal("run", "poems.py")
    assert done.stdout == "1.0\n", done.stderr
