"""What is deployed: an app's spec, and the secrets that it starts with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from intermodal.client.work import Work
from intermodal.exception import ConfigError, NotFoundError
from intermodal.specs import AppSpec, FunctionSpec, SecretName, from_json, to_json
from intermodal.storage import NotOpened, Sealer

__all__ = ["Package", "Values", "package_from"]

#: Variables by the name that the spec has for a secret.
Values = dict[str, dict[str, str]]

_BOUND = b"intermodal deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """All that a version needs to run, for as long as it is kept.

    Attributes:
        blobs: what the spec names, by SHA-256.
        secrets: values by the names that functions have; build_secrets: by those that images have.
        named: secrets that are looked up at each start, in place of values, by the names of either.
    """

    app: AppSpec
    blobs: tuple[str, ...] = ()
    secrets: Values = field(default_factory=dict)
    build_secrets: Values = field(default_factory=dict)
    named: Mapping[str, SecretName] = field(default_factory=dict)

    @property
    def warm(self) -> bool:
        """It has containers also while nobody calls (scale.limits)."""
        return any(function.scaling.min_containers for function in self.app.functions)

    def function(self, name: str) -> FunctionSpec:
        """By the name that callers use. Raises `NotFoundError`, which lists what there is."""
        for function in self.app.functions:
            if function.name == name:
                return function
        known = ", ".join(sorted(function.name for function in self.app.functions)) or "none"
        raise NotFoundError(f"the app {self.app.name!r} has no function or class {name!r}; it has: {known}")

    def called(self, name: str) -> Package:
        """The same under another app's name."""
        functions = tuple(replace(function, app=name) for function in self.app.functions)
        return replace(self, app=replace(self.app, name=name, functions=functions))

    def work(self, read: Callable[[SecretName], dict[str, str]]) -> Work:
        """What a session is to run, with named secrets as they are now. Raises `NotFoundError`, `ConfigError`."""
        named = {name: read(where) for name, where in self.named.items()}
        used = {name for function in self.app.functions for name in function.secrets}
        buckets = {bucket.secret for function in self.app.functions for bucket in function.buckets}
        of_functions = {name: values for name, values in named.items() if name in used | buckets}
        of_images = {name: values for name, values in named.items() if name not in of_functions}
        return Work(self.app, {}, {**self.secrets, **of_functions}, {**self.build_secrets, **of_images})

    def kept(self, sealer: Sealer) -> str:
        """As text to keep, in which no value of a secret can be read. Raises `ConfigError`."""
        stored: dict[str, Any] = {
            "app": to_json(self.app),
            "blobs": list(self.blobs),
            "named": {name: to_json(where) for name, where in self.named.items()},
        }
        if self.secrets or self.build_secrets:
            values = json.dumps({"secrets": self.secrets, "build_secrets": self.build_secrets})
            stored["sealed"] = sealer.seal(values.encode(), _BOUND)
        return json.dumps(stored)


def package_from(text: str, sealer: Sealer) -> Package:
    """What `Package.kept` gave. Raises `ConfigError`: its secrets do not open with the key that there is."""
    stored = json.loads(text)
    values: dict[str, Values] = {}
    if "sealed" in stored:
        try:
            values = json.loads(sealer.open(stored["sealed"], _BOUND))
        except NotOpened:
            raise ConfigError(
                f"the secrets of a deployed app cannot be decrypted with the key in {sealer.key_file}: bring back the "
                "key that it was deployed with, or deploy it anew"
            ) from None
    return Package(
        app=from_json(AppSpec, stored["app"]),
        blobs=tuple(stored["blobs"]),
        named={name: from_json(SecretName, where) for name, where in stored["named"].items()},
        **values,
    )
