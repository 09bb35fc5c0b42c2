"""What a step's result depends on, as a hash: the layer cache's keys (image.immutable)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from intermodal.specs import ImageStep, SystemPackages, to_json

__all__ = ["FORMAT", "BaseIdentity", "layer_keys"]

#: Raised when a builder makes other layers of the same steps than before.
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseIdentity:
    """What of the host the layers lie over.

    Args:
        system: the host's os-release and machine.
        python: full version and place of the image's interpreter.
        packages: the host's package database; only what the system's package manager installs depends on it.
        isolation: "namespaces" or "process".
    """

    system: str
    python: str
    packages: str = ""
    isolation: str = "namespaces"


def layer_keys(base: BaseIdentity, steps: Sequence[ImageStep]) -> list[str]:
    """One key for each step, in hex. A key covers the base, its step and all before; `force` is no part of it."""
    keys: list[str] = []
    above = _digest({**asdict(base), "format": FORMAT, "packages": None})
    for step in steps:
        definition = {key: value for key, value in to_json(step).items() if key != "force"}
        packages = base.packages if isinstance(step, SystemPackages) else None
        above = _digest({"parent": above, "step": definition, "packages": packages})
        keys.append(above)
    return keys


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
