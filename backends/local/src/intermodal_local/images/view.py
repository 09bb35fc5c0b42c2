"""A stack of overlay directories read without mounting it: what a path inside an image is, and where it really lies."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Place", "StackView"]

_PARTS = (("usr-local", "/usr/local"), ("usr", "/usr"), ("root", ""))
_TOPS = dict(_PARTS)
_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class Place:
    """A path with no links in it: in which part of a layer (`root`, `usr`, `usr-local`), and where there."""

    part: str
    inside: tuple[str, ...]

    @property
    def path(self) -> str:
        """The whole path inside the image."""
        return _TOPS[self.part] + "".join(f"/{name}" for name in self.inside)

    def child(self, name: str) -> Place:
        """`name` in this directory. Nothing is resolved."""
        return Place(self.part, (*self.inside, name))


class StackView:
    """Lower directories by part, top-most first, as an overlay shows them."""

    def __init__(self, lowers: Mapping[str, Sequence[str]]) -> None:
        self._lowers = lowers

    def resolve(self, path: str) -> Place:
        """Where `path` lies when the links on its way, the last one too, are followed inside the image.

        Raises `OSError`: links lead in a circle, or the way leads through something that is no directory.
        """
        waiting = [name for name in reversed(path.split("/")) if name]
        passed: list[str] = []
        links = 0
        while waiting:
            name = waiting.pop()
            if name == "..":
                del passed[-1:]
                continue
            if name == ".":
                continue
            place = self._place([*passed, name])
            found = self.find(place)
            if found is None or stat.S_ISDIR(os.lstat(found).st_mode):
                passed.append(name)
            elif os.path.islink(found):
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(0, f"{path} leads through too many links in the image")
                target = os.readlink(found)
                passed = [] if target.startswith("/") else passed
                waiting += [part for part in reversed(target.split("/")) if part]
            elif waiting:
                raise NotADirectoryError(0, f"/{'/'.join([*passed, name])} is a file in the image, not a directory")
            else:
                passed.append(name)
        return self._place(passed)

    def over(self, layer: Path) -> StackView:
        """The same below the parts of `layer`, whatever is written there from now on."""
        return StackView({part: [str(layer / part), *lowers] for part, lowers in self._lowers.items()})

    def walk(self, place: Place, name: str = "") -> Iterator[tuple[str, str]]:
        """What is seen at `place` and below, directories before what is in them: names relative to it, and the host's
        paths. Links are not followed."""
        found = self.find(place)
        if found is None:
            return
        yield name, found
        if stat.S_ISDIR(os.lstat(found).st_mode):
            for child in self._children(place):
                below = self._place([*filter(None, place.path.split("/")), child])
                yield from self.walk(below, f"{name}/{child}" if name else child)

    def _children(self, place: Place) -> list[str]:
        directories = [path for path in self._lowers[place.part] if os.path.isdir(path)]
        for name in place.inside:
            directories, _ = self._below(directories, name)
        names: dict[str, bool] = {}
        for directory in directories:
            for entry in os.scandir(directory):
                names.setdefault(entry.name, not _is_whiteout(entry.stat(follow_symlinks=False)))
        return sorted(name for name, is_there in names.items() if is_there)

    def find(self, place: Place) -> str | None:
        """The host's path of what is seen at `place`; None where nothing is."""
        directories = [path for path in self._lowers[place.part] if os.path.isdir(path)]
        for depth, name in enumerate(place.inside):
            below, leaf = self._below(directories, name)
            if leaf is not None:
                return leaf if depth == len(place.inside) - 1 else None
            directories = below
        return directories[0] if directories else None

    def _below(self, directories: Sequence[str], name: str) -> tuple[list[str], str | None]:
        """What `name` is in merged `directories`: merged directories again, or one other thing."""
        merged: list[str] = []
        for directory in directories:
            path = f"{directory}/{name}"
            try:
                info = os.lstat(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if stat.S_ISDIR(info.st_mode):
                merged.append(path)
                if _is_opaque(path):
                    break
            elif _is_whiteout(info) or merged:
                break
            else:
                return [], path
        return merged, None

    def _place(self, names: Sequence[str]) -> Place:
        path = "".join(f"/{name}" for name in names)
        for part, top in _PARTS:
            if part in self._lowers and f"{path}/".startswith(f"{top}/"):
                return Place(part, tuple(names[top.count("/") :]))
        raise ValueError(f"no part for {path}")


def _is_whiteout(info: os.stat_result) -> bool:
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


def _is_opaque(path: str) -> bool:
    try:
        return os.getxattr(path, "user.overlay.opaque") == b"y"
    except OSError:
        return False
