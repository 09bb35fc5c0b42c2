"""What this host lets the backend do is found out by looking, and what is missing is refused with the way to get it."""

from __future__ import annotations

from pathlib import Path

import pytest

import intermodal
from intermodal.exception import CapabilityNotSupported
from intermodal_local.capabilities import capabilities
from intermodal_local.images import apt
from intermodal_local.runtime import advice, cgroups, userns


def installed() -> str:
    return "here"


def test_packages_of_the_system_follow_what_apt_needs() -> None:
    """Stated exactly where nothing lacks."""
    have = capabilities("namespaces")
    assert ("image.apt_install" in have.supported) == (apt.missing() is None)
    assert have.notes.get("image.apt_install") == apt.missing()


@pytest.mark.parametrize("isolation", ["namespaces", "process"])
def test_a_cpu_limit_in_whole_cores_is_told(isolation: str) -> None:
    """It is supported, with a note, exactly where no control group keeps it."""
    have = capabilities(isolation)
    assert "limits.cpu" in have.supported
    assert ("limits.cpu" in have.notes) != cgroups.limits("cpu")


def test_without_apt_its_packages_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is built, with what to do instead; other images are built as ever."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("INTERMODAL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("INTERMODAL_BACKEND", "local")
    app = intermodal.App("packages")
    image = intermodal.Image.debian_slim().apt_install("hello")
    with_package = app.function(image=image, serialized=True)(installed)
    with (
        app.run(),
        pytest.raises(CapabilityNotSupported, match=r"image\.apt_install.*no apt-get: use another") as caught,
    ):
        with_package.remote()
    assert (caught.value.capability, caught.value.backend) == ("image.apt_install", "local")


@pytest.mark.skipif(advice.privileged(), reason="root needs no subordinate ids")
def test_without_newuidmap_the_fix_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that has it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install uidmap" in (userns.missing() or "")
