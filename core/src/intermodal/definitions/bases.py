"""What an image begins with, read when the app starts and not before."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from intermodal.definitions.composing import Composing, Deferred
from intermodal.definitions.registries import registry
from intermodal.definitions.secrets import Secret
from intermodal.specs import DebianSlim, ImageStep, Scratch

__all__ = ["Base", "DebianBase", "EmptyBase", "RegistryBase", "SnapshotBase"]


class Base(Deferred, Protocol):
    """A `Deferred` that sets `making.base`, and may add steps of its own. `label` is for people."""

    @property
    def label(self) -> str: ...


@dataclass(frozen=True)
class DebianBase:
    """A plain Debian with Python, by default that of the caller's side."""

    python: str | None = None

    label = "debian_slim"

    def lower(self, making: Composing) -> Iterable[ImageStep]:
        """No steps."""
        making.base = DebianSlim(python=self.python or f"{sys.version_info.major}.{sys.version_info.minor}")
        return ()


@dataclass(frozen=True)
class EmptyBase:
    """Nothing."""

    label = "from_scratch"

    def lower(self, making: Composing) -> Iterable[ImageStep]:
        """No steps."""
        making.base = Scratch()
        return ()


@dataclass(frozen=True)
class SnapshotBase:
    """What a sandbox's filesystem was."""

    id: str

    label = "snapshot_filesystem"

    def lower(self, making: Composing) -> Iterable[ImageStep]:
        """No steps."""
        making.base = DebianSlim(python="")
        making.snapshot = self.id
        return ()


@dataclass(frozen=True)
class RegistryBase:
    """An image of a registry, and steps that belong to it."""

    tag: str
    add_python: str | None = None
    secret: Secret | None = None
    login: Literal["basic", "aws", "gcp"] = "basic"
    setup: Deferred | None = None

    label = "from_registry"

    def lower(self, making: Composing) -> Iterable[ImageStep]:
        """The steps of `setup`."""
        secret = None if self.secret is None else making.shipping.build_secret(self.secret)
        making.base = registry(self.tag, self.add_python, secret, self.login)
        return () if self.setup is None else self.setup.lower(making)
