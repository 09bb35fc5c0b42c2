"""Installers of Python packages, through the public API on every backend that is here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from workplace import Workplace

from served import USER, served, write_wheel

TOKEN = "hunter2-hunter2"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """The address of an index on this machine that has one package, `greeting` 1.0."""
    write_wheel(tmp_path / "index" / "simple", "greeting", "1.0")
    with served(tmp_path / "index") as address:
        yield f"http://{address}/simple/"


@pytest.fixture
def private(tmp_path: Path) -> Iterator[str]:
    """The address of one that wants a password, which is in `$INDEX_TOKEN`."""
    for name in ("hold", "deck", "mast", "keel", "sail"):
        write_wheel(tmp_path / "private" / "simple", name, "2.0")
    with served(tmp_path / "private", TOKEN) as address:
        yield f"http://{USER}:$INDEX_TOKEN@{address}/simple/"


def test_packages_of_a_private_index(backend: str, place: Workplace, private: str) -> None:
    """By every way to name them. The password is in no file of the image, no output and no file of ours."""
    place.write("requirements.txt", "deck==2.0\n")
    place.write(
        "pyproject.toml",
        """
        [project]
        name = "ship"
        version = "1"
        dependencies = ["mast==2.0"]

        [project.optional-dependencies]
        sails = ["sail==2.0"]
        """,
    )
    place.write(
        "ship.py",
        f"""
        import intermodal

        app = intermodal.App("ship")
        private = {{
            "index_url": "{private}",
            "secrets": [intermodal.Secret.from_local_environ(["INDEX_TOKEN"])],
        }}
        image = (
            intermodal.Image.debian_slim()
            .uv_pip_install("hold==2.0", **private)
            .pip_install_from_requirements("requirements.txt", **private)
            .pip_install_from_pyproject("pyproject.toml", ["sails"], **private)
            .uv_pip_install("keel", **private)
        )

        @app.function(image=image)
        def look(front: str, rear: str) -> list[str]:
            import importlib, subprocess, sysconfig
            names = ("hold", "deck", "mast", "keel", "sail")
            packages = sysconfig.get_paths()["purelib"]
            words = ["grep", "-rlF", front + rear, packages, "/root", "/opt", "/tmp", "/var", "/etc"]
            found = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
            return [importlib.import_module(name).__version__ for name in names] + found.split()

        @app.local_entrypoint()
        def main():
            print(look.remote("{TOKEN[:5]}", "{TOKEN[5:]}"))
        """,
    )
    done = place.intermodal("run", "ship.py", env={"INDEX_TOKEN": TOKEN, "INTERMODAL_BACKEND": backend})
    assert done.stdout == f"{['2.0'] * 5}\n", done.stderr
    assert TOKEN not in done.stderr
    kept = [path for path in place.data.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []


def test_a_locked_uv_project(backend: str, place: Workplace) -> None:
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
    done = place.intermodal("run", "locked.py", env={"INTERMODAL_BACKEND": backend})
    assert done.stdout == "('1.16.0', True, False)\n", done.stderr


@pytest.mark.parametrize("name", ["local", pytest.param("docker", marks=pytest.mark.engine("docker"))])
def test_a_poetry_project(name: str, place: Workplace, index: str) -> None:
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
    done = place.intermodal("run", "poems.py", env={"INTERMODAL_BACKEND": name})
    assert done.stdout == "1.0\n", done.stderr
