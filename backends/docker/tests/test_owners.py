"""Who owns what in a container, asked of real engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from intermodal.exception import BackendError
from intermodal_docker.engine import CreateRequest, Engine, Owners
from intermodal_docker.engines import podman_engine
from intermodal_docker.engines.owners import mounted
from intermodal_docker.engines.podman_engine import PodmanEngine

pytestmark = pytest.mark.engine("podman")

TREE = """
mkdir -p /t/dir/below $0 && cd /t
touch file dir/x "dir/below/a b" $0/secret
chown 1000:1001 file; chown 7:8 dir; chown 9:10 dir/x; chown 11:12 "dir/below/a b"; chown 5:6 $0/secret
ln -s /t/dir absolute; ln -s dir relative; ln -s ../../../../../../t/dir up; ln -s absolute again; chown -h 3:4 again
ln -s $0/secret outside; ln -s round around; ln -s around round
"""


@pytest.fixture
def podman() -> Iterator[Engine]:
    """The podman of this machine."""
    engine = PodmanEngine()
    yield engine
    engine.close()


def filled(engine: Engine, place: Path) -> str:
    """A container with a tree of owners and links; `place` is made in it, too."""
    image = "python:3.11-slim-bookworm"
    made = engine.create(CreateRequest(image=image, entrypoint=("/bin/sh", "-ec", TREE), command=(str(place),)))
    engine.start(made)
    assert engine.wait(made) == 0, b"".join(data for _, data in engine.logs(made))
    return made


@pytest.mark.parametrize("way", ["mounted", "exported"])
def test_owners_are_those_inside_whatever_links_lead_there(
    podman: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Absolute links, those that climb above the root, and links on the way: none leads to this machine's files."""
    (tmp_path / "secret").touch()
    if way == "exported":
        monkeypatch.setattr(podman_engine, "mounted", lambda _: None)
    container = filled(podman, tmp_path)
    try:
        of = _asked(podman.owners(container))
        assert of("t/file") == of("/t/file") == (1000, 1001)
        assert of("/t/dir/") == of("/t/absolute", follow=True) == of("/t/up", follow=True) == (7, 8)
        assert of("/t/absolute") == of("/t/relative") == (0, 0)
        assert of("/t/again") == (3, 4)
        assert of("/t/absolute/x") == of("/t/relative/x") == of("/t/up/x") == of("/t/again/x") == (9, 10)
        assert of("/t/again/below/a b") == (11, 12)
        assert of("/t/outside", follow=True) == (5, 6)
        assert of("") == (0, 0)
    finally:
        podman.remove(container)


def test_a_mount_that_went_is_told(podman: Engine, tmp_path: Path) -> None:
    """The container was removed meanwhile: no owner is made up."""
    container = filled(podman, tmp_path)
    owners = _asked(podman.owners(container))
    podman.remove(container)
    with pytest.raises(BackendError, match="/t/file changed while it was copied"):
        owners("/t/file")


def test_what_is_not_mounted_here_is_not_looked_at(tmp_path: Path) -> None:
    """An engine elsewhere, or in a mount namespace of its own, names a directory that is another one here."""
    assert mounted(str(tmp_path)) is None
    assert mounted(str(tmp_path / "none")) is None


def _asked(owners: Owners | None) -> Callable[..., tuple[int, int]]:
    assert owners is not None

    def of(path: str, *, follow: bool = False) -> tuple[int, int]:
        return owners.of(path, follow=follow)

    return of
