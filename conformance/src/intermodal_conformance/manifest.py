"""The manifest: every requirement that a verdict is about."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

__all__ = ["Manifest", "Requirement", "load_manifest"]

Level = Literal["core", "capability"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement. `capability` narrows it: a backend without that capability must refuse instead, unless programs
    cannot ask for what it is about (`refusable`)."""

    id: str
    level: Level
    since: str
    text: str
    capability: str | None = None
    refusable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All requirements, in order. `digest` is the SHA-256 of the manifest's file, `spec` the rules' version."""

    spec: str
    digest: str
    requirements: Mapping[str, Requirement]


def parse_manifest(data: bytes) -> Manifest:
    """The manifest in a file. Raises `ValueError` where it contradicts itself."""
    content = tomllib.loads(data.decode())
    requirements: dict[str, Requirement] = {}
    for entry in content["requirement"]:
        requirement = Requirement(**entry)
        if requirement.id in requirements:
            raise ValueError(f"the manifest has {requirement.id!r} twice")
        if (requirement.level == "capability") != (requirement.capability is not None):
            raise ValueError(f"{requirement.id!r}: level {requirement.level!r} and capability do not go together")
        requirements[requirement.id] = requirement
    return Manifest(spec=content["spec"], digest=hashlib.sha256(data).hexdigest(), requirements=requirements)


@cache
def load_manifest() -> Manifest:
    """The manifest of this suite."""
    return parse_manifest((files("intermodal_conformance") / "requirements.toml").read_bytes())
