"""Images of a registry, through the public API: pulled with a secret, given a Python, used by functions."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from workplace import Workplace

from engines_here import ENGINES, engine_called
from intermodal.plugins.building import find_uv
from intermodal_docker.images.names import BASE
from pythons_here import VERSION, libraries_of_python, offered_python
from registries import PASSWORD, USER, PushedImage, registry_for
from small_images import archive_of, commands_archive, libraries_of

pytestmark = [
    pytest.mark.one_user,
    pytest.mark.skipif(os.geteuid() != 0, reason="podman learns from root which registries it can trust"),
]
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = "3.12" if MINOR == "3.13" else "3.13"
APP = f"""
import intermodal

app = intermodal.App("tug")
login = intermodal.Secret.from_dict({{"REGISTRY_USERNAME": "{USER}", "REGISTRY_PASSWORD": "{PASSWORD}"}})
image = intermodal.Image.from_registry("TAG", secret=login, add_python="{MINOR}").pip_install("six==1.17.0")


@app.function(image=image)
def look() -> str:
    import platform
    import sys

    import six

    return f"{{platform.python_version()}} in {{sys.prefix}}, six {{six.__version__}}"


@app.local_entrypoint()
def main() -> None:
    print(look.remote())
"""


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a list of Pythons is that has this one."""
    with offered_python(tmp_path_factory.mktemp("pythons")) as address:
        yield address


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.engine(name)) for name in ENGINES])
def harbour(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """An engine's name, and an image of a private registry, which has no Python."""
    engine = engine_called(request.param)
    programs = libraries_of([Path(find_uv())])  # as every Debian has them
    image = PushedImage([commands_archive(), archive_of({**libraries_of_python(), **programs})])
    with registry_for(engine.name, tmp_path_factory.mktemp("registry"), private=True) as running:
        tag = running.push("ships/tug:1", image)
        yield engine.name, tag
        layers = engine.images({BASE: tag})
        for layer in sorted(layers, key=lambda layer: layer.created, reverse=True):
            for name in layer.tags:
                engine.remove_image(name)
        engine.remove_image(tag)
    engine.close()


@pytest.fixture
def engine_name(harbour: tuple[str, str], place: Workplace) -> str:
    """The engine's name; tug.py begins with that image."""
    place.write("tug.py", APP.replace("TAG", harbour[1]))
    return harbour[0]


def test_a_python_is_added_to_an_image_that_has_none(engine_name: str, place: Workplace, offered: str) -> None:
    """It comes from the list that the user's own settings of uv name, and takes packages."""
    done = place.intermodal(
        "run", "--quiet", "--backend", engine_name, "tug.py", env={"UV_PYTHON_DOWNLOADS_JSON_URL": offered}
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf"{VERSION} in /usr/local/share/python/cpython-\S+, six 1.17.0\n", done.stdout)
    assert PASSWORD not in done.stderr


def test_a_python_that_cannot_be_fetched_says_where_else_it_may_be(engine_name: str, place: Workplace) -> None:
    """Nothing listens at the mirror."""
    app = place.directory / "tug.py"
    app.write_text(app.read_text().replace(f'add_python="{MINOR}"', f'add_python="{OTHER}"'))
    env = {"UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:1", "UV_HTTP_RETRIES": "0"}
    done = place.intermodal("run", "--quiet", "--backend", engine_name, "tug.py", env=env)
    assert done.returncode != 0
    assert "UV_PYTHON_INSTALL_MIRROR names a mirror or UV_PYTHON_DOWNLOADS_JSON_URL a list" in done.stderr
