"""Volumes and buckets by the paths where containers mount them, and which paths these may be (volume.paths)."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from intermodal.client.shown import shown
from intermodal.definitions.buckets import CloudBucketMount
from intermodal.definitions.secrets import Secret
from intermodal.definitions.volumes import Volume
from intermodal.exception import InvalidError
from intermodal.specs import BucketSpec, VolumeSpec

__all__ = ["buckets_of", "mounted", "volumes_of"]

#: What containers need themselves. Nothing can be mounted in those of the second line either.
_TAKEN = ("/", "/root", "/tmp", "/usr", "/etc", "/var", "/run", "/opt", "/home", "/bin", "/sbin", "/lib", "/lib64")
_CLOSED = ("/proc", "/sys", "/dev", "/opt/intermodal", "/.host")


def mounted(before: Mapping[str, Any], given: Mapping[Any, Any]) -> dict[str, Any]:
    """All volumes by path: those of before, and `given`. Raises `InvalidError`."""
    result = dict(before)
    own: dict[str, Any] = {}
    for path, volume in given.items():
        if not isinstance(volume, (Volume, CloudBucketMount)):
            raise InvalidError(f"volumes={{{shown(path)}: {shown(volume)}}}: give it an intermodal.Volume")
        place = _checked(str(path))
        if place in own:
            raise InvalidError(f"volumes= mounts two volumes at {place}")
        own[place] = volume
    result.update(own)
    _check_apart(result)
    return result


def volumes_of(by_path: Mapping[str, Any]) -> tuple[VolumeSpec, ...]:
    """The specs of the volumes among what `mounted` gave."""
    return tuple(each.mounted(path) for path, each in by_path.items() if isinstance(each, Volume))


def buckets_of(by_path: Mapping[str, Any], name_of: Callable[[Secret], str]) -> tuple[BucketSpec, ...]:
    """The specs of the buckets among them; `name_of` says what their secrets are called there."""
    return tuple(
        each.mounted(path, None if each.secret is None else name_of(each.secret))
        for path, each in by_path.items()
        if isinstance(each, CloudBucketMount)
    )


def _checked(path: str) -> str:
    if not path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise InvalidError(
            f"a volume cannot be mounted at {shown(path)}: use an absolute path without '..', such as '/data'"
        )
    place = posixpath.normpath("/" + path.lstrip("/"))
    if place in _TAKEN or any(place == taken or place.startswith(f"{taken}/") for taken in _CLOSED):
        raise InvalidError(
            f"a volume cannot be mounted at {shown(place)}, which the container needs itself: use '/data'"
        )
    return place


def _check_apart(volumes: Mapping[str, Any]) -> None:
    names: dict[Any, str] = {}
    for place, volume in sorted(volumes.items()):
        if isinstance(volume, Volume):
            other = names.setdefault(volume.identity, place)
            if other != place:
                raise InvalidError(f"{volume!r} is mounted twice, at {other} and at {place}: once is enough")
        for outer in volumes:
            if place.startswith(f"{outer}/"):
                raise InvalidError(f"the volume at {place} would lie within the one at {outer}: mount it elsewhere")
