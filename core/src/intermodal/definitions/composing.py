"""An image definition on its way to a spec: what its steps so far have made of it, and what later ones need to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from intermodal.specs import (
    CodeTarget,
    DebianSlim,
    ImageBase,
    ImageSpec,
    ImageStep,
    SetEnv,
    Setting,
    SetUser,
    SetWorkdir,
    SourceTree,
)

if TYPE_CHECKING:
    from intermodal.definitions.files import Blobs
    from intermodal.definitions.secrets import Secret

__all__ = ["Composing", "Deferred", "Shipping"]


class Shipping(Protocol):
    """What lowering gives to a step."""

    blobs: Blobs

    def code(self, function: Callable[..., Any]) -> tuple[CodeTarget, SourceTree]:
        """Where a function's code is, and its source."""
        ...

    def pickled(self, value: Any) -> str:
        """The hash of a pickled value."""
        ...

    def build_secret(self, secret: Secret) -> str:
        """The name under which a build gets the values of `secret`."""
        ...


class Deferred(Protocol):
    """A base or a step that is read when the app starts. Each spec is taken before the next one is asked for."""

    def lower(self, making: Composing) -> Iterable[ImageStep]: ...


@dataclass
class Composing:
    """The spec so far. `shell` runs commands, () is `/bin/sh -c`; `force` builds what comes anew."""

    shipping: Shipping
    base: ImageBase
    force: bool = False
    steps: list[ImageStep] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/root"
    user: str = ""
    shell: tuple[str, ...] = ()
    snapshot: str | None = None

    @classmethod
    def begin(cls, shipping: Shipping, force: bool) -> Composing:
        """Before anything is known of the base."""
        return cls(shipping, DebianSlim(python=""), force)

    def extend(self, steps: Iterable[ImageStep]) -> None:
        """Take on steps, one after another."""
        for step in steps:
            self.force = self.force or getattr(step, "force", False)
            if isinstance(step, SetEnv):
                self.env.update(step.variables)
            elif isinstance(step, SetWorkdir):
                self.workdir = step.path
            elif isinstance(step, SetUser):
                self.user = step.user
            elif self.force and not isinstance(step, Setting):
                step = replace(step, force=True)
            self.steps.append(step)

    def secrets(self, secrets: Iterable[Secret]) -> tuple[str, ...]:
        """Their names in this build."""
        return tuple(map(self.shipping.build_secret, secrets))

    def spec(self) -> ImageSpec:
        """The whole of it."""
        return ImageSpec(base=self.base, steps=tuple(self.steps), snapshot=self.snapshot)
