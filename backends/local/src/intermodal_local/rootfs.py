"""What a built image of this backend is: layers over the host's userland, and the interpreter that runs in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

__all__ = ["Python", "Rootfs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """An interpreter of the host. `prefix` is its base prefix there; unless that is /usr, containers see it as
    /usr/local.

    `executable` is its path inside; `version` is like "3.11.7".
    """

    prefix: str
    executable: str
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rootfs:
    """The reference in `BuiltImage.ref`. `layers` are absolute directories, top-most first, each with any of `root`,
    `usr`, `usr-local` in it in the format of an overlay's upper directory. `venv` is a virtual environment's directory
    instead, for `isolation = "process"`."""

    python: Python
    layers: tuple[str, ...] = ()
    venv: str | None = None

    def to_json(self) -> str:
        """The text for `BuiltImage.ref`."""
        python = {
            "prefix": self.python.prefix,
            "executable": self.python.executable,
            "version": self.python.version,
        }
        return json.dumps({"layers": list(self.layers), "python": python, "venv": self.venv})

    @classmethod
    def from_json(cls, text: str) -> Rootfs:
        """Read `BuiltImage.ref`. Raises `ValueError` on anything else."""
        try:
            value: dict[str, Any] = json.loads(text)
            return cls(python=Python(**value["python"]), layers=tuple(value["layers"]), venv=value.get("venv"))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a root of the local backend: {text!r:.200} ({error})") from None
