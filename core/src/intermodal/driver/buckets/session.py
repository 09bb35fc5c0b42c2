"""The buckets of one session: mounted on this host for each container, attached to it, written out at its end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from intermodal.client.hiding import Hiding
from intermodal.driver.buckets import keeper, rclone
from intermodal.plugins import LaunchRefused
from intermodal.plugins.holding import try_acquire
from intermodal.specs import BucketSpec, SharedMount

__all__ = ["SessionBuckets", "tidy"]

_NAMED = 10  # unwritten files that a line of the log names
_MNT_DETACH = 2

#: Tells people of a container: its id, and what happened.
Report = Callable[[str, str], None]


@dataclass
class _Kept:
    """A bucket that a keeper has mounted."""

    bucket: BucketSpec
    keeper: asyncio.subprocess.Process
    hiding: Hiding

    async def told(self) -> dict[str, Any]:
        """The keeper's next line."""
        assert self.keeper.stdout is not None
        line = await self.keeper.stdout.readline()
        found: dict[str, Any] = json.loads(line or '{"mounted": false, "error": "its keeper ended", "unwritten": []}')
        return found

    async def end(self) -> dict[str, Any]:
        """Write out and unmount; what it told. Bounded in time by the keeper."""
        assert self.keeper.stdin is not None
        self.keeper.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self.keeper.send_signal(signal.SIGCONT)  # a stopped one would never write out
        told = await self.told()
        await self.keeper.wait()
        return told


class SessionBuckets:
    """On the driver's loop. A container has one mount of each bucket, prefix, secret and mode."""

    def __init__(self, data_dir: Path, session: str) -> None:
        self._root = data_dir / "buckets"
        self._session = session
        self._kept: dict[str, list[_Kept]] = {}
        self._count = 0
        self._report: Report = lambda container, message: None

    def report_to(self, report: Report) -> None:
        """Who hears of what was not written."""
        self._report = report

    async def prepare(
        self, container: str, buckets: Sequence[BucketSpec], secrets: Mapping[str, Mapping[str, str]]
    ) -> tuple[SharedMount, ...]:
        """Mount the buckets of a container that is about to start; `leave` follows in any case. `secrets` are values
        by the names that `buckets` have.

        Raises `LaunchRefused` where one cannot be read: wrong credentials, no such bucket.
        """
        if not buckets:
            return ()
        await asyncio.to_thread(tidy, self._root)
        kept = self._kept[container] = []
        shown: dict[BucketSpec, SharedMount] = {}
        for bucket in buckets:
            same = replace(bucket, target="")
            if same not in shown:
                shown[same] = await self._mount(bucket, kept, secrets)
        return tuple(replace(shown[replace(it, target="")], target=it.target) for it in buckets)

    async def leave(self, container: str) -> None:
        """The container has ended, or did not start: write out what is due, and unmount. Never raises."""
        for kept in self._kept.pop(container, ()):
            told = await kept.end()
            unwritten = told.get("unwritten", ())
            if unwritten:
                names = ", ".join(unwritten[:_NAMED]) + (", …" if len(unwritten) > _NAMED else "")
                self._report(
                    container,
                    f"{len(unwritten)} files could not be written to the bucket {kept.bucket.bucket!r}: {names}",
                )
            elif told["error"]:
                self._report(
                    container, f"the mount of the bucket {kept.bucket.bucket!r} had ended before its container"
                )

    async def close(self) -> None:
        """The session ends; its containers have."""
        for container in list(self._kept):
            await self.leave(container)

    async def _mount(
        self, bucket: BucketSpec, kept: list[_Kept], secrets: Mapping[str, Mapping[str, str]]
    ) -> SharedMount:
        env = rclone.environment(bucket, secrets[bucket.secret] if bucket.secret is not None else {})
        await rclone.check_bucket(bucket, env)
        self._count += 1
        directory = self._root / f"{self._session}-{self._count}"
        directory.mkdir(mode=0o700, parents=True)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            keeper.__file__,
            str(directory),
            *rclone.mount_command(bucket, directory),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
        mount = _Kept(bucket, process, Hiding(env.values()))
        kept.append(mount)
        told = await mount.told()
        if not told["mounted"]:
            raise LaunchRefused(
                f"the bucket {bucket.bucket!r} cannot be mounted: {mount.hiding.hide(told['error'] or '')}"
            )
        seen_by = process.pid if keeper.mounts_apart() else None
        return SharedMount(source=str(directory / "files"), target=bucket.target, seen_by=seen_by)


def tidy(root: Path) -> None:
    """Remove what is left of mounts whose keeper was killed."""
    libc = ctypes.CDLL(None)
    for directory in root.iterdir() if root.is_dir() else ():
        fd = try_acquire(directory)
        if fd is not None and any(directory.iterdir()):
            libc.umount2(os.fsencode(directory / "files"), _MNT_DETACH)
            shutil.rmtree(directory, ignore_errors=True)
        if fd is not None:
            os.close(fd)
