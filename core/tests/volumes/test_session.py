"""What a session does with what containers write, without containers: the private layers are written here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from intermodal.driver.volumes.places import killed
from intermodal.driver.volumes.session import SessionVolumes
from intermodal.specs import VolumeMount, VolumeSpec
from intermodal.storage import DirectoryStorage
from intermodal.storage.volumes import Catalog, Versions
from intermodal.storage.volumes.hosting import OPAQUE

SPEC = VolumeSpec(target="/data", name="v", create=True)
Story = Callable[[SessionVolumes], Awaitable[None]]


def session(data_dir: Path, story: Story, name: str = "s") -> list[str]:
    """Tell `story` of one session; what people heard."""
    heard: list[str] = []

    async def main() -> None:
        storage = DirectoryStorage(data_dir)
        volumes = SessionVolumes(storage, storage.blobs, data_dir, name, "main", 3600.0)
        volumes.report_to(lambda container, message: heard.append(f"{container}: {message}"))
        await story(volumes)
        await volumes.close()

    asyncio.run(main())
    return heard


def paths(data_dir: Path) -> set[str]:
    """What the head holds."""

    async def main() -> set[str]:
        storage = DirectoryStorage(data_dir)
        versions, volume = Versions(storage), await Catalog(storage).find("v", "main")
        return {path for path, _ in (await versions.stack(await versions.head(volume))).walk()}

    return asyncio.run(main())


def upper(mount: VolumeMount) -> Path:
    """Where a container's writes go."""
    assert mount.upper is not None
    return Path(mount.upper)


def test_what_is_overwritten_unseen_is_reported(data_dir: Path) -> None:
    """By path, with the container that did it (volume.commit)."""

    async def story(volumes: SessionVolumes) -> None:
        (one,) = await volumes.prepare("one", [SPEC])
        (two,) = await volumes.prepare("two", [SPEC])
        for mount in (one, two):
            (upper(mount) / "x").write_text(mount.target + str(mount.upper))
        await volumes.leave("one")
        await volumes.leave("two")

    said = "its commit to /data overwrote 1 paths that others had committed since it last looked: x"
    assert session(data_dir, story) == [f"two: {said}"]


def test_whiteouts_and_opaque_directories_are_removals(data_dir: Path) -> None:
    """Of what the container could see; what others have put there since stays (volume.commit)."""

    async def write(volumes: SessionVolumes) -> None:
        (mount,) = await volumes.prepare("one", [SPEC])
        for path in ("gone/a", "anew/old", "kept"):
            (upper(mount) / path).parent.mkdir(exist_ok=True)
            (upper(mount) / path).write_text("1")
        await volumes.leave("one")

    async def remove(volumes: SessionVolumes) -> None:
        (mount,) = await volumes.prepare("two", [SPEC])
        (other,) = await volumes.prepare("three", [SPEC])
        os.mknod(upper(mount) / "gone", 0o020000, os.makedev(0, 0))
        (upper(mount) / "anew").mkdir()
        os.setxattr(upper(mount) / "anew", OPAQUE, b"y")
        (upper(mount) / "anew" / "new").write_text("2")
        (upper(other) / "gone").mkdir()
        (upper(other) / "gone" / "theirs").write_text("3")
        await volumes.leave("three")
        await volumes.leave("two")

    session(data_dir, write)
    assert paths(data_dir) == {"gone", "gone/a", "anew", "anew/old", "kept"}
    session(data_dir, remove)
    assert paths(data_dir) == {"gone", "gone/theirs", "anew", "anew/new", "kept"}


def test_a_session_holds_only_what_its_containers_have_mounted(data_dir: Path) -> None:
    """However many versions it has shown: each would else cost a descriptor until the session ends."""
    counts: list[int] = []

    async def story(volumes: SessionVolumes) -> None:
        for number in range(8):
            (mount,) = await volumes.prepare("one", [SPEC])
            (upper(mount) / "x").write_text(str(number))
            await volumes.leave("one")
            counts.append(len(os.listdir("/proc/self/fd")))

    session(data_dir, story)
    assert counts[-1] == counts[1]


def test_nothing_of_a_session_is_left(data_dir: Path) -> None:
    """Not of one that was killed either: the next one tidies up."""

    async def story(volumes: SessionVolumes) -> None:
        (mount,) = await volumes.prepare("one", [SPEC])
        (upper(mount) / "closed").mkdir(mode=0)

    session(data_dir, story)
    sessions = data_dir / "volumes" / "sessions"
    assert list(sessions.iterdir()) == []
    (sessions / "killed" / "1" / "upper").mkdir(parents=True)
    (sessions / "killed.lock").touch()
    with killed(data_dir) as gone:
        assert gone == ["killed"]
    assert list(sessions.iterdir()) == []
