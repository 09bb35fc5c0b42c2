"""What a backend lacks is refused by core, in the backend's name; what it states is relied on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import intermodal
from intermodal.exception import CapabilityNotSupported


def first() -> str:
    return "ran"


def shout(data: bytes) -> bytes:
    return data.upper()


def _image(name: str, tmp_path: Path) -> intermodal.Image:
    image = intermodal.Image.debian_slim()
    (tmp_path / "file").write_text("x")
    return {
        "image.pip_install": lambda: image.pip_install("six"),
        "image.apt_install": lambda: image.apt_install("sl"),
        "image.run_commands": lambda: image.run_commands("true"),
        "image.run_function": lambda: image.run_function(first),
        "image.copy": lambda: image.add_local_file(str(tmp_path / "file"), "/root/file", copy=True),
        "image.python_version": lambda: intermodal.Image.debian_slim(python_version="3.13"),
    }[name]()


@pytest.mark.parametrize(
    "capability",
    [
        "image.pip_install",
        "image.apt_install",
        "image.run_commands",
        "image.run_function",
        "image.copy",
        "image.python_version",
    ],
)
def test_a_step_that_the_backend_lacks_is_refused_by_name(capability: str, tmp_path: Path) -> None:
    """The call fails with CapabilityNotSupported, which names capability and backend; no container is started."""
    app = intermodal.App("steps")
    function = app.function(image=_image(capability, tmp_path), serialized=True)(first)
    with app.run(), pytest.raises(CapabilityNotSupported) as caught:
        function.remote()
    assert (caught.value.capability, caught.value.backend) == (capability, "plain")
    assert str(caught.value).startswith(f"backend 'plain' does not support '{capability}'")


@pytest.mark.parametrize(
    ("capability", "options"),
    [
        ("network.block", {"block_network": True}),
        ("limits.memory", {"memory": (128, 256)}),
        ("limits.cpu", {"cpu": (0.5, 1.0)}),
        ("gpu", {"gpu": "T4"}),
        ("snapshot", {"enable_memory_snapshot": True}),
    ],
)
def test_a_wish_for_the_container_that_the_backend_lacks_is_refused_by_name(
    capability: str, options: dict[str, Any]
) -> None:
    """Never ignored in silence; the other functions of the app run."""
    app = intermodal.App("wishes")
    wishful = app.function(serialized=True, **options)(first)
    modest = app.function(serialized=True)(shout)
    with app.run():
        with pytest.raises(CapabilityNotSupported) as caught:
            wishful.remote()
        assert modest.remote(b"ran") == b"RAN"
    assert caught.value.capability == capability


def test_what_the_backend_states_is_not_refused(supporting, tmp_path: Path) -> None:
    """The same wish reaches a backend that says it can."""
    supporting("fd_passing", "image.copy", "limits.memory")
    app = intermodal.App("granted")
    function = app.function(image=_image("image.copy", tmp_path), memory=(128, 256), serialized=True)(first)
    with app.run():
        assert function.remote() == "ran"


@pytest.mark.parametrize("supported", [("fd_passing",), ("exec",)])
def test_large_payloads_pass_with_and_without_descriptors(supporting, supported: tuple[str, ...]) -> None:
    """Without "fd_passing" nothing but bytes travels over the stream, also where it is a local socket."""
    supporting(*supported)
    app = intermodal.App("large")
    function = app.function(serialized=True)(shout)
    with app.run():
        assert function.remote(b"abcd" * (1 << 20)) == b"ABCD" * (1 << 20)
