"""The files of a running container as a layer, in the session's own directory, which its supervisor removes."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from dataclasses import dataclass, replace

from intermodal.exception import BackendError
from intermodal.plugins import BuiltImage
from intermodal_local.rootfs import Rootfs
from intermodal_local.runtime.overlay import PARTS

__all__ = ["Keeping"]

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where one container's files are: the session's directory `run`, and its name there."""

    run: str
    container: str

    def keep(self, image: BuiltImage) -> BuiltImage:
        """Copy what the container has changed of `image`, while it runs. Blocks. Raises `BackendError`."""
        name = f"{self.container}-snapshot-{next(_numbers)}"
        layer = f"{self.run}/{name}"
        os.mkdir(layer)
        above = f"{self.run}/c/{self.container}"
        try:
            for _, part, _ in PARTS:
                if os.path.isdir(f"{above}/{part}"):
                    _copy(f"{above}/{part}", f"{layer}/{part}")
        except BaseException:
            shutil.rmtree(layer, ignore_errors=True)
            raise
        rootfs = Rootfs.from_json(image.ref)
        ref = replace(rootfs, layers=(layer, *rootfs.layers)).to_json()
        return replace(image, id=name, ref=ref)


def _copy(source: str, target: str) -> None:
    """With owners, modes, times, links, and the marks by which an overlay knows what was removed."""
    done = subprocess.run(
        ["cp", "-a", "--reflink=auto", "--", source, target], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackendError(f"the files of the container could not be copied: {done.stderr.strip()[:500]}")
