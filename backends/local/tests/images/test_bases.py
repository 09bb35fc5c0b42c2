"""Bases that name an image of a registry: this host's own userland, or refused by name."""

from __future__ import annotations

import platform
from typing import Any

import pytest

from intermodal.exception import CapabilityNotSupported
from intermodal.specs import DebianSlim, Registry, RunCommands, Scratch, SetEntrypoint
from intermodal_local.images.foreign import own_base

PYTHON = ".".join(platform.python_version_tuple()[:2])
RELEASES = {
    "debian": {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm", "PRETTY_NAME": "Debian 12"},
    "ubuntu": {"ID": "ubuntu", "VERSION_ID": "24.04", "VERSION_CODENAME": "noble", "PRETTY_NAME": "Ubuntu 24.04"},
    "arch": {"ID": "arch", "PRETTY_NAME": "Arch Linux"},
}


@pytest.mark.parametrize(
    ("host", "tag", "python"),
    [
        ("debian", "debian:bookworm-slim", ""),
        ("debian", "docker.io/library/debian:12", ""),
        ("debian", "python:3.11-slim-bookworm", "3.11"),
        ("debian", "python:3.11.7-bookworm", "3.11.7"),
        ("ubuntu", "ubuntu:24.04", ""),
        ("ubuntu", "ubuntu:noble", ""),
    ],
)
def test_images_of_the_hosts_userland(monkeypatch: pytest.MonkeyPatch, host: str, tag: str, python: str) -> None:
    """Official images of the same release, and Python's over it."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: RELEASES[host])
    assert own_base(Registry(tag=tag)) == DebianSlim(python=python)
    assert own_base(Registry(tag=tag, python="3.12", add_python=True)) == DebianSlim(python="3.12")


@pytest.mark.parametrize(
    ("host", "tag"),
    [
        ("debian", "debian:trixie-slim"),
        ("debian", "debian"),
        ("debian", "python:3.11-slim"),
        ("debian", "python:3.11-alpine"),
        ("debian", "alpine:3"),
        ("debian", "ghcr.io/owner/debian:bookworm"),
        ("ubuntu", "python:3.11-slim-noble"),
        ("ubuntu", "debian:bookworm"),
        ("arch", "debian:"),
    ],
)
def test_a_foreign_base_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, host: str, tag: str) -> None:
    """The error says what the host is, and which backend has it. A tag that moves on is foreign too."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: RELEASES[host])
    with pytest.raises(
        CapabilityNotSupported, match=r"is not this host's userland, which is .*--backend docker"
    ) as caught:
        own_base(Registry(tag=tag))
    assert (caught.value.capability, caught.value.backend) == ("image.from_registry", "local")


def test_an_empty_base_and_a_wrapping_program_are_refused(workshop: Any) -> None:
    """from_scratch, and an entrypoint that does not merely take away another."""
    with pytest.raises(CapabilityNotSupported, match=r"image\.from_scratch.*--backend docker"):
        workshop.build(base=Scratch())
    with pytest.raises(CapabilityNotSupported, match=r"image\.entrypoint.*@intermodal\.enter"):
        workshop.build(SetEntrypoint(argv=("/start",)))
    workshop.build(SetEntrypoint(argv=()))


def test_an_image_over_the_hosts_userland_is_built(workshop: Any) -> None:
    """It shares its layers with debian_slim's."""
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian":
        pytest.skip(f"images of Python stand on Debian, and this is {release.get('PRETTY_NAME')}")
    step = RunCommands(commands=("python3 -V",))
    workshop.build(step, base=Registry(tag=f"python:{PYTHON}-slim-{release['VERSION_CODENAME']}"))
    assert any(line.startswith(f"Python {PYTHON}.") for line in workshop.said.lines)
    workshop.build(step)
    assert workshop.said.cached == [True, True]
