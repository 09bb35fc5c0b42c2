"""What every building method of `Image` takes besides its own arguments: variables, secrets, a forced build,
devices and limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from intermodal.definitions.build_options import build_resources, build_variables, no_extras
from intermodal.definitions.composing import Composing
from intermodal.definitions.secrets import Secret
from intermodal.specs import PythonPackages, RunCommands, RunFunction, StepResources, SystemPackages

__all__ = ["StepOptions"]

S = TypeVar("S", bound="PythonPackages | SystemPackages | RunCommands | RunFunction")


@dataclass(frozen=True)
class StepOptions:
    """`env` are the step's variables, `secrets` those whose values its environment has, `force` builds it anew, and
    `resources` are there while it runs."""

    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[Secret, ...] = ()
    force: bool = False
    resources: StepResources = StepResources()

    @classmethod
    def of(
        cls,
        method: str,
        env: Mapping[str, str | None] | None,
        secrets: Collection[Secret] | None,
        force_build: bool,
        other: Mapping[str, Any],
    ) -> StepOptions:
        """As the user gave them to `Image.METHOD`. Raises `InvalidError`, `CapabilityNotSupported`."""
        extras = dict(other)
        resources = build_resources(method, extras)
        no_extras(method, extras)
        return cls(build_variables(env), tuple(secrets or ()), force_build, resources)

    def applied(self, step: S, making: Composing) -> S:
        """`step` with these options."""
        return replace(
            step, env=self.env, secrets=making.secrets(self.secrets), force=self.force, resources=self.resources
        )
