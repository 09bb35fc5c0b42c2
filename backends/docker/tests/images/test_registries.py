"""Images of a real registry, with and without a log-in, and what is said where they cannot be had."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from intermodal.exception import ImageBuildError
from intermodal.specs import Registry, RunCommands
from registries import PASSWORD, USER, PushedImage, RunningRegistry, registry_for
from small_images import commands_archive

pytestmark = [
    pytest.mark.one_user,
    pytest.mark.skipif(os.geteuid() != 0, reason="podman learns from root which registries it can trust"),
]
LOOK = RunCommands(commands=("echo pulled",))
Find = Callable[..., RunningRegistry]


@pytest.fixture(scope="module")
def find(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Find]:
    """A registry with two images for an engine, private or not."""
    image = PushedImage([commands_archive()])
    with ExitStack() as running:

        @cache
        def start(engine: str, *, private: bool) -> RunningRegistry:
            directory = tmp_path_factory.mktemp("registry")
            started = running.enter_context(registry_for(engine, directory, private=private))
            for name in ("ships/tug:1", "library/barge:1"):
                started.push(name, image)
            return started

        yield start


@pytest.fixture
def build(workshop: Any) -> Iterator[Callable[..., list[str]]]:
    """Builds on an image of a registry; afterwards the engine has it no more."""
    pulled = []

    def run(tag: str, secret: dict[str, str] | None = None, session: Any = None) -> list[str]:
        pulled.append(tag)
        base = Registry(tag=tag, secret=None if secret is None else "login")
        session = session or workshop
        session.build(LOOK, base=base, secrets={"login": secret or {}})
        return list(session.said.lines)

    yield run
    for tag in pulled:
        workshop.engine.remove_image(tag)


Build = Callable[..., "list[str]"]


def test_an_image_is_pulled_from_its_registry(workshop: Any, find: Find, build: Build) -> None:
    """Once: what is built on it is found without the registry's image."""
    tag = f"{find(workshop.backend, private=False).address}/ships/tug:1"
    assert "pulled" in build(tag)
    workshop.engine.remove_image(tag)
    assert build(tag) == []


def test_a_private_image_is_pulled_with_the_secret(workshop: Any, find: Find, build: Build) -> None:
    """Which the image does not have."""
    tag = f"{find(workshop.backend, private=True).address}/ships/tug:1"
    said = build(tag, {"REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": PASSWORD})
    assert "pulled" in said
    assert PASSWORD not in "".join(said)
    details = workshop.engine.image(tag)
    assert PASSWORD not in json.dumps([dict(details.env), dict(details.labels)])


def test_a_private_image_is_pulled_with_the_engines_own_login(
    workshop: Any, find: Find, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `docker login` and `podman login` leave it."""
    address = find(workshop.backend, private=True).address
    if workshop.backend == "docker":
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    command = [workshop.backend, "login", "--username", USER, "--password-stdin", address]
    subprocess.run(command, input=PASSWORD.encode(), capture_output=True, check=True)
    session = workshop.again()  # the client of docker reads it when it connects
    try:
        assert "pulled" in build(f"{address}/ships/tug:1", session=session)
    finally:
        subprocess.run([workshop.backend, "logout", address], capture_output=True, check=True)
        session.close()


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (None, r"wants a log-in for this image.*`{backend} login {address}`, or give .*secret= with REGISTRY_USERNAME"),
        (
            {"REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": "wrong-wrong"},
            "{address} refused the user and the password",
        ),
        ({"REGISTRY_USERNAME": USER}, "the secret for {address}/ships/tug:1 has no REGISTRY_PASSWORD"),
    ],
    ids=["none", "wrong", "incomplete"],
)
def test_without_the_right_login_the_error_says_how_to_log_in(
    workshop: Any, find: Find, build: Build, secret: dict[str, str] | None, words: str
) -> None:
    """And never shows a password."""
    address = find(workshop.backend, private=True).address
    with pytest.raises(ImageBuildError, match=words.format(backend=workshop.backend, address=address)) as info:
        build(f"{address}/ships/tug:1", secret)
    assert "wrong-wrong" not in str(info.value)


def test_an_unknown_tag_is_named(workshop: Any, find: Find, build: Build) -> None:
    """The registry has that image, and not that tag."""
    tag = f"{find(workshop.backend, private=False).address}/ships/tug:2"
    with pytest.raises(ImageBuildError, match=f"has no {tag}: check its name and tag"):
        build(tag)


def test_a_registry_that_does_not_answer_is_named(build: Build) -> None:
    """Nothing listens there."""
    with pytest.raises(ImageBuildError, match=r"127\.0\.0\.1:1 could not be reached: check the address"):
        build("127.0.0.1:1/ships/tug:1")


def test_images_of_docker_hub_are_pulled_from_a_mirror(workshop: Any, find: Find, build: Build) -> None:
    """The official ones are below library/."""
    address = find(workshop.backend, private=False).address
    session = type(workshop)(workshop.backend, workshop.data, {f"{workshop.backend}.registry_mirror": address})
    try:
        assert "pulled" in build("barge:1", session=session)
    finally:
        workshop.engine.remove_image(f"{address}/library/barge:1")
        session.close()


def test_a_python_cannot_be_added_where_uv_does_not_run(workshop: Any, find: Find) -> None:
    """This image lacks a library of it, as one with another libc does."""
    tag = f"{find(workshop.backend, private=False).address}/ships/tug:1"
    with pytest.raises(ImageBuildError, match=r"uv, which fetches the Python, is no program for this image"):
        workshop.build(base=Registry(tag=tag, python="3.12", add_python=True))
    workshop.engine.remove_image(tag)


def test_podman_is_told_when_a_registry_speaks_no_tls(workshop: Any, find: Find, build: Build) -> None:
    """Docker takes that from loopback."""
    if workshop.backend == "podman":
        address = find("docker", private=False).address
        with pytest.raises(ImageBuildError, match=rf"{address} speaks plain HTTP.*insecure = true"):
            build(f"{address}/ships/tug:1")
