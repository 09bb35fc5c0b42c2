"""A container's root: overlays over the host's userland, and how a place inside it is reached safely.

A *stack* is a directory of numbered links to the lower directories of the three overlays, top-most first: `r0 r1 ...`
for /, `u0 ...` for /usr, `l0 ...` for /usr/local (none where the interpreter lives in /usr). Links keep the mount
options short.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Any

from intermodal_local.runtime import kernel

PARTS = (("r", "root", ""), ("u", "usr", "/usr"), ("l", "usr-local", "/usr/local"))


def make_stack(stack: str, lowers: dict[str, list[str]], prefix: str) -> None:
    """Write the links of a stack; `lowers` maps root, usr, usr-local to directories, which are seen under `prefix`."""
    fresh = f"{stack}.new"
    os.makedirs(fresh)
    for letter, name, _ in PARTS:
        for number, directory in enumerate(lowers.get(name, ())):
            os.symlink(prefix + directory, f"{fresh}/{letter}{number}")
    os.rename(fresh, stack)


def make_upper(run: str, layer: str | None, prefix: str, *, local: bool) -> None:
    """Prepare in the container's directory `run` what it writes to: `layer` (an image layer in the making) or fresh
    ones."""
    os.mkdir(run)
    os.mkdir(f"{run}/m")
    if layer is not None:
        os.symlink(prefix + layer, f"{run}/layer")
    for _, name, _ in PARTS if local else PARTS[:2]:
        os.mkdir(f"{run}/{name}.work")
        if layer is None:
            os.mkdir(f"{run}/{name}")
        else:
            os.makedirs(f"{layer}/{name}", exist_ok=True)


def mount_root(stack: str, run: str, counts: Sequence[int], first: Sequence[str] = ()) -> str:
    """Mount the overlays of `stack` below `run`/m and return that path. `first` are run directories whose uppers lie
    above the stack (a template's). Changes the working directory. Raises `OSError` naming the directories."""
    layer = os.path.lexists(f"{run}/layer")
    os.chdir(stack)
    target, here = f"{run}/m", os.path.relpath(run, stack)
    for (letter, name, place), count in zip(PARTS, counts, strict=False):
        if not count:
            continue
        lower = [f"{os.path.relpath(directory, stack)}/{name}" for directory in first]
        lower += [f"{letter}{number}" for number in range(count)]
        above = f"{here}/{'layer/' if layer else ''}{name}"
        options = f"lowerdir={':'.join(lower)},upperdir={above},workdir={here}/{name}.work,userxattr,volatile"
        try:
            kernel.mount("overlay", target + place, "overlay", kernel.MS_NODEV, options)
        except OSError as error:
            where = [os.path.realpath(directory) for directory in lower]
            raise OSError(error.errno, f"{error.strerror} (lower directories {where})") from None
    return target


class Inside:
    """Reaches places of a root that is not this process's yet; links in it never lead out of it."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the root."""
        os.close(self._fd)

    def existing(self, path: str) -> int:
        """Descriptor of `path`, which is there. The caller closes it. Raises `OSError`."""
        try:
            return kernel.open_in_root(self._fd, path, os.O_PATH)
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}: {path} of the image that is shown") from None

    def place(self, path: str, *, directory: bool) -> int:
        """Descriptor of `path`, made (parents too) where it is missing. The caller closes it."""
        try:
            return kernel.open_in_root(self._fd, path, os.O_PATH)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
        parent, _, name = path.rstrip("/").rpartition("/")
        above = self.place(parent or "/", directory=True)
        try:
            if directory:
                os.mkdir(name, 0o755, dir_fd=above)
            else:
                os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644, dir_fd=above))
        finally:
            os.close(above)
        return kernel.open_in_root(self._fd, path, os.O_PATH)

    def bind(self, source: str, target: str) -> None:
        """Show `source` read-only at `target`, without devices and set-user-id there."""
        fd = self.place(target, directory=os.path.isdir(source))
        try:
            kernel.bind(source, f"/proc/self/fd/{fd}")
        finally:
            os.close(fd)
        fd = self.place(target, directory=False)
        try:
            kernel.set_mount_flags(f"/proc/self/fd/{fd}", kernel.ATTR_RDONLY | kernel.ATTR_NOSUID | kernel.ATTR_NODEV)
        finally:
            os.close(fd)

    def mount(self, target: str, kind: str, flags: int, data: str | None = None) -> None:
        """Mount a new file system of `kind` at `target`."""
        fd = self.place(target, directory=True)
        try:
            kernel.mount(kind, f"/proc/self/fd/{fd}", kind, flags, data)
        finally:
            os.close(fd)


def bind_all(inside: Inside, mounts: Sequence[Sequence[str]], prefix: str) -> None:
    """The host mounts of a container, outer targets first."""
    for source, target in sorted(mounts, key=lambda item: item[1].count("/")):
        if not os.path.lexists(prefix + source):
            raise FileNotFoundError(errno.ENOENT, f"the host has no {source} to show at {target}")
        inside.bind(prefix + source, target)


def mount_volume(inside: Inside, volume: Sequence[Any]) -> None:
    """Show a volume: target, and what `intermodal.plugins.mounter.overlay` says. Changes the working directory."""
    target, source, directory, flags, options = volume
    fd = inside.place(target, directory=True)
    try:
        os.chdir(directory)
        kernel.mount(source, f"/proc/self/fd/{fd}", "overlay", flags, options)
    finally:
        os.close(fd)


def enter_root(root: str) -> None:
    """Make `root` the only thing this mount namespace holds."""
    os.chdir(root)
    kernel.pivot_root(".", ".")
    kernel.unmount(".")
    os.chdir("/")


def counts(lowers: dict[str, list[str]]) -> list[int]:
    """How many lower directories each part has."""
    return [len(lowers.get(name, ())) for _, name, _ in PARTS]


def lowers_of(layers: Sequence[str], base: dict[str, Any]) -> dict[str, list[str]]:
    """The lower directories of an image: those of its layers (top-most first), then those of its base."""
    return {
        name: [f"{layer}/{name}" for layer in layers if os.path.isdir(f"{layer}/{name}")] + list(base[name])
        for _, name, _ in PARTS
        if base[name]
    }
