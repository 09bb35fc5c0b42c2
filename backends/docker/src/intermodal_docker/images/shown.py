"""What a step's container has beside the image, for the step only: caches, memory, files of others, secrets."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from intermodal.plugins import Blobs
from intermodal.plugins.building import Member, StepRefused, StepRun, tree_members
from intermodal.specs import CacheMount, FilesMount, ImageMount, SecretMount, StepMount, TmpfsMount
from intermodal_docker.archives import pack
from intermodal_docker.engine import Tmpfs, VolumeMount
from intermodal_docker.images.box import Box
from intermodal_docker.images.copying import is_there, members_at
from intermodal_docker.images.downloads import cache_volume

__all__ = ["Shown"]


class Shown:
    """Of one step. Directories are volumes, which are in no layer; single files are put there and taken away."""

    def __init__(self, mounts: Iterable[StepMount]) -> None:
        self._mounts = tuple(mounts)
        self._files = [mount for mount in self._mounts if isinstance(mount, FilesMount) and mount.tree.is_file]
        self.tmpfs = [Tmpfs(mount.target, mount.size) for mount in self._mounts if isinstance(mount, TmpfsMount)]
        self.volumes = [
            VolumeMount(cache_volume(mount.id) if isinstance(mount, CacheMount) else "", mount.target, read_only=False)
            for mount in self._mounts
            if isinstance(mount, (CacheMount, FilesMount, ImageMount)) and mount not in self._files
        ]

    def fill(self, box: Box, others: Sequence[Box], blobs: Blobs) -> None:
        """Put there what comes from the context and from other images. Raises `StepRefused`."""
        waiting = list(others)
        for mount in self._mounts:
            if isinstance(mount, FilesMount) and mount not in self._files:
                box.put(pack(tree_members(mount.tree, blobs)), mount.target)
            elif isinstance(mount, ImageMount):
                members = members_at(waiting.pop(0), mount.path)
                box.put(pack(_inside(member, mount) for member in members if member.path), mount.target)

    def hide(self, box: Box, run: StepRun, blobs: Blobs) -> list[str]:
        """Put the files there that are to be taken away afterwards; their paths. Raises `StepRefused`."""
        members = []
        for mount in self._mounts:
            if isinstance(mount, SecretMount):
                data = run.secrets[mount.variable].encode()
                member = Member(path=mount.target, mode=mount.mode, uid=mount.uid, gid=mount.gid, size=len(data))
                members.append(replace(member, read=functools.partial(iter, [data])))
            elif mount in self._files:
                assert isinstance(mount, FilesMount)
                members += [replace(member, path=mount.target) for member in tree_members(mount.tree, blobs)]
        for member in members:
            if is_there(box, member.path):
                raise StepRefused(f"the image has {member.path} already: choose another target=")
        if members:
            box.put(pack(replace(member, path=member.path.strip("/")) for member in members))
        return [member.path for member in members]


def _inside(member: Member, mount: ImageMount) -> Member:
    if not member.path:
        raise StepRefused(f"{mount.path} is a file in the image that is shown: name its directory in source=")
    return member
