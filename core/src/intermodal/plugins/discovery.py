"""Entry points: which backends and plugins are installed, found by name, imported only when chosen."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from intermodal.exception import BackendNotFoundError, PluginError

__all__ = ["BACKENDS", "KNOWN_BACKENDS", "PLUGINS", "Installed", "find_backend", "installed", "load_entry_point"]

BACKENDS = "intermodal.backends"
PLUGINS = "intermodal.plugins"

#: How to get the backends that are known to exist, for the message when one is not installed.
KNOWN_BACKENDS = {
    "local": "pip install intermodal-local",
    "docker": "pip install intermodal-docker",
    "podman": "pip install intermodal-docker",
    "k8s": "pip install intermodal-k8s",
}


@dataclass(frozen=True, slots=True)
class Installed:
    """One entry point. `distribution` is "name version"."""

    name: str
    distribution: str
    entry_point: EntryPoint


def installed(group: str) -> list[Installed]:
    """Every entry point of `group`, sorted by name. Nothing is imported."""
    points = _entry_points(tuple(sys.path)).select(group=group)
    found = {(point.name, _distribution(point), point.value): point for point in points}
    return [Installed(name, distribution, point) for (name, distribution, _), point in sorted(found.items())]


@functools.lru_cache(maxsize=1)
def _entry_points(path: tuple[str, ...]) -> Any:
    """Those of every distribution on `path`. Reading them all takes long, and a session asks several times."""
    return entry_points()


def find_backend(name: str, origin: str) -> Installed:
    """The installed backend called `name`. `origin` says who chose it.

    Raises:
        BackendNotFoundError: it is not installed; lists those that are and how to get it.
        PluginError: two distributions claim the name.
    """
    everything = installed(BACKENDS)
    claimants = [item for item in everything if item.name == name]
    if not claimants:
        raise BackendNotFoundError(_unknown_backend(name, origin, everything))
    return only_claimant("backend", claimants)


def only_claimant(kind: str, claimants: Sequence[Installed]) -> Installed:
    """The one that claims a name. Raises `PluginError` naming every distribution where there are more."""
    if len(claimants) > 1:
        who = " and ".join(f"{item.distribution} ({item.entry_point.value})" for item in claimants)
        raise PluginError(
            f"the {kind} {claimants[0].name!r} is claimed by {len(claimants)} entry points: {who}. "
            "Uninstall all but one: pip uninstall NAME"
        )
    return claimants[0]


def load_entry_point(kind: str, item: Installed, remedy: str) -> Any:
    """Import what the entry point names. Raises `PluginError` with its name, its distribution, and the cause."""
    try:
        loaded = item.entry_point.load()
    except Exception as error:
        raise PluginError(
            f"the {kind} {item.name!r} of distribution {item.distribution} could not be imported "
            f"({item.entry_point.value}): {type(error).__name__}: {error}. {remedy}"
        ) from error
    if isinstance(loaded, type):
        raise PluginError(
            f"the {kind} {item.name!r} of distribution {item.distribution} is a class ({item.entry_point.value}): "
            "its entry point has to name a module or an instance with hook implementations"
        )
    return loaded


def _unknown_backend(name: str, origin: str, everything: Sequence[Installed]) -> str:
    names = ", ".join(sorted({item.name for item in everything})) or "none"
    message = f"the backend {name!r} (from {origin}) is not installed. Installed: {names}."
    if name in KNOWN_BACKENDS:
        return f"{message} Install it: {KNOWN_BACKENDS[name]}"
    known = ", ".join(f"{backend} ({command})" for backend, command in KNOWN_BACKENDS.items())
    return f"{message} Choose one with --backend NAME or INTERMODAL_BACKEND, or install one: {known}"


def _distribution(point: EntryPoint) -> str:
    dist = point.dist
    return f"{dist.name} {dist.version}" if dist is not None else "an unknown distribution"
